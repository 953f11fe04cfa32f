"""How what the ops define is computed fast and rounded once."""
