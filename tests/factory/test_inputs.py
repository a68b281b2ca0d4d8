"""Which videos the inputs name."""

from __future__ import annotations

import pytest

from vimoflow.errors import InputError
from vimoflow.factory.inputs import find_videos


@pytest.fixture
def folder(tmp_path):
    for name in ("a.mp4", "deep/b.MOV", "deep/er/c.webm", "deep/notes.txt.bak"):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "videos"


def names(*inputs, **options):
    return [video.name for video in find_videos(inputs, **options)]


def test_folders_are_searched_to_any_depth(folder):
    assert names(folder) == ["a.mp4", "deep/b.MOV", "deep/er/c.webm"]


def test_globs_files_and_lists(folder):
    (folder / "list.txt").write_text("# mine\na.mp4\n\ndeep/b.MOV  # the second\n", "utf-8")
    assert names(folder / "list.txt") == ["a.mp4", "deep/b.MOV"]
    assert names(str(folder / "*.mp4")) == ["a.mp4"]
    assert names(str(folder / "**" / "*.webm")) == ["c.webm"]
    assert names(folder / "a.mp4") == ["a.mp4"]


def test_a_table_says_more_than_a_folder_in_any_order(folder):
    table = folder / "t.csv"
    table.write_text(
        'Video,label,licence,split\na.mp4,waltz,CC0,val\n"deep/b.MOV","a, b",,\n', "utf-8-sig"
    )
    for inputs in ((folder, table), (table, folder)):
        a, b, c = find_videos(inputs, licence="mine")
        assert (a.label, a.licence, a.split) == ("waltz", "CC0", "validation")
        assert (b.label, b.licence, b.split) == ("a, b", "mine", None)
        assert (c.label, c.licence) == ("", "mine")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("clip,label\na.mp4,x\n", "column 'video'"),
        ("video,colour\na.mp4,x\n", "'colour'"),
        ("video,split\na.mp4,test\n", "'test'"),
        ("video,label\na.mp4,x,y\n", "line 2"),
        ("video\nmissing.mp4\n", "missing.mp4"),
    ],
)
def test_bad_tables(folder, text, word):
    (folder / "t.csv").write_text(text, "utf-8")
    with pytest.raises(InputError, match=word):
        find_videos([folder / "t.csv"])


def test_nothing_there(tmp_path):
    for missing in (tmp_path / "no.mp4", tmp_path, str(tmp_path / "*.mp4")):
        with pytest.raises(InputError):
            find_videos([missing])
