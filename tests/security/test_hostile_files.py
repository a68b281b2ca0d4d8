"""BVH, JSON and npz files made to exhaust memory, to escape a folder or to run code.

Each is refused with one line that names the file, and reading it takes little memory.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow.errors import VimoflowError
from vimoflow.formats.bvh_reader import MAX_JOINTS, MAX_NAME, read_bvh
from vimoflow.formats.motion_npz import load_motion_npz, save_motion_npz
from vimoflow.keypoints.formats import read_keypoints

MEMORY = 64 << 20  # bytes that a refusal may take


def assert_refused(read: Callable[[Path], Any], path: Path, reason: str | None = None) -> None:
    tracemalloc.start()
    with pytest.raises(VimoflowError, match=reason) as caught:
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000
    assert peak < MEMORY


def bvh(joints: str = "", frames: str = "1", row: str = "0 0 0 0 0 0", time: str = "0.1") -> str:
    channels = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    head = f"HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\n{channels}\n{joints}}}\n"
    return f"{head}MOTION\nFrames: {frames}\nFrame Time: {time}\n{row}\n"


JOINT = "JOINT j\n{\nOFFSET 0 1 0\n"
HOSTILE_BVH = {
    "frames of 4000 digits": bvh(frames="9" * 4000),
    "frames beyond any integer": bvh(frames="1e999"),
    "absurd offset": bvh("End Site\n{\nOFFSET 0 1e30 0\n}\n"),
    "NaN offset": bvh("End Site\n{\nOFFSET 0 nan 0\n}\n"),
    "NaN": bvh(row="0 0 nan 0 0 0"),
    "infinite": bvh(row="0 0 -inf 0 0 0"),
    "beyond double": bvh(row="0 0 1e999 0 0 0"),
    "NaN time": bvh(time="nan"),
    "cut": bvh(frames="2", row="0 0 0 0"),
    "a billion short lines": bvh(row="0\n" * 300_000),
    "nested end sites": bvh("End Site\n{\nOFFSET 0 1 0\n" * 5_000),
    "nested joints": bvh(JOINT * 5_000 + "}\n" * 5_000),
    "as many joints in a row": bvh((JOINT + "}\n") * MAX_JOINTS),
    "a long name below many": bvh("JOINT " + "n" * 500_000 + "\n{\nOFFSET 0 0 0\n" + JOINT * 9),
    "an end site before the root": "HIERARCHY\nEnd Site\n{\n}\nMOTION\nFrames: 1\n",
    "an offset twice and none": bvh("OFFSET 1 1 1\nJOINT j\n{\n}\n"),
    "JSON for a row": bvh(row="0 0 0 [0] 0 0"),
    "commas": bvh(row="0,0,0,0,0,0"),
    "no blanks at all": bvh(row="1" * 200_000),
    "frames that fill memory": bvh((JOINT + "}\n") * 1900, "20000", "0 0 0 0 0 0\n" * 20_000),
    "only line ends": "HIERARCHY" + "\n" * 300_000,
}


@pytest.mark.parametrize("text", HOSTILE_BVH.values(), ids=HOSTILE_BVH.keys())
def test_bvh(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hostile.bvh"
    path.write_text(text)
    assert_refused(read_bvh, path)


def test_the_frame_of_the_hostile_bvh_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "sound.bvh"
    long_name = JOINT.replace(" j", " " + "n" * MAX_NAME) + "}\n"
    path.write_text(bvh(long_name + (JOINT + "}\n") * 100))
    assert len(read_bvh(path).names) == 102


def keypoint_json(**changes: Any) -> bytes:
    document = {
        "format": "vimoflow-keypoints", "version": 1, "fps": 25,
        "points": [[[1.0, 2.0, 0.5]] * 17] * 2,
    }  # fmt: skip
    return json.dumps({**document, **changes}).encode()


def nested(depth: int) -> Any:
    return [] if depth == 0 else [nested(depth - 1)]


HOSTILE_JSON = {
    "lists 200,000 deep": b"[" * 200_000 + b"]" * 200_000,
    "objects 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "points 100 deep": keypoint_json(points=nested(100)),
    "a number of 100,000 digits": keypoint_json().replace(b"25", b"9" * 100_000),
    "a number of 4000 digits": keypoint_json().replace(b"2.0", b"9" * 4000, 1),
    "beyond double": keypoint_json().replace(b"2.0", b"1e999", 1),
    "NaN": keypoint_json().replace(b"2.0", b"NaN", 1),
    "absurd places": keypoint_json().replace(b"2.0", b"1e300", 1),
    "absurd times": keypoint_json(timestamps=[0, 1e300]),
    "a rate near zero": keypoint_json(fps=1e-320),
    "a long version": keypoint_json(version="x" * 500_000),
    "a long name": keypoint_json(joint_names=["x" * 500_000]),
    "points that are an object": keypoint_json(points={"a": 1}),
    "a size that is an object": keypoint_json(image_size={"width": 3}),
}


@pytest.mark.parametrize("content", HOSTILE_JSON.values(), ids=HOSTILE_JSON.keys())
def test_keypoint_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hostile.json"
    path.write_bytes(content)
    assert_refused(read_keypoints, path)


def test_a_file_too_large_is_refused_by_its_size(tmp_path: Path) -> None:
    for name, start, read in (
        ("large.json", b"[", read_keypoints),
        ("large.npz", b"PK\x03\x04", read_keypoints),
        ("large.bvh", b"HIERARCHY\n", read_bvh),
    ):
        path = tmp_path / name
        path.write_bytes(start)
        os.truncate(path, 1 << 36)  # sparse: 64 GiB that take no room
        assert_refused(read, path, "larger than")


def npy(shape: str, dtype: str = "<f8", data: bytes = b"") -> bytes:
    """An array file whose header claims what it likes."""
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


class RunsCode:
    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


OBJECTS = npy("(1,)", "|O", pickle.dumps([RunsCode()]))
HOSTILE_ARRAYS = {
    "a terabyte claimed": npy("(1000000000, 17, 3)"),
    "more than any integer": npy("(9999999999999999999, 17, 3)"),
    "negative shape": npy("(-1, 17, 3)"),
    "fewer than held": npy("(1, 17, 3)", data=bytes(8 * 17 * 3 * 2)),
    "objects": OBJECTS,
    "text in the header": npy("(1, 17, __import__('os').system('touch ran'))"),
    "nested header": npy("(" * 5000),
    "long header": npy("(1, 17, 3)" + " " * 60_000),
    "unknown type": npy("(1, 17, 3)", "<q99"),
    "texts": npy("(1, 17, 3)", "<U1", bytes(4 * 17 * 3)),
    "empty": b"",
    "no array": b"hello",
}


def archive(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("content", HOSTILE_ARRAYS.values(), ids=HOSTILE_ARRAYS.keys())
def test_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    keypoints = archive(tmp_path / "k.npz", {"points.npy": content, "fps.npy": npy("()")})
    assert_refused(read_keypoints, keypoints)
    save_motion_npz(swinging_motion(1), tmp_path / "m.npz")
    with zipfile.ZipFile(tmp_path / "m.npz") as sound:
        entries = {name: sound.read(name) for name in sound.namelist()}
    assert_refused(load_motion_npz, archive(tmp_path / "m.npz", {**entries, "trans.npy": content}))
    assert not (tmp_path / "ran").exists()


def sound_arrays() -> dict[str, bytes]:
    stream = io.BytesIO()
    np.save(stream, np.full((2, 17, 3), (50.0, 60.0, 0.5)))
    rate = io.BytesIO()
    np.save(rate, 25.0)
    return {"points.npy": stream.getvalue(), "fps.npy": rate.getvalue()}


def test_a_decompression_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred times smaller than what it unpacks to, and true to its header."""
    limit = 8 << 20
    monkeypatch.setattr("vimoflow.keypoints.own_format.MAX_NPZ_BYTES", limit)
    monkeypatch.setattr("vimoflow.formats.motion_npz._MAX_BYTES", limit)
    frames = limit // (17 * 3 * 8) + 1
    bomb = npy(f"({frames}, 17, 3)", data=bytes(frames * 17 * 3 * 8))
    path = archive(tmp_path / "bomb.npz", {**sound_arrays(), "points.npy": bomb})
    assert path.stat().st_size < limit // 100
    assert_refused(read_keypoints, path, "unpacks to more")
    assert_refused(load_motion_npz, path, "unpacks to more")


@pytest.mark.parametrize("name", ["../points.npy", "/etc/points.npy", "..\\points.npy", "a/b.npy"])
def test_paths_in_an_archive(tmp_path: Path, name: str) -> None:
    entries = sound_arrays()
    assert len(read_keypoints(archive(tmp_path / "sound.npz", entries)).points) == 2
    path = archive(tmp_path / "paths.npz", {**entries, name: b"x"})
    assert_refused(read_keypoints, path, "a path")
    assert_refused(load_motion_npz, path, "a path")


def test_an_archive_that_lies_about_its_sizes(tmp_path: Path) -> None:
    """The directory at the end claims less than is packed: nothing beyond the claim is unpacked."""
    path = archive(tmp_path / "lies.npz", sound_arrays())
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (200).to_bytes(4, "little")  # uncompressed size
    path.write_bytes(content)
    assert_refused(read_keypoints, path)
