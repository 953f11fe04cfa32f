"""The report: what to say (data), and how (pages)."""
