"""What the tests of data share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest


@pytest.fixture
def limit_file_size() -> Callable[[int], AbstractContextManager[None]]:
    """Files end at so many bytes inside the context: the system's own error, as on a full disk."""
    resource = pytest.importorskip("resource", reason="needs POSIX resource limits")

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit
