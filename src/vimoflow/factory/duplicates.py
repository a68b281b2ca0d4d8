"""Near-duplicates: videos that show the same pictures, clips that show the same motion.

Which of two stays does not depend on the order in which they came: items are ranked (better first,
then by name), and each stays unless one that stays before it is its duplicate.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8

from vimoflow.factory.pictures import Picture, decoded
from vimoflow.geometry.rotations import rotation_about
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import joint

_HASH = 16  # a hash is of 16 x 16 bits
_BANDS = 8  # parts of a hash
_STEP_FRAMES = 3  # time shifts looked at
_SUMMARY_RADIUS_M = 0.8  # duplicates' summaries are nearer


@dataclass(frozen=True)
class DuplicateLimits:
    """What counts as the same.

    Attributes:
        picture_bits: of 256, the median over a video's pictures, half a second apart: re-encoded
            and scaled copies differ by fewer, other moments of the same scene by more.
        overlap: share of the shorter video, or of a clip, that must be common; clips of a copy
            that begins elsewhere have at least half in common with one of the original's.
        motion_mm: mean distance of the joints in common time, each frame turned to face the same
            way: estimates of one motion from two encodings differ by less, other motions by more.
    """

    picture_bits: float = 6.0
    overlap: float = 0.5
    motion_mm: float = 25.0


LIMITS = DuplicateLimits()


def picture_hashes(pictures: Sequence[Picture]) -> Bool[np.ndarray, "pictures 256"]:
    """Difference hashes (Krawetz 2013): whether each of 16 x 17 grey cells is darker than the next.

    Pictures are looked at without their sizes, so scaled copies have about the same hashes.
    """
    return np.stack([_difference_hash(decoded(picture.jpeg)) for picture in pictures])


def _difference_hash(rgb: UInt8[np.ndarray, "height width 3"]) -> Bool[np.ndarray, "256"]:
    from PIL import Image

    grey = Image.fromarray(rgb).convert("L").resize((_HASH + 1, _HASH), Image.Resampling.BOX)
    cells = np.asarray(grey).astype(int)
    return (cells[:, 1:] > cells[:, :-1]).ravel()


def picture_distance(
    a: Bool[np.ndarray, "n 256"], b: Bool[np.ndarray, "m 256"], overlap: float = LIMITS.overlap
) -> float:
    """Bits in which two videos' pictures differ, the median at the best shift in time.

    Shifts leave at least ``overlap`` of the shorter video in common.
    """
    return _best_shift(a, b, overlap, lambda x, y: float(np.median((x != y).sum(-1))))


def motion_descriptor(motion: Motion) -> Float32[np.ndarray, "frames 72"]:
    """Joints about the pelvis, metres, every frame turned so that the pelvis faces one way.

    It knows neither the place nor the camera. Frames 0.1 s apart.
    """
    R_world_pelvis = motion.local_rotations[::_STEP_FRAMES, joint("pelvis")]
    forward = R_world_pelvis[:, :, 2]
    yaw = torch.from_numpy(np.arctan2(forward[:, 0], forward[:, 2]))
    turn = rotation_about("y", -yaw).numpy()
    joints = motion.joint_positions[::_STEP_FRAMES]
    posed = np.einsum("fij,fkj->fki", turn, joints - joints[:, :1])
    return posed.reshape(len(posed), -1).astype(np.float32)


def motion_summary(
    descriptor: Float32[np.ndarray, "frames 72"],
) -> Float32[np.ndarray, "144"]:
    """Mean and standard deviation over time: near for motions that have most frames in common."""
    return np.concatenate((descriptor.mean(0), descriptor.std(0)))


def motion_distance_mm(
    a: Float32[np.ndarray, "n 72"],
    b: Float32[np.ndarray, "m 72"],
    overlap: float = LIMITS.overlap,
) -> float:
    """Mean distance of the joints of two descriptors, mm, at the best shift in time."""

    def apart(x: np.ndarray, y: np.ndarray) -> float:
        return 1000 * float(np.linalg.norm((x - y).reshape(len(x), -1, 3), axis=-1).mean())

    return _best_shift(a, b, overlap, apart)


def _best_shift(
    a: np.ndarray, b: np.ndarray, overlap: float, apart: Callable[[np.ndarray, np.ndarray], float]
) -> float:
    """The smallest of ``apart`` over all shifts that leave enough of the shorter one in common."""
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    least = max(1, math.ceil(overlap * len(short)))
    best = math.inf
    for shift in range(least - len(short), len(long) - least + 1):
        first, end = max(0, -shift), min(len(short), len(long) - shift)
        best = min(best, apart(short[first:end], long[first + shift : end + shift]))
    return best


def same_videos(
    hashes: Mapping[str, Bool[np.ndarray, "_ 256"]], limits: DuplicateLimits = LIMITS
) -> list[tuple[str, str]]:
    """Each two names of videos that show the same pictures.

    Compared are only videos of which two pictures agree in one of eight parts of their hashes: of
    two hashes that differ in at most 7 bits, one part at least is the same.
    """
    buckets: dict[tuple[int, bytes], set[str]] = {}
    for name in sorted(hashes):
        packed = np.packbits(hashes[name], axis=1).reshape(-1, _BANDS, 256 // 8 // _BANDS)
        for row in packed:
            for band in range(_BANDS):
                buckets.setdefault((band, row[band].tobytes()), set()).add(name)
    shared = {
        pair for names in buckets.values() for pair in itertools.combinations(sorted(names), 2)
    }
    return [
        (a, b)
        for a, b in sorted(shared)
        if picture_distance(hashes[a], hashes[b], limits.overlap) <= limits.picture_bits
    ]


def same_motions(
    descriptors: Mapping[str, Float32[np.ndarray, "_ 72"]], limits: DuplicateLimits = LIMITS
) -> list[tuple[str, str]]:
    """Each two names of clips that show the same motion; only near summaries are compared."""
    from scipy.spatial import cKDTree

    names = sorted(descriptors)
    if len(names) < 2:
        return []
    tree = cKDTree(np.stack([motion_summary(descriptors[name]) for name in names]))
    near = sorted(tree.query_pairs(_SUMMARY_RADIUS_M))
    return [
        (names[i], names[j])
        for i, j in near
        if motion_distance_mm(descriptors[names[i]], descriptors[names[j]], limits.overlap)
        <= limits.motion_mm
    ]


def duplicates_of(ranked: Sequence[str], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Which names go, and for which that stays.

    Args:
        ranked: names, the best first.
        pairs: names of each two that are the same.
    """
    place = {name: i for i, name in enumerate(ranked)}
    better: dict[str, list[str]] = {}
    for a, b in pairs:
        first, second = sorted((a, b), key=place.__getitem__)
        better.setdefault(second, []).append(first)
    gone: dict[str, str] = {}
    for name in ranked:
        staying = [other for other in better.get(name, []) if other not in gone]
        if staying:
            gone[name] = min(staying, key=place.__getitem__)
    return gone
