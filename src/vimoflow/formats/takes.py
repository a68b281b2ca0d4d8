"""What is animated in a file of a skeleton: takes, each a posed tree of joints with its own times.

Readers of FBX, glTF and USD hand over local matrices; here they become positions and rotations in
the world, with every joint's frame turned so that it lies along the world's axes in the bind pose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.foreign_files import refuse_foreign
from vimoflow.geometry.rotations import nearest_rotation
from vimoflow.motion.source import SourceMotion

MAX_BYTES = 512 << 20
MAX_JOINTS = 2000
MAX_POSES = 30_000_000  # joints times frames
_MAX_M = 1e5
_SHEAR = 1e-4
_SAME_RATE = 2e-7  # relative; single precision is good to 0.6e-7


@dataclass(frozen=True)
class Take:
    """One animation of a file.

    Attributes:
        name: the file's own; "" where it has none.
        source: the posed skeleton, metres, +Y up, at rest in the bind pose.
        times: seconds, increasing.
    """

    name: str
    source: SourceMotion
    times: Float[np.ndarray, " frames"]


@dataclass(frozen=True)
class JointTracks:
    """Joints as a file has them.

    Attributes:
        names, parents: any order; -1 for a joint that hangs on nothing.
        bind_file: from each joint's frame to the file's world in the bind pose.
        local: from each joint's frame to its parent's, by frame.
        world_file: from the file's world to ours (axes and unit).
    """

    names: Sequence[str]
    parents: Sequence[int]
    bind_file: Float[np.ndarray, "joints 4 4"]
    local: Float[np.ndarray, "frames joints 4 4"]
    world_file: Float[np.ndarray, "4 4"]

    def take(self, name: str, times: Float[np.ndarray, " frames"], path: Path) -> Take:
        """The animation, posed in our world.

        Raises:
            InputError: joints hang in a circle, there are too many of them, or values are not
                finite or absurd.
        """
        order = parents_first(self.parents, path)
        place = {joint: k for k, joint in enumerate(order)}
        with np.errstate(all="ignore"):
            bind = self.world_file @ self.bind_file[order]
        world = self.world(path)[:, order]
        for matrices in (bind, world):
            if not np.isfinite(matrices).all() or np.abs(matrices[..., :3, 3]).max() > _MAX_M:
                raise InputError(f"{path}: joints lie at places that are not sensible numbers")
        source = SourceMotion(
            joint_names=unique_names([self.names[joint] for joint in order]),
            parents=tuple(place.get(self.parents[joint], -1) for joint in order),
            R_world_joint=_rotations(world, path) @ _rotations(bind, path).swapaxes(-1, -2),
            p_world_joint=world[..., :3, 3].copy(),
            rest_positions=bind[:, :3, 3].copy(),
            fps=frame_rate(times, path),
        )
        return Take(name, source, times)

    def world(self, path: Path) -> Float[np.ndarray, "frames joints 4 4"]:
        """Each joint's frame in our world; errors as for :meth:`take`."""
        frames, joints = self.local.shape[:2]
        if not 0 < frames * joints <= MAX_POSES:
            raise InputError(f"{path}: {frames} frames of {joints} joints make no sense")
        world = np.empty_like(self.local)
        with np.errstate(all="ignore"):
            for joint in parents_first(self.parents, path):
                parent = self.parents[joint]
                above = self.world_file if parent < 0 else world[:, parent]
                world[:, joint] = above @ self.local[:, joint]
        return world


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names of one line; those that are empty or another's are numbered."""
    found: dict[str, None] = {}
    for number, name in enumerate(names):
        plain = " ".join(name.split())[:200] or "joint"
        found[plain if plain not in found else f"{plain}#{number}"] = None
    return tuple(found)


def parents_first(parents: Sequence[int], path: Path) -> list[int]:
    """The joints so that parents come before children.

    Raises:
        InputError: there are none or too many, a parent is no joint, or joints hang in a circle.
    """
    if not 0 < len(parents) <= MAX_JOINTS:
        raise InputError(f"{path}: a skeleton of {len(parents)} joints; expected 1 to {MAX_JOINTS}")
    if not all(-1 <= parent < len(parents) for parent in parents):
        raise InputError(f"{path}: a joint hangs on one that is not there")
    below: dict[int, list[int]] = {}
    for joint, parent in enumerate(parents):
        below.setdefault(parent, []).append(joint)
    order, waiting = [], below.get(-1, [])[::-1]
    while waiting:
        order.append(waiting.pop())
        waiting += below.get(order[-1], [])[::-1]
    if len(order) < len(parents):
        raise InputError(f"{path}: joints hang on each other in a circle")
    return order


def frame_rate(times: Float[np.ndarray, " frames"], path: Path) -> float:
    """The mean rate in Hz; 30 for a single frame.

    Raises:
        InputError: times do not increase, or the rate makes no sense.
    """
    if len(times) < 2:
        return 30.0
    with np.errstate(all="ignore"):
        rate = float((len(times) - 1) / (times[-1] - times[0]))
        steps = np.diff(times)
    if not (steps > 0).all() or not 1e-3 <= rate <= 1e4:
        raise InputError(f"{path}: its frames' times do not increase, or make no sense")
    return tidy_rate(rate)


def tidy_rate(rate: float) -> float:
    """The rate that is meant where rounded times make another one of it: 30 or 30 / 1.001, say."""
    meant = (float(round(rate)), round(rate * 1.001) / 1.001, round(rate * 1000) / 1000)
    return next((one for one in meant if one > 0 and abs(rate / one - 1) < _SAME_RATE), rate)


def even_clock(times: Float[np.ndarray, " frames"], fps: float) -> np.ndarray:
    """Seconds from the first frame on; exactly even where single precision has made them uneven."""
    seconds = np.asarray(times, np.float64) - times[0]
    steady = np.arange(len(seconds)) / fps
    near = np.abs(seconds - steady) <= _SAME_RATE * np.maximum(np.abs(times), 10.0)
    return steady if near.all() else seconds


def matrices_of(
    R: Float[np.ndarray, "*#batch 3 3"],
    p: Float[np.ndarray, "*#batch 3"],
    scale: Float[np.ndarray, "*#batch 3"] | float = 1.0,
) -> Float[np.ndarray, "*batch 4 4"]:
    """Translation times rotation times scale."""
    matrices = np.zeros((*p.shape[:-1], 4, 4))
    matrices[..., :3, :3] = R * np.broadcast_to(scale, p.shape)[..., None, :]
    matrices[..., :3, 3], matrices[..., 3, 3] = p, 1.0
    return matrices


def read_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        InputError: it cannot be read, is far too large, or plainly of another kind.
    """
    refuse_foreign(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


@contextmanager
def damaged(path: Path, kind: str, *errors: type[Exception]) -> Iterator[None]:
    """What a library says of a damaged file, as one line that names the file."""
    try:
        yield
    except errors as error:
        try:
            reason = " ".join(str(error).split())[:150] or type(error).__name__
        except UnicodeError:  # USD quotes what it could not read
            reason = type(error).__name__
        raise InputError(f"{path}: cannot be read as {kind} ({reason})") from None


def _rotations(matrices: Float[np.ndarray, "*batch 4 4"], path: Path) -> np.ndarray:
    """The rotations in matrices that may scale, too."""
    columns = matrices[..., :3, :3]
    sizes = np.linalg.norm(columns, axis=-2, keepdims=True)
    if not sizes.min() > 1e-12:
        raise InputError(f"{path}: joints are scaled to nothing")
    R = columns / sizes
    off = np.abs(R.swapaxes(-1, -2) @ R - np.eye(3)).max()
    mirrored = np.linalg.det(R) < 0
    if off < _SHEAR and not mirrored.any():
        return R
    return nearest_rotation(torch.from_numpy(R)).numpy()
