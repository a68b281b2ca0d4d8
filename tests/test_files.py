"""Files are complete or absent, and the first error is the one that is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from vimoflow.files import replacing, write_text


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a.npz"
    write_text(path, "old")
    with replacing(path) as partial:
        assert (partial.parent, partial.suffix) == (path.parent, path.suffix)
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(error, match="the first"), replacing(path) as partial:
        partial.write_text("half")
        raise error("the first")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_cleaning_up_does_not_hide_the_error(tmp_path, monkeypatch):
    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError("the second")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ValueError, match="the first"), replacing(tmp_path / "a"):
        raise ValueError("the first")


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "none" / "a.txt", "x")
