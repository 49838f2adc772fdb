"""Libraries that other processes of a test need."""

from importlib.util import find_spec

import pytest


def require(*names):
    """Skip where one is not installed. It is not imported: that takes seconds, of each process that collects tests."""
    for name in names:
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed", allow_module_level=True)
