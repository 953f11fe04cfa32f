"""A plug-in whose import fails."""

raise ValueError("on purpose")
