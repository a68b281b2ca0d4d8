"""How fast BVH is read beside pybvh and bvhio: same files, same run, same numbers out.

Each library reads a whole file in its own way: pybvh into an array of root positions and one of
angles (radians), bvhio into a float32 position and a quaternion object for each joint and frame,
:func:`vimoflow.formats.bvh.read_bvh` into the table of values as they stand.

pybvh refuses position channels below the root. For it each such channel triple becomes a joint of
its own with three rotation channels; only the hierarchy's text changes, and our reader is timed on
that changed text as well. Time is the processor's, so that other programs do not count.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.errors import ConfigError, InputError
from vimoflow.formats.bvh import BvhFile, euler_to_matrix, read_bvh

HELPER_CHANNELS = "CHANNELS 3 Xrotation Yrotation Zrotation"  # they hold positions
_SAME = 1e-9  # pybvh's numbers: degrees and file units
_SAME_SINGLE = 1e-5  # bvhio's are single precision: relative, and in entries of rotation matrices


@dataclass(frozen=True)
class ReadingComparison:
    """Our reader against another on the files that both read.

    Attributes:
        library: the other library's name.
        files: how many files were compared.
        changed: how many of them needed their hierarchy changed for the other library.
        refused: how many files the other library could not read at all.
        our_seconds: processor time for one pass over all files (sum of each file's median).
        their_seconds: the same for the other library.
        largest_difference: of any number read, relative where it is above 1.
    """

    library: str
    files: int
    changed: int
    refused: int
    our_seconds: float
    their_seconds: float
    largest_difference: float

    @property
    def ratio(self) -> float:
        """How many times as fast our reader is."""
        return self.their_seconds / self.our_seconds if self.our_seconds else float("nan")


@dataclass(frozen=True)
class _Library:
    name: str
    read: Callable[[Path], Any]
    difference: Callable[[BvhFile, Any], float]
    tolerance: float


@dataclass(frozen=True)
class _Sample:
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    difference: float
    changed: bool


def find_bvh(paths: Sequence[Path], limit: int) -> list[Path]:
    """At most ``limit`` BVH files under the paths, evenly spread over them in sorted order.

    Raises:
        InputError: there are none.
    """
    found = sorted(
        {f for path in paths for f in ([path] if path.is_file() else path.rglob("*.bvh"))}
    )
    if not found:
        raise InputError(f"{paths[0]}: holds no .bvh files")
    picked = np.linspace(0, len(found) - 1, min(limit, len(found))).round().astype(int)
    return [found[i] for i in picked]


def compare_readers(
    paths: Sequence[Path], repeats: int = 5, show: Callable[[int, int | None], None] | None = None
) -> tuple[ReadingComparison, ...]:
    """Time our reader and the others in turn, file by file, ``repeats`` times each.

    Raises:
        ConfigError: pybvh or bvhio is not installed.
        InputError: a file is no BVH, or a library reads other numbers than we do.
    """
    samples: dict[str, list[_Sample | None]] = {}
    libraries = (_pybvh("pybvh", "auto"), _pybvh("pybvh, told what is up", "+y"), _bvhio())
    for done, path in enumerate(paths, 1):
        for library in libraries:
            samples.setdefault(library.name, []).append(_time(path, library, repeats))
        if show is not None:
            show(done, len(paths))
    return tuple(_summary(name, found) for name, found in samples.items())


def _time(path: Path, library: _Library, repeats: int) -> _Sample | None:
    """Times of one file; None where the library reads neither its text nor the changed one."""
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "changed.bvh"
        for candidate in (path, changed):
            if candidate is changed:
                changed.write_text(without_positions_below_root(path.read_text("utf-8-sig")))
            try:
                theirs = library.read(candidate)
            except Exception:  # libraries raise whatever they like
                continue
            difference = library.difference(read_bvh(candidate), theirs)
            if not difference <= library.tolerance:
                raise InputError(f"{path}: {library.name} reads numbers {difference:.3g} from ours")
            pairs = [
                (_cpu(read_bvh, candidate), _cpu(library.read, candidate)) for _ in range(repeats)
            ]
            ours, others = zip(*pairs, strict=True)
            return _Sample(ours, others, difference, candidate is changed)
    return None


def _cpu(read: Callable[[Path], Any], path: Path) -> float:
    start = time.process_time()
    read(path)
    return time.process_time() - start


def _summary(name: str, samples: list[_Sample | None]) -> ReadingComparison:
    read = [sample for sample in samples if sample is not None]
    return ReadingComparison(
        library=name,
        files=len(read),
        changed=sum(sample.changed for sample in read),
        refused=len(samples) - len(read),
        our_seconds=sum(statistics.median(sample.ours) for sample in read),
        their_seconds=sum(statistics.median(sample.theirs) for sample in read),
        largest_difference=max((sample.difference for sample in read), default=0.0),
    )


def without_positions_below_root(text: str) -> str:
    """The same BVH with position channels below the root given to helper joints as rotations.

    Everything from MOTION on stays as it is. Joints must list their positions first.
    """
    head, keyword, motion = text.partition("MOTION")
    lines: list[str] = []
    braces: list[int] = []  # how many closing braces each open one needs
    for line in head.splitlines():
        words = line.split()
        if words[:1] == ["{"]:
            braces.append(1)
        elif words[:1] == ["}"] and braces:
            line = "}\n" * braces.pop()
        elif words[:2] == ["CHANNELS", "6"] and len(braces) > 1:
            braces[-1] = 2
            inner = " ".join(words[5:])
            line = (
                f"{HELPER_CHANNELS}\nJOINT helper{len(lines)}\n{{\nOFFSET 0 0 0\nCHANNELS 3 {inner}"
            )
        lines.append(line)
    return "\n".join(lines) + "\n" + keyword + motion


def _pybvh(name: str, world_up: str) -> _Library:
    """As it is called by default, or spared the work of inferring the vertical axis."""
    try:
        import pybvh  # type: ignore[import-untyped]
    except ImportError:
        raise _missing("pybvh") from None

    def read(path: Path) -> Any:
        return pybvh.read_bvh_file(path, world_up, warn_on_world_up_disagreement=False)

    def difference(ours: BvhFile, theirs: Any) -> float:
        angles = np.degrees(theirs.joint_angles).reshape(len(ours.values), -1)
        return _difference(np.concatenate((theirs.root_pos, angles), axis=1), ours.values)

    return _Library(name, read, difference, _SAME)


def _bvhio() -> _Library:
    try:
        import bvhio  # type: ignore[import-untyped]
    except ImportError:
        raise _missing("bvhio") from None

    def read(path: Path) -> Any:
        return bvhio.readAsBvh(str(path))

    return _Library("bvhio", read, _bvhio_difference, _SAME_SINGLE)


def _bvhio_difference(ours: BvhFile, theirs: Any) -> float:
    joints = [joint for joint, _, _ in theirs.Root.layout()]
    column, largest = 0, 0.0
    with_channels = (channels for channels in ours.channels if channels)
    for joint, channels in zip(joints, with_channels, strict=True):
        values = ours.values[:, column : column + len(channels)]
        column += len(channels)
        if channels[0].endswith("position"):
            order = ["XYZ".index(name[0]) for name in channels[:3]]
            places = np.array([key.Position.to_tuple() for key in joint.Keyframes])[:, order]
            largest = max(largest, _difference(places, values[:, :3]))
        axes = "".join(name[0] for name in channels[-3:])
        angles = torch.from_numpy(np.radians(values[:, -3:]))
        R_ours = euler_to_matrix(axes, angles).numpy()
        R_theirs = np.array([_matrix(key.Rotation) for key in joint.Keyframes])
        largest = max(largest, _difference(R_theirs, R_ours))
    return largest


def _matrix(quaternion: Any) -> list[list[float]]:
    import glm

    return [list(row) for row in glm.transpose(glm.mat3_cast(quaternion)).to_list()]


def _difference(a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."]) -> float:
    return float((np.abs(a - b) / np.maximum(1, np.abs(b))).max())


def _missing(name: str) -> ConfigError:
    return ConfigError(f"{name} is needed for the comparison: pip install {name}")
