"""Fuzz the file readers: whatever the bytes, a reader returns or raises a VimoflowError.

Half of the inputs are valid files with bytes flipped, cut, repeated or replaced by telling words;
half are written from a grammar that is wrong on purpose now and then. A crash is saved and printed
with its traceback; so is an input that takes more than five seconds. Memory is limited, so that
taking too much of it is a crash as well.

    python -m lab.fuzzing --seconds 300 --seed 0
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.errors import VimoflowError
from vimoflow.formats.bvh import bvh_to_source_motion, read_bvh
from vimoflow.formats.motion_npz import load_motion_npz, save_motion_npz
from vimoflow.keypoints.formats import read_keypoints, read_people
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.keypoints.writing import FORMATS, write_keypoints
from vimoflow.motion.clip import Motion
from vimoflow.pickles import load as load_pickle

SLOW_SECONDS = 5.0
MEMORY = 6 << 30
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


@dataclass(frozen=True)
class Target:
    """A reader, valid files to start from, and a writer of half-valid ones."""

    name: str
    suffix: str
    read: Callable[[Path], object]
    seeds: tuple[bytes, ...]
    write: Callable[[random.Random], bytes]


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


def targets() -> list[Target]:
    """All readers, with valid files made here."""
    rng = random.Random(1)
    bvh = tuple(write_bvh_text(rng) for _ in range(20))
    poses = np.random.default_rng(0).normal(size=(3, 24, 3))
    motion = Motion(poses, np.zeros((3, 3)), 30.0, np.zeros((3, 4)))
    with tempfile.TemporaryDirectory() as folder:
        save_motion_npz(motion, Path(folder) / "m.npz")
        saved = (Path(folder) / "m.npz").read_bytes()
    stream = io.BytesIO()
    np.savez(stream, points=np.full((3, 17, 3), 0.5), timestamps=np.arange(3.0), image_size=(9, 9))
    keypoints = stream.getvalue()

    def bvh_posed(path: Path) -> object:
        return bvh_to_source_motion(read_bvh(path), 0.01)

    tools = detector_files()
    jsons = tuple(safe_json(rng) for _ in range(20))
    pickles = tuple(write_pickle(rng) for _ in range(20))
    return [
        Target("BVH", ".bvh", bvh_posed, bvh, write_bvh_text),
        Target("keypoint JSON", ".json", read_keypoints, jsons, safe_json),
        Target("keypoint npz", ".npz", read_keypoints, (keypoints,), archive_writer(keypoints)),
        Target("motion npz", ".npz", load_motion_npz, (saved,), archive_writer(saved)),
        Target("pickle", ".pkl", load_pickle, pickles, write_pickle),
        Target(
            "detectors' files",
            ".any",
            read_people,
            tools,
            lambda rng: mutate(rng.choice(tools), rng),
        ),
    ]


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


def fuzz(target: Target, seconds: float, seed: int, crashes: Path) -> Counter[str]:
    """Feed one reader for so long; what crashes it is kept."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    stop = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"fuzz{target.suffix}"
        while time.monotonic() < stop:
            whole = rng.random() < 0.5
            content = target.write(rng) if whole else mutate(rng.choice(target.seeds), rng)
            path.write_bytes(content)
            outcome = one(target, path)
            counts[outcome] += 1
            if outcome in ("crashed", "slow"):
                crashes.mkdir(parents=True, exist_ok=True)
                kept = (
                    crashes
                    / f"{target.name.replace(' ', '-')}-{seed}-{counts[outcome]}{target.suffix}"
                )
                kept.write_bytes(content)
                print(f"{outcome}: kept as {kept}", file=sys.stderr)
    return counts


def one(target: Target, path: Path) -> str:
    """Read one file: "read", "refused", "crashed" or "slow"."""
    start = time.process_time()
    try:
        target.read(path)
        outcome = "read"
    except VimoflowError as error:
        outcome = "refused" if path.name in str(error) and "\n" not in str(error) else "crashed"
    except Exception:  # what this program looks for
        traceback.print_exc()
        outcome = "crashed"
    return "slow" if time.process_time() - start > SLOW_SECONDS else outcome


def main() -> int:
    """Fuzz all readers and print a table of counts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60.0, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--crashes", type=Path, default=Path("fuzz-crashes"))
    options = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    found = targets()
    failed = False
    print("| reader | inputs | read | refused | crashed | slow |\n|---|---|---|---|---|---|")
    for target in found:
        counts = fuzz(target, options.seconds / len(found), options.seed, options.crashes)
        cells = [counts.total(), *(counts[key] for key in ("read", "refused", "crashed", "slow"))]
        print(f"| {target.name} | {' | '.join(map(str, cells))} |", flush=True)
        failed = failed or counts["crashed"] + counts["slow"] > 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
