"""Broken and hostile motion files: one line that names the file, nothing fetched or written."""

from __future__ import annotations

import io
import json
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow.data.motion_files import load_motions
from vimoflow.errors import VimoflowError
from vimoflow.formats import fbx_nodes as fbx
from vimoflow.formats.fbx_nodes import from_bytes

pytest.importorskip("pxr")
ENDINGS = ("fbx", "glb", "vrma", "usda", "usdc", "usdz", "c3d", "trc", "csv")


def saved(ending: str, folder: Path) -> bytes:
    path = folder / f"sound.{ending}"
    swinging_motion(3, keypoints=False).save(path)
    content = path.read_bytes()
    path.unlink()
    return content


def refused(content: bytes, name: str, folder: Path, says: str = "") -> None:
    path = folder / name
    path.write_bytes(content)
    with pytest.raises(VimoflowError) as error:
        load_motions(path)
    message = str(error.value)
    assert name in message and "\n" not in message and says in message
    assert [p.name for p in folder.iterdir()] == [name]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.97])
def test_a_cut_file_is_refused_or_shorter(ending: str, share: float, tmp_path: Path) -> None:
    content = saved(ending, tmp_path)
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(content[: int(share * len(content))])
    try:
        assert len(load_motions(path)[0].motion) < 3 or ending in ("fbx", "trc", "csv", "usdz")
    except VimoflowError as error:
        assert path.name in str(error) and "\n" not in str(error)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_something_else_is_refused(ending: str, tmp_path: Path) -> None:
    refused(b"\x89PNG\r\n\x1a\n" + bytes(3000), f"picture.{ending}", tmp_path)


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return change


def test_joints_in_a_circle(tmp_path: Path) -> None:
    content = saved("glb", tmp_path)
    length = struct.unpack("<I", content[12:16])[0]
    document = json.loads(content[20 : 20 + length])
    document["nodes"][5]["children"] = [0]
    text = json.dumps(document).encode().ljust(length + 100 - (length + 100) % 4)
    rest = content[20 + length :]
    total = 20 + len(text) + len(rest)
    circle = struct.pack("<4sII", b"glTF", 2, total) + struct.pack("<I4s", len(text), b"JSON")
    refused(circle + text + rest, "circle.glb", tmp_path, "circle")


def fbx_with(change: Callable[[fbx.Record], fbx.Record], folder: Path) -> bytes:
    """A sound file with its connections or objects changed."""
    tree = from_bytes(saved("fbx", folder))
    return fbx.to_bytes(tuple(plain(change(part)) for part in tree.children))


def plain(node: fbx.Record) -> fbx.Record:
    values = tuple(v.numbers().astype("<f8") if isinstance(v, fbx.PackedArray) and v.kind == "f8"
                   else v.numbers().astype(f"<{v.kind}") if isinstance(v, fbx.PackedArray)
                   else np.int64(v) if isinstance(v, int) and not isinstance(v, bool)
                   and abs(v) > 999 else v for v in node.values)  # fmt: skip
    return fbx.Record(node.name, values, tuple(map(plain, node.children)))


def test_fbx_nodes_in_a_circle(tmp_path: Path) -> None:
    def close(part: fbx.Record) -> fbx.Record:
        if part.name != "Connections":
            return part
        links = [c for c in part.children if c.values[1:] != (2000, 0)]
        loop = fbx.record("C", "OO", np.int64(2000), np.int64(2015))
        return fbx.Record(part.name, (), (*links, loop))

    refused(fbx_with(close, tmp_path), "circle.fbx", tmp_path)


def test_fbx_curves_of_nan(tmp_path: Path) -> None:
    def spoil(node: fbx.Record) -> fbx.Record:
        if node.name == "KeyValueFloat":
            return fbx.record("KeyValueFloat", np.full(3, np.nan, "<f4"))
        return fbx.Record(node.name, node.values, tuple(map(spoil, node.children)))

    refused(fbx_with(spoil, tmp_path), "nan.fbx", tmp_path, "not sensible numbers")


def test_fbx_arrays_of_absurd_counts(tmp_path: Path) -> None:
    content = bytearray(saved("fbx", tmp_path))
    for _ in range(200):
        at = content.find(b"KeyTime", 1)
        if at < 0:
            break
        content[at : at + 7] = b"KeyTimf"
        struct.pack_into("<I", content, at + 8, 0x7FFFFFFF)
    content = bytearray(bytes(content).replace(b"KeyTimf", b"KeyTime"))
    refused(bytes(content), "bomb.fbx", tmp_path)


@pytest.mark.parametrize(
    ("name", "says", "text"),
    [
        ("sub.usda", "other files", "subLayers = [@/etc/passwd@]"),
        ("up.usda", "other files", "subLayers = [@../secret.usda@]"),
        ("net.usda", "other files", "subLayers = [@https://example.org/a.usda@]"),
    ],
)
def test_usd_that_names_other_files(name: str, says: str, text: str, tmp_path: Path) -> None:
    content = saved("usda", tmp_path)
    changed = replaced(b"#usda 1.0\n(\n", f"#usda 1.0\n(\n    {text}\n".encode())(content)
    refused(changed, name, tmp_path, says)


@pytest.mark.parametrize("arc", ["references", "payload"])
def test_usd_that_refers_to_other_files(arc: str, tmp_path: Path) -> None:
    text = f'#usda 1.0\ndef "a" (\n    {arc} = @../other.usda@\n)\n{{\n}}\n'
    refused(text.encode(), "arc.usda", tmp_path, "other files")


def test_text_that_stalls_usds_parser_is_given_up(tmp_path: Path) -> None:
    """Each tuple of the wrong size gives an error message, which repeats the rest of the text."""
    tuples = ", ".join(["(0.5, 0.5, 0.5)"] * 100_000)
    text = f'#usda 1.0\ndef "a"\n{{\n    quatf[] rotations = [{tuples}]\n}}\n'
    started = time.monotonic()
    refused(text.encode(), "stalls.usda", tmp_path, "parser broke off")
    assert time.monotonic() - started < 10
    (tmp_path / "stalls.usda").unlink()
    refused(b"#usda 1.0\n]", "next.usda", tmp_path, "cannot be read as USD")  # by a new process


def test_a_usdz_is_never_unpacked(tmp_path: Path) -> None:
    for method, entry in ((zipfile.ZIP_DEFLATED, "a.usdc"), (zipfile.ZIP_STORED, "../a.usdc")):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as package:
            package.writestr(entry, bytes(10_000_000 if method else 100))
        refused(stream.getvalue(), "bomb.usdz", tmp_path, "USDZ")
        (tmp_path / "bomb.usdz").unlink()


def test_a_c3d_that_declares_too_much(tmp_path: Path) -> None:
    content = bytearray(saved("c3d", tmp_path))
    struct.pack_into("<H", content, 8, 60000)
    refused(bytes(content), "long.c3d", tmp_path, "more frames")


def test_gltf_that_names_a_file_outside(tmp_path: Path) -> None:
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": 4, "uri": "../../../etc/passwd"}],
    }
    refused(json.dumps(document).encode(), "out.gltf", tmp_path)


@pytest.mark.parametrize("ending", ["trc", "csv"])
def test_tables_of_nan_and_absurd_numbers(ending: str, tmp_path: Path) -> None:
    lines = saved(ending, tmp_path).split(b"\n")
    for word in (b"1e300", b"inf", b"x"):
        row = -2
        cells = lines[row].replace(b"\t", b",").split(b",")
        cells[3] = word
        changed = [*lines[:row], (b"\t" if ending == "trc" else b",").join(cells), b""]
        path = tmp_path / f"odd.{ending}"
        path.write_bytes(b"\n".join(changed))
        try:
            assert np.isfinite(load_motions(path)[0].motion.joint_positions).all()
        except VimoflowError as error:
            assert path.name in str(error) and "\n" not in str(error)
