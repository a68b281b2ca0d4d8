"""What a reader guessed, repaired or left out: told once, in plain words, where the user looks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager


class InputNote(UserWarning):
    """A guess about an input, or what is missing of it; one sentence that names the file."""


def note(message: str) -> None:
    """Tell it to whoever collects notes (`collected_notes`), else on stderr."""
    warnings.warn(message, InputNote, stacklevel=3)


@contextmanager
def collected_notes() -> Iterator[list[str]]:
    """Notes made in the block, each once, in their order; complete when the block ends.

    Other warnings pass through. Not for several threads at once, as `warnings` is not.
    """
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield found
        finally:
            ours = [w for w in caught if issubclass(w.category, UserWarning) and _ours(w.category)]
            found += dict.fromkeys(" ".join(str(w.message).split()) for w in ours)
    for other in caught:
        if not _ours(other.category):
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)


@contextmanager
def shown_notes(show: Callable[[str], None]) -> Iterator[None]:
    """Show the notes made in the block when it ends, also by an error."""
    with ExitStack() as stack:
        notes = stack.enter_context(collected_notes())
        try:
            yield
        finally:
            stack.close()
            for one in notes:
                show(one)


def _ours(category: type[Warning]) -> bool:
    return category.__module__.partition(".")[0] == "vimoflow"
