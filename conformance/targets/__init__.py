"""The targets: who is judged, how a worker of theirs is started, and what they declare."""
