"""What cases of any op are made of: choices, sizes, values, spellings, what breaks a rule; and the record of an op."""
