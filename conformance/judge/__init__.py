"""The opinion on what a target did: what is allowed, the verdict, and what a whole run shows."""
