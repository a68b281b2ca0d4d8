"""Notes are told once, in order, and nothing else is swallowed."""

from __future__ import annotations

import warnings

import pytest

from vimoflow.notes import InputNote, collected_notes, note, shown_notes


def test_each_note_once_in_order() -> None:
    with collected_notes() as notes:
        for text in ("b", "a", "b", "two\nlines"):
            note(text)
        assert notes == []
    assert notes == ["b", "a", "two lines"]


def test_other_warnings_pass() -> None:
    with pytest.warns(RuntimeWarning, match="numbers"), collected_notes() as notes:
        warnings.warn("numbers", RuntimeWarning, stacklevel=1)
        note("mine")
    assert notes == ["mine"]


def test_without_a_collector_it_is_a_warning() -> None:
    with pytest.warns(InputNote, match="alone"):
        note("alone")


def test_notes_are_shown_also_where_an_error_ends_the_block() -> None:
    shown: list[str] = []
    with pytest.raises(ValueError, match="bad"), shown_notes(shown.append):
        note("guessed")
        raise ValueError("bad")
    assert shown == ["guessed"]
