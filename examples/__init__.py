"""Whole stories on the ops: scripts to run and to read, each with a page as its outcome."""
