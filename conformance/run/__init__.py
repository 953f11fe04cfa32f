"""A run: its plan, its trials on the targets' workers, and its files."""
