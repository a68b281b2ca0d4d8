"""Files for the fuzzer: valid ones with edits, and some from grammars that are wrong on purpose."""

from __future__ import annotations

import functools
import io
import json
import pickle
import random
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vimoflow.keypoints.keypoint_writers import FORMATS, write_keypoints
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.video import VideoWriter

NUMBERS = tuple(
    [
        "0",
        "-0",
        "1",
        "-1.5",
        "1e3",
        "1e-400",
        "1e400",
        "nan",
        "inf",
        "-inf",
        "1e30",
        "999999999999",
        "1_0",
        "+.5",
        "2.",
        "0x10",
        "1,5",
        "--1",
    ]
)
WORDS = [word.encode() for word in NUMBERS] + [
    b"{", b"}", b"[", b"]", b'"', b",", b"\n", b"\r", b" ", b"\x00", b"\xff",
    b"OFFSET", b"CHANNELS",
    b"MOTION", b"JOINT j", b"End Site", b"ROOT r", b"Frames: 1000000000", b"Frame Time: 0", b"null",
    b"true", b'"points"', b"PK\x03\x04", b"\x93NUMPY", b"(1000000000,)", b"|O", b"<f8", b"<U9",
]  # fmt: skip


def mutate(content: bytes, rng: random.Random) -> bytes:
    """A few random edits."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        length = rng.choice((1, 1, 4, 32, len(data) // 4 + 1))
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = rng.choice(WORDS)
        elif kind == 4:
            data[at : at + length] = rng.choice(WORDS)
        else:
            data[at:at] = data[at : at + length] * rng.choice((1, 2, 20))
    return bytes(data[: rng.randrange(len(data) + 1)] if rng.random() < 0.1 else data)


def write_bvh_text(rng: random.Random) -> bytes:
    """A skeleton of random shape and its frames."""
    columns = 0

    def number() -> str:
        return (
            rng.choice(NUMBERS)
            if rng.random() < 0.01
            else f"{rng.gauss(0, 50):.{rng.randrange(9)}f}"
        )

    def joint(keyword: str, depth: int) -> list[str]:
        nonlocal columns
        lines = [f"{keyword} j{rng.randrange(30)}", "{", f"OFFSET {number()} {number()} {number()}"]
        count = rng.choice((3, 3, 6, 0, 2)) if depth else 6
        names = ["Xposition", "Yposition", "Zposition"][: max(count - 3, 0)]
        names += rng.sample(["Xrotation", "Yrotation", "Zrotation"], min(count, 3))
        lines.append(f"CHANNELS {count} {' '.join(names)}")
        columns += count
        for _ in range(rng.randrange(4) if depth < 6 else 0):
            lines += joint("JOINT", depth + 1)
        lines += ["End Site", "{", f"OFFSET {number()} 0 0", "}"] if rng.random() < 0.3 else []
        return [*lines, "}"] if rng.random() > 0.005 else lines

    lines = ["HIERARCHY", *joint("ROOT", 0), "MOTION"]
    frames = rng.randrange(1, 5)
    declared = frames if rng.random() > 0.05 else rng.choice((0, -1, frames + 1, 10**9, 10**30))
    lines += [f"Frames: {declared}", f"Frame Time: {rng.choice((0.01, 0.0333, 0, 1e-300, 1e300))}"]
    lines += [" ".join(number() for _ in range(columns)) for _ in range(frames)]
    return rng.choice(("\n", "\r\n", "\n\n")).join(lines).encode()


def write_json(rng: random.Random) -> bytes:
    """The project's keypoint JSON with fields of random kinds."""

    def value(depth: int = 0) -> Any:
        kinds: list[Any] = [
            None,
            True,
            "x",
            0,
            -1,
            1e308,
            10**400,
            0.5,
            float("nan"),
            {},
            [],
            {"a": 1},
        ]
        if depth < 5 and rng.random() < 0.3:
            return [value(depth + 1) for _ in range(rng.randrange(4))]
        return rng.choice(kinds)

    frames = rng.randrange(1, 4)
    point = [rng.gauss(0, 100), 5.0, rng.random()]
    document: dict[str, Any] = {
        "format": "vimoflow-keypoints", "version": 1, "fps": 25, "image_size": [640, 480],
        "timestamps": [i / 25 for i in range(frames)], "source": "a", "estimator": "b",
        "points": [[point] * 17 for _ in range(frames)],
    }  # fmt: skip
    for name in rng.sample(sorted(document), rng.randrange(3)):
        document[name] = value()
    if rng.random() < 0.5:
        document.pop("timestamps")
    if rng.random() < 0.2:
        document["points"][0][rng.randrange(17)] = value() if "points" in document else 0
    return json.dumps(document).encode()


def safe_json(rng: random.Random) -> bytes:
    """:func:`write_json`, again where the random fields do not fit each other."""
    while True:
        try:
            return write_json(rng)
        except (TypeError, IndexError, KeyError, AttributeError):
            continue


def archive_writer(seed: bytes) -> Callable[[random.Random], bytes]:
    """Sound archives, whose array files are mutated, retyped or dropped."""
    with zipfile.ZipFile(io.BytesIO(seed)) as sound:
        entries = {name: sound.read(name) for name in sound.namelist()}

    def write(rng: random.Random) -> bytes:
        changed = dict(entries)
        for name in rng.sample(sorted(changed), rng.randrange(1, 3)):
            kind = rng.randrange(4)
            if kind == 0:
                del changed[name]
            elif kind == 1:
                changed[name] = mutate(changed[name], rng)
            elif kind == 2:  # the header alone, where most can go wrong
                head, _, rest = changed[name].partition(b"\n")
                changed[name] = mutate(head, rng) + b"\n" + rest
            else:
                changed[name] = _other_array(changed[name], rng)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", rng.choice((0, 8, 12, 14))) as archive:
            for name, content in changed.items():
                archive.writestr(
                    rng.choice(("../", "a/", "x")) * (rng.random() < 0.02) + name, content
                )
        return stream.getvalue()

    return write


def _other_array(content: bytes, rng: random.Random) -> bytes:
    array = np.load(io.BytesIO(content))
    kinds = ["f2", "f4", ">f8", "i1", "u8", "b1", "c8", "U3", "S2", "m8[s]", "M8[s]", "f8,i4", "V4"]
    shape = tuple(rng.randrange(4) for _ in range(rng.randrange(4)))
    if rng.random() < 0.5:
        shape = array.shape
    if rng.random() < 0.3:
        changed = np.full(array.shape, rng.choice((np.nan, np.inf, 1e300, -1e300, 1e-320, 1e9)))
    else:
        changed = np.zeros(shape, dtype=rng.choice(kinds))
    stream = io.BytesIO()
    np.save(stream, changed)
    return stream.getvalue()


def write_pickle(rng: random.Random) -> bytes:
    """Dictionaries of arrays, with calls the reader must refuse now and then."""

    class Call:
        def __reduce__(self) -> Any:
            return rng.choice((print, eval, np.ndarray, np.dtype)), ("0",)

    data: dict[str, object] = {
        f"k{i}": rng.choice((np.zeros(3), np.ones((2, 2), "f4"), 1, "x", [1.5])) for i in range(3)
    }
    if rng.random() < 0.2:
        data["k"] = Call()
    content = pickle.dumps(data, protocol=rng.randrange(6))
    return mutate(content, rng) if rng.random() < 0.5 else content


def detector_files() -> tuple[bytes, ...]:
    """Two people in three frames in every format of other tools."""
    points = np.random.default_rng(0).uniform(0.1, 0.9, (3, 17, 3))
    times = np.arange(3) / 25
    people = [
        Keypoints2D(points * scale, times, (640, 480), person=who)
        for who, scale in (("1", (100, 100, 1)), ("2", (400, 400, 1)))
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name in FORMATS:
            write_keypoints(people, Path(folder) / f"{name}.zip", name)
        return tuple(path.read_bytes() for path in sorted(Path(folder).iterdir()))


def npz_bytes(**arrays: Any) -> bytes:
    """An npz file."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def smpl_files() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """SMPL motions of two frames: npz under several names, and what PyTorch saves."""
    rng = np.random.default_rng(0)
    poses, trans = rng.normal(size=(2, 165)), rng.normal(size=(2, 3))
    parts = {"global_orient": poses[:, :3], "body_pose": poses[:, 3:66], "transl": trans}
    archives = [
        npz_bytes(poses=poses[:, :72], trans=trans, fps=30.0),
        npz_bytes(poses=poses, trans=trans, mocap_frame_rate=30, up_axis="y"),
        npz_bytes(**parts, fps=30),
    ]
    tensors = {name: torch.from_numpy(value) for name, value in parts.items()}
    saved = []
    for document in (tensors, {"smpl_params_global": tensors}, {0: tensors, 1: tensors}):
        stream = io.BytesIO()
        torch.save(document, stream)
        saved.append(stream.getvalue())
    return tuple(archives), tuple(saved)


def text_tables() -> tuple[bytes, ...]:
    """Plain, cut and odd tables of keypoints, and frames without confidence."""
    head = "frame,time,nose_x,nose_y,nose_c,left_hip_x,left_hip_y,left_hip_c"
    rows = [f"{n},{n / 25},10,20,0.5,30,40,0.5" for n in range(3)]
    table = "\n".join([head, *rows])
    trc = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc", "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits",
        "25\t25\t2\t1\tpx", "Frame#\tTime\tNose\t\t", "\t\tX1\tY1\tZ1", "0\t0\t50\t60\t0",
        "1\t0.04\t50\t60\t0",
    ]  # fmt: skip
    bare = {"people": [{"pose_keypoints_2d": [float(n) for n in range(36)]}]}
    shares = {"people": [{"pose_keypoints_2d": [0.5] * 75}]}
    texts = [table, table[:-9], "\n".join(trc), json.dumps(bare), json.dumps(shares) + "}"]
    return tuple(text.encode() for text in texts)


def videos() -> tuple[bytes, ...]:
    """Four frames in two containers, and one image."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.mp4", "a.avi"):
            with VideoWriter(Path(folder) / name, (32, 32), 30.0) as writer:
                for number in range(4):
                    writer.write(np.full((32, 32, 3), 50 * number, np.uint8), number / 30)
            found.append((Path(folder) / name).read_bytes())
    return tuple(found)


@functools.cache
def motion_files(ending: str) -> tuple[bytes, ...]:
    """Motions in a format of that ending: a few frames, and one frame."""
    found = []
    for frames in (4, 1):
        rng = np.random.default_rng(frames)
        trans = rng.normal(size=(frames, 3))
        motion = Motion(rng.normal(size=(frames, 24, 3)), trans, 30.0, np.zeros((frames, 4)))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"motion.{ending}"
            motion.save(path)
            if ending.startswith("usd"):
                _bare_skeleton(path)
            found.append(path.read_bytes())
    return tuple(found)


def _bare_skeleton(path: Path) -> None:
    """Take the mannequin out of a USD file: nothing reads it, and it is most of the bytes."""
    from pxr import Sdf, Usd, UsdUtils

    stage = Usd.Stage.Open(str(path))
    stage.RemovePrim("/motion/mannequin")
    if path.suffix == ".usdz":
        inner = str(path.with_name("motion.usdc"))
        stage.Flatten().Export(inner)
        UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(inner), str(path), "motion.usdc")
    else:
        stage.Flatten().Export(str(path))
