"""How good the suite itself is: faulty implementations that it must catch, correct ones that it must leave alone."""
