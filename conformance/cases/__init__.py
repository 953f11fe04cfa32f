"""The cases: valid and invalid calls of every op, and the values they run on."""
