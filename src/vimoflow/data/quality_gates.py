"""Quality gates: what is wrong with a recording, once it is on the canonical skeleton.

All thresholds are in :data:`LIMITS`. What no model should learn from rejects a recording: NaN, a
figure that hardly moves at all because its frames repeat, speeds that no body has, an exact copy.
The rest is reported only, because dancers do slide, and a cartwheel is faster than one thinks.
``docs/data.md`` has the counts of all corpora.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from vimoflow.geometry.signals import runs_of_true
from vimoflow.motion.clip import Motion
from vimoflow.motion.floor import sole_heights
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

GATES = ("frozen", "jumps", "floor", "foot slide", "near-copies")
_KEY_POSES = 8  # of a fingerprint
_WORST = 5  # recordings named for each gate


@dataclass(frozen=True)
class Limits:
    """Where each gate begins to report, and where it rejects.

    Attributes:
        still_m: a step in which no joint moves farther than this repeats a frame; mocap noise
            alone is larger.
        frozen_s: reported from a run of repeated frames this long.
        frozen_share: rejected above this share of repeated frames.
        jump_mps, jump_deg: a step in which a joint is faster, or turns farther in 1/30 s, jumps;
            reported from one on. The fastest real feet and hands of the corpora (backflips)
            reach 14 m/s.
        body_mps, impossible_mps: no pelvis runs faster (sprinters reach 12.4 m/s), no hand is
            thrown faster (pitchers and tennis players reach about 25 m/s).
        impossible_share: rejected above this share of impossible steps.
        sunk_m: reported when a hundredth of the frames has a sole this far below the floor.
        floating_m: reported when both feet are higher in 95 of 100 frames.
        grounded_m: a foot joint lower than this is on the ground.
        slide_mps: reported above this mean ground speed of the stiller foot on the ground.
        copy_m: two recordings whose joints differ by less in all key poses, root mean square,
            are near-copies, where their lengths differ by ``copy_length`` at most.
    """

    still_m: float = 1e-5
    frozen_s: float = 0.5
    frozen_share: float = 0.5
    jump_mps: float = 15.0
    jump_deg: float = 90.0
    body_mps: float = 13.0
    impossible_mps: float = 30.0
    impossible_share: float = 0.01
    sunk_m: float = 0.05
    floating_m: float = 0.10
    grounded_m: float = 0.03
    slide_mps: float = 0.5
    copy_m: float = 0.03
    copy_length: float = 0.03


LIMITS = Limits()


@dataclass(frozen=True)
class Quality:
    """What the gates measured on one recording.

    Attributes:
        finite: no NaN and nothing infinite; where false the rest is zero.
        frames: at 30 fps.
        frozen_share, frozen_s: share of steps that repeat a frame; seconds of the longest run.
        jumps: steps in which a joint jumps.
        impossible_share: share of steps faster than any body.
        sole_low_m, sole_high_m: heights of the lowest sole above the floor: the one that a
            hundredth of the frames is below, and the one that a twentieth is below.
        slide_mps: mean ground speed of the stiller foot joint on the ground.
        digest: of poses and path, equal for exact copies only.
        fingerprint: joints in key poses, metres, seen from the first frame's place and heading.
    """

    finite: bool
    frames: int
    frozen_share: float
    frozen_s: float
    jumps: int
    impossible_share: float
    sole_low_m: float
    sole_high_m: float
    slide_mps: float
    digest: str
    fingerprint: Float[np.ndarray, " values"]


@dataclass(frozen=True)
class GateFinding:
    """What one gate reports of a shard: how many recordings, and the worst of them in words."""

    gate: str
    recordings: int
    worst: tuple[str, ...]


def measure_quality(motion: Motion) -> Quality:
    """Measure one recording; a pure function, run in several processes."""
    finite = all(np.isfinite(a).all() for a in (motion.poses, motion.trans, motion.contacts))
    digest = hashlib.sha256(motion.poses.tobytes() + motion.trans.tobytes()).hexdigest()
    count = len(motion)
    if not finite or count < 2:
        nothing = np.zeros(_KEY_POSES * 72, dtype=np.float32)
        return Quality(finite, count, 0.0, 0.0, 0, 0.0, 0.0, 0.0, 0.0, digest, nothing)
    positions = motion.joint_positions
    step_m = np.linalg.norm(np.diff(positions, axis=0), axis=-1)
    fastest, body = step_m.max(axis=1) * motion.fps, step_m[:, 0] * motion.fps
    repeated = step_m.max(axis=1) < LIMITS.still_m
    frozen = max((end - first for first, end in runs_of_true(repeated)), default=0)
    turned = _largest_turns_deg(motion.local_rotations)
    lowest = sole_heights(torch.from_numpy(positions)).amin(dim=-1).numpy()
    impossible = (fastest > LIMITS.impossible_mps) | (body > LIMITS.body_mps)
    return Quality(
        finite=True,
        frames=count,
        frozen_share=float(repeated.mean()),
        frozen_s=frozen / motion.fps,
        jumps=int(((fastest > LIMITS.jump_mps) | (turned > LIMITS.jump_deg)).sum()),
        impossible_share=float(impossible.mean()),
        sole_low_m=float(np.quantile(lowest, 0.01)),
        sole_high_m=float(np.quantile(lowest, 0.05)),
        slide_mps=_slide_mps(positions, motion.fps),
        digest=digest,
        fingerprint=_fingerprint(positions),
    )


def rejection(quality: Quality) -> str | None:
    """Why a recording must not be trained on, or None."""
    if not quality.finite:
        return "holds NaN or infinite values"
    if quality.frames < 2:
        return "a single frame, no motion"
    if quality.frozen_share > LIMITS.frozen_share:
        return f"{quality.frozen_share:.0%} of its frames repeat the one before"
    if quality.impossible_share > LIMITS.impossible_share:
        return f"{quality.impossible_share:.0%} of its steps are faster than any body"
    return None


def exact_copies(qualities: Sequence[Quality], keep_first: Sequence[bool]) -> dict[int, int]:
    """Recordings that are byte for byte another one: index of the copy to index of the original.

    The original is the first of them, but one of those with ``keep_first`` goes before the others,
    so that a copy between the splits leaves the training part.
    """
    original: dict[str, int] = {}
    for index in sorted(range(len(qualities)), key=lambda i: not keep_first[i]):
        original.setdefault(qualities[index].digest, index)
    return {i: original[q.digest] for i, q in enumerate(qualities) if original[q.digest] != i}


def near_copies(qualities: Sequence[Quality]) -> Bool[np.ndarray, " recordings"]:
    """Which recordings are nearly an earlier one: same length, joints within ``copy_m``."""
    count = len(qualities)
    points = np.stack([q.fingerprint for q in qualities]) if count else np.zeros((0, 1))
    frames = np.array([q.frames for q in qualities], dtype=np.float64)
    squares = (points**2).sum(axis=1)
    limit = LIMITS.copy_m**2 * points.shape[1] / 3  # a point has three coordinates
    found = np.zeros(count, dtype=bool)
    for start in range(0, count, 512):
        rows = np.arange(start, min(start + 512, count))
        products = points[rows] @ points[: rows[-1] + 1].T
        near = squares[rows, None] + squares[: rows[-1] + 1] - 2 * products < limit
        ratio = frames[rows, None] / frames[: rows[-1] + 1]
        near &= np.abs(np.log(ratio)) < LIMITS.copy_length
        near &= np.arange(rows[-1] + 1) < rows[:, None]
        found[rows] = near.any(axis=1)
    return found


def gate_findings(names: Sequence[str], qualities: Sequence[Quality]) -> tuple[GateFinding, ...]:
    """What is reported of the recordings that are kept, gate by gate, in the order of ``GATES``."""
    copies = near_copies(qualities)
    rows: dict[str, list[tuple[float, str]]] = {gate: [] for gate in GATES}
    for name, q, is_copy in zip(names, qualities, copies, strict=True):
        if q.frozen_s >= LIMITS.frozen_s:
            rows["frozen"].append((q.frozen_s, f"{name}: {q.frozen_s:.1f} s"))
        if q.jumps:
            rows["jumps"].append((q.jumps, f"{name}: {q.jumps} of {q.frames} frames"))
        if -q.sole_low_m > LIMITS.sunk_m:
            rows["floor"].append((-q.sole_low_m, f"{name}: {100 * q.sole_low_m:.0f} cm"))
        elif q.sole_high_m > LIMITS.floating_m:
            rows["floor"].append((q.sole_high_m, f"{name}: +{100 * q.sole_high_m:.0f} cm"))
        if q.slide_mps > LIMITS.slide_mps:
            rows["foot slide"].append((q.slide_mps, f"{name}: {q.slide_mps:.2f} m/s"))
        if is_copy:
            rows["near-copies"].append((0.0, name))
    found = []
    for gate, flagged in rows.items():
        worst = sorted(flagged, key=lambda row: (-row[0], row[1]))[:_WORST]
        if flagged:
            found.append(GateFinding(gate, len(flagged), tuple(text for _, text in worst)))
    return tuple(found)


def _largest_turns_deg(
    R_parent_joint: Float[np.ndarray, "frames 24 3 3"],
) -> Float[np.ndarray, " steps"]:
    """Of each step, the largest angle that a joint turns."""
    # The trace of R1^T R0 is the sum of the products of their elements.
    trace = (R_parent_joint[1:] * R_parent_joint[:-1]).sum(axis=(-1, -2))
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))).max(axis=1)


def _slide_mps(positions: Float[np.ndarray, "frames 24 3"], fps: float) -> float:
    soles = sole_heights(torch.from_numpy(positions)).numpy()[1:]
    feet = positions[:, [joint(name) for name in CONTACT_JOINTS]]
    speed = np.linalg.norm(np.diff(feet, axis=0)[..., [0, 2]], axis=-1) * fps
    stiller = np.where(soles < LIMITS.grounded_m, speed, np.inf).min(axis=1)
    grounded = np.isfinite(stiller)
    return float(stiller[grounded].mean()) if grounded.any() else 0.0


def _fingerprint(positions: Float[np.ndarray, "frames 24 3"]) -> Float[np.ndarray, " values"]:
    keys = np.linspace(0, len(positions) - 1, _KEY_POSES).round().astype(int)
    points = positions[keys] - positions[0, 0] * (1.0, 0.0, 1.0)
    across = positions[0, joint("left_hip")] - positions[0, joint("right_hip")]
    x, z = across[[0, 2]] / max(float(np.hypot(across[0], across[2])), 1e-9)
    turned = np.stack(
        (x * points[..., 0] + z * points[..., 2], points[..., 1],
         -z * points[..., 0] + x * points[..., 2]), axis=-1
    )  # fmt: skip
    return turned.reshape(-1).astype(np.float32)
