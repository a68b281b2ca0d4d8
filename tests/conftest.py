"""Test set-up: every shape annotation of the package is checked while the tests run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
install_import_hook("vimoflow", "beartype.beartype")
# The same examples in every run, so that a change is to blame for what fails. To look for new ones:
# pytest --hypothesis-profile default
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")

# Imported after the hook, so that what they import is checked as well.
pytest_plugins = ("keypoint_fixtures", "shard_fixtures")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The corpora beside the checkout; tests that need them skip in a clone without."""
    if not SHARED.is_dir():
        pytest.skip("needs the corpora in ../shared/data, which are not part of the repository")
    return SHARED
