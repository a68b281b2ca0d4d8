"""Other makers' rigs, made from the canonical skeleton by an independent kinematics, as BVH text.

A rig is the canonical skeleton with other names, other local frames ``R_canonical_rig`` and hence
another zero pose: its OFFSETs are the bones in those frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS, joint, load_skeleton

OFFSETS = load_skeleton().offsets
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # Y-up to Z-up
FACING_X = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # facing +Z to facing +X


@dataclass(frozen=True)
class SyntheticRig:
    """``names``: of the canonical joints that the rig has; ``before``: joints without a bone,
    inserted above others; ``more``: joints that hang on others and do not move (fingers, a face);
    ``R_canonical_rig``: local frames."""

    names: Mapping[str, str]
    R_canonical_rig: Mapping[str, np.ndarray]
    before: Mapping[str, str] = field(default_factory=dict)
    order: str = "ZYX"
    more: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def world_rotations(poses: np.ndarray) -> np.ndarray:
    """World rotations of the canonical joints from axis-angle vectors (frames, 24, 3)."""
    local = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(*poses.shape[:2], 3, 3)
    world = local.copy()
    for j, parent in enumerate(PARENTS):
        if parent >= 0:
            world[:, j] = world[:, parent] @ local[:, j]
    return world


def person_of_other_proportions(seed: int) -> np.ndarray:
    """Offsets of a figure whose parts are up to a quarter longer or shorter, both sides alike."""
    rng = np.random.default_rng(seed)
    parts = sorted({name.removeprefix("left_").removeprefix("right_") for name in JOINT_NAMES})
    factors = dict(zip(parts, rng.uniform(0.8, 1.25, len(parts)), strict=True))
    scale = [factors[n.removeprefix("left_").removeprefix("right_")] for n in JOINT_NAMES]
    return OFFSETS * np.array(scale)[:, None]


def world_positions(R_world: np.ndarray, root: np.ndarray) -> np.ndarray:
    p = np.repeat(root[:, None], len(JOINT_NAMES), axis=1)
    for j, parent in enumerate(PARENTS):
        if parent >= 0:
            p[:, j] = p[:, parent] + R_world[:, parent] @ OFFSETS[j]
    return p


def rest_frames(arm_degrees: float, R_file_canonical: np.ndarray) -> dict[str, np.ndarray]:
    """Local frames of a rig that rests with its arms lowered by an angle (0 is a T-pose)."""
    poses = np.zeros((1, 24, 3))
    for side, sign in (("left", -1), ("right", 1)):
        poses[0, joint(f"{side}_shoulder"), 2] = sign * np.radians(arm_degrees)
    rest = world_rotations(poses)[0]
    return {n: (R_file_canonical @ rest[j]).T for j, n in enumerate(JOINT_NAMES)}


def along_x_frames() -> dict[str, np.ndarray]:
    """Local frames of a rig whose bones all lie along +X; Z is the figure's left or the hinge."""
    frames = {n: np.stack(([0.0, 1, 0], [0.0, 0, 1], [1.0, 0, 0]), axis=1) for n in JOINT_NAMES}
    for side, sign in (("left", -1.0), ("right", 1.0)):
        for upper, lower, hinge in (
            ("hip", "knee", [1.0, 0, 0]), ("knee", "ankle", [1.0, 0, 0]),
            ("ankle", "foot", [1.0, 0, 0]), ("collar", "shoulder", [0, sign, 0]),
            ("shoulder", "elbow", [0, sign, 0]), ("elbow", "wrist", [0, sign, 0]),
        ):  # fmt: skip
            x = OFFSETS[joint(f"{side}_{lower}")]
            x = x / np.linalg.norm(x)
            y = np.cross(hinge, x)
            y /= np.linalg.norm(y)
            frames[f"{side}_{upper}"] = np.stack((x, y, np.cross(x, y)), axis=1)
        frames[f"{side}_wrist"] = frames[f"{side}_elbow"]
    return frames


def performance(frames: int = 90, standing: int = 20, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Axis-angle vectors and root path: a while of standing, then a dance with hinged limbs."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, frames)[:, None, None]
    poses = rng.normal(size=(1, 24, 3)) * 0.4 * np.sin(3 * t + rng.uniform(0, 6, (1, 24, 3)))
    poses[:, 0, 1] += 2 * t[:, 0, 0]
    rigid = ("spine1", "spine2", "spine3", "neck", "head", "collar", "foot", "hand")
    poses[:, [j for j, n in enumerate(JOINT_NAMES) if n.endswith(rigid)]] = 0
    bend = 0.9 + 0.3 * np.sin(4 * t[:, 0])
    for side, sign in (("left", -1.0), ("right", 1.0)):
        poses[:, joint(f"{side}_knee")] = bend * np.array([1.0, 0, 0])
        poses[:, joint(f"{side}_elbow")] = bend * np.array([0, sign, 0])
    stand = np.zeros((standing, 24, 3))
    for side, sign in (("left", -1.0), ("right", 1.0)):
        stand[:, joint(f"{side}_shoulder"), 2] = sign * 1.2
    poses = np.concatenate((stand, poses))
    s = np.linspace(0, 1, len(poses)) * (np.arange(len(poses)) >= standing)
    return poses, np.stack((s, 0.9 + 0 * s, s * s), axis=1)


def to_bvh(
    rig: SyntheticRig,
    poses: np.ndarray,
    root: np.ndarray,
    units_per_metre: float,
    fps: float,
    offsets: np.ndarray = OFFSETS,
) -> str:
    """The motion on the rig, as BVH text."""
    R_rig = world_rotations(poses) @ np.stack([rig.R_canonical_rig[n] for n in JOINT_NAMES])
    columns = [root * units_per_metre]

    def euler(R: np.ndarray) -> np.ndarray:
        return Rotation.from_matrix(R).as_euler(rig.order, degrees=True)

    channels = " ".join(f"{a}rotation" for a in rig.order)

    def lines(j: int, parent: int, offset: np.ndarray) -> list[str]:
        name = JOINT_NAMES[j]
        below = [c for c, p in enumerate(PARENTS) if p == j]
        if name not in rig.names:  # its children hang on the joint above
            return [
                x for c in below for x in lines(c, parent, offset + frame(parent).T @ offsets[c])
            ]
        R_parent = R_rig[:, parent] if parent >= 0 else np.eye(3)
        extra = rig.before.get(name)
        if extra:  # it copies the joint above and carries none of the rotation
            columns.append(np.zeros((len(poses), 3)))
            if parent < 0:  # a root that stands still above the pelvis
                columns[:] = [np.zeros((len(poses), 6)), root * units_per_metre]
        columns.append(euler(np.swapaxes(R_parent, -1, -2) @ R_rig[:, j]))
        word = "ROOT" if parent < 0 and not extra else "JOINT"
        count = "6 Xposition Yposition Zposition" if parent < 0 else "3"
        text = [f"{word} {rig.names[name]}", "{", bone(offset), f"CHANNELS {count} {channels}"]
        for c in below:
            text += lines(c, j, frame(j).T @ offsets[c])
        for other in rig.more.get(name, ()):
            columns.append(np.zeros((len(poses), 3)))
            text += [
                f"JOINT {other}",
                "{",
                bone(np.array([0.01, 0.02, 0.03])),
                f"CHANNELS 3 {channels}",
                "End Site",
                "{",
                bone(np.full(3, 0.01)),
                "}",
                "}",
            ]
        if not any(JOINT_NAMES[c] in rig.names for c in below):
            text += ["End Site", "{", bone(frame(j).T @ np.array([0, 0.1, 0])), "}"]
        text.append("}")
        if extra:
            above = f"JOINT {extra}" if parent >= 0 else f"ROOT {extra}"
            text = [above, "{", bone(np.zeros(3)), f"CHANNELS {count} {channels}", *text, "}"]
        return text

    def frame(j: int) -> np.ndarray:
        return rig.R_canonical_rig[JOINT_NAMES[j]]

    def bone(offset: np.ndarray) -> str:
        return "OFFSET " + " ".join(f"{v:.8f}" for v in offset * units_per_metre)

    hierarchy = lines(0, -1, np.zeros(3))
    rows = "\n".join(" ".join(f"{v:.8f}" for v in row) for row in np.concatenate(columns, axis=1))
    head = "HIERARCHY\n" + "\n".join(hierarchy)
    return f"{head}\nMOTION\nFrames: {len(poses)}\nFrame Time: {1 / fps:.8f}\n{rows}\n"
