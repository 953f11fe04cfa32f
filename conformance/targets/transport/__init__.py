"""How a worker process is started, and how calls and results travel."""
