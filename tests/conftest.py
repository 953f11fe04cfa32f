"""How Hypothesis runs: without deadlines, as machines differ, and on a build server the same examples every time."""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("build", parent=settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("build" if os.environ.get("CI") else "here")
