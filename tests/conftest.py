"""No test asserts a time: a generated case may take long on a busy machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)
settings.register_profile("fewer", settings.get_profile("no_deadline"), max_examples=25)
"""Of `make test-fast`: what is generated is generated in full by `make test`."""
settings.load_profile("no_deadline")
