"""What people give by mistake, in the place of every kind of input: one line with what to do."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vimoflow.cli.paths import require_input
from vimoflow.errors import InputError
from vimoflow.foreign_files import refuse_foreign
from vimoflow.formats.amass_npz import read_amass
from vimoflow.formats.bvh_reader import read_bvh
from vimoflow.formats.smpl_results import read_smpl_results
from vimoflow.keypoints.formats import read_keypoints
from vimoflow.pickles import load
from vimoflow.video import open_video

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
READERS: dict[str, Callable[[Path], object]] = {
    "clip.mp4": open_video, "walk_stageii.npz": read_amass, "walk.bvh": read_bvh,
    "k.json": read_keypoints, "k.npz": read_keypoints, "a.pkl": load,
    "wham.pkl": read_smpl_results, "gvhmr.pt": read_smpl_results,
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (POINTER.encode(), "Git LFS pointer, not the file itself; run `git lfs pull`"),
        (b"\x1f\x8b\x08\x00" + bytes(600), r"archive \(gz\); unpack"),
        (b"\n<!DOCTYPE html><html><body>sign in</body></html>", "web page"),
    ],
)
def test_every_reader_says_what_it_is(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        READERS[name](path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_tar_is_an_archive(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "x.txt", "x.txt")
    with pytest.raises(InputError, match=r"archive \(tar\)"):
        refuse_foreign(tmp_path / "a.tar")


@pytest.mark.parametrize("text", ["https://youtu.be/x", "http://a.org/b.mp4", "rtsp://cam/1"])
def test_an_address_is_no_file(text: str) -> None:
    with pytest.raises(InputError, match="address; download the file first"):
        require_input(Path(text))


def test_what_is_no_stranger_passes(tmp_path: Path) -> None:
    for name, content in {"a.bvh": b"HIERARCHY\n", "long.txt": POINTER.encode() * 20}.items():
        (tmp_path / name).write_bytes(content)
        refuse_foreign(tmp_path / name)
    refuse_foreign(tmp_path)
    refuse_foreign(tmp_path / "none")


def test_a_zip_of_videos_and_a_motion_are_no_keypoints(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("dance.mp4", b"x")
    with pytest.raises(InputError, match=r"archive; unpack it.*'dance\.mp4'"):
        read_keypoints(tmp_path / "a.zip")
    np.savez(tmp_path / "m.npz", poses=np.zeros((3, 72)), trans=np.zeros((3, 3)))
    with pytest.raises(InputError, match=r"finished motion.*`vimoflow edit`"):
        read_keypoints(tmp_path / "m.npz")


@pytest.mark.parametrize("ending", [".bvh", ".fbx", ".glb"])
def test_a_motion_is_no_video(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"walk{ending}"
    path.write_text("HIERARCHY\nROOT Hips\n{\n")
    with pytest.raises(InputError, match="looks like a finished motion"):
        open_video(path)
