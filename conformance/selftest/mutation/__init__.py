"""Faults to plant, in tables: what a mutant of the reference does wrong."""
