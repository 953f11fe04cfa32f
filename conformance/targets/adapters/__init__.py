"""What runs inside a worker process: one adapter a framework."""
