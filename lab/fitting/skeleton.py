"""Fit the canonical skeleton to AIST++ and write src/vimoflow/motion/skeleton.json.

Joint positions are linear in the bone offsets once the rotations are known. With SMPL rotations
from ``smpl_poses`` and the triangulated ``keypoints3d_optim`` of one training sequence, ridge least
squares gives the offsets and where the COCO points sit on the bones. The ridge pulls, with a
strength of ``RIDGE``, towards segment lengths taken as fractions of stature from anthropometry
(Drillis and Contini 1966, the table in Winter, Biomechanics and Motor Control of Human Movement):
it decides only what the points do not show (split of the spine, hands, toes). Left and right share
parameters.

    python -m lab.fitting.skeleton ../shared/data/aistpp
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from lab.corpora import aistpp_files as aistpp
from vimoflow.conventions import COCO_NAMES, STATURE_M
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.motion.skeleton import JOINT_NAMES, MIRROR_COCO, MIRROR_JOINTS, PARENTS

TRAIN = "gJS_sFM_cAll_d02_mJS4_ch09"
HELD_OUT = ("gJS_sBM_cAll_d03_mJS2_ch07", "gBR_sBM_cAll_d04_mBR2_ch08")
RIDGE = 0.02  # of the number of frames; the residual does not move between 0.005 and 0.05
# Which joint each COCO point rides on, and whether it may sit beside the joint.
RIDES_ON = {
    "nose": "head", "left_eye": "head", "left_ear": "head", "left_shoulder": "left_shoulder",
    "left_elbow": "left_elbow", "left_wrist": "left_wrist", "left_hip": "pelvis",
    "left_knee": "left_knee", "left_ankle": "left_ankle",
}  # fmt: skip
# Offsets as fractions of stature: x to the left, y up, z forward. Joints of the middle have x = 0.
PRIOR_JOINTS = {
    "left_hip": (0.045, -0.045, 0.0), "spine1": (0, 0.065, 0), "left_knee": (0.01, -0.245, 0.0),
    "spine2": (0, 0.075, 0), "left_ankle": (0, -0.246, -0.015), "spine3": (0, 0.035, 0),
    "left_foot": (0.012, -0.029, 0.072), "neck": (0, 0.12, -0.01), "left_collar": (0.045, 0.07, 0),
    "head": (0, 0.055, 0.02), "left_shoulder": (0.06, 0.02, -0.01),
    "left_elbow": (0.165, 0, -0.01), "left_wrist": (0.146, 0, 0), "left_hand": (0.05, 0, 0),
}  # fmt: skip
PRIOR_POINTS = {
    "nose": (0, 0.025, 0.065), "left_eye": (0.018, 0.045, 0.055), "left_ear": (0.045, 0.035, 0.0),
    "left_hip": (0.055, -0.035, 0.0),
}  # fmt: skip
NOT_SHOWN = ("left_foot", "left_hand")  # no COCO point beyond them: the prior alone decides


def world_rotations(poses: np.ndarray) -> np.ndarray:
    """(frames, 24, 3) axis-angle to world rotations (frames, 24, 3, 3)."""
    local = axis_angle_to_matrix(torch.from_numpy(poses)).numpy()
    world = local.copy()
    for j, parent in enumerate(PARENTS):
        if parent >= 0:
            world[:, j] = world[:, parent] @ local[:, j]
    return world


def load(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """World rotations, translations (m) and COCO points (m) of one sequence."""
    motion = aistpp.read_motion(folder / "motions" / f"{name}.pkl")
    points = aistpp.read_keypoints3d(folder / "keypoints3d" / f"{name}.pkl")
    return world_rotations(motion.poses), motion.trans / motion.scaling, points / motion.scaling


class Parameters:
    """The free numbers: pelvis shift (y, z), offsets and points of the left side and the middle."""

    def __init__(self) -> None:
        self.columns: dict[tuple[str, str, int], int] = {}
        self.prior: list[float] = []
        for kind, table in (("joint", PRIOR_JOINTS), ("point", PRIOR_POINTS)):
            for name, value in table.items():
                for axis in range(3):
                    if axis > 0 or name.startswith("left"):
                        self.columns[kind, name, axis] = len(self.prior)
                        self.prior.append(value[axis] * STATURE_M)
        for axis in (1, 2):
            self.columns["shift", "pelvis", axis] = len(self.prior)
            self.prior.append((-0.2, 0.0)[axis - 1])

    def add(self, block: np.ndarray, kind: str, name: str, rotation: np.ndarray) -> None:
        """Add ``rotation @ offset`` of a joint or point to the block (frames, 3, columns)."""
        sign = np.array([1.0, 1.0, 1.0])
        if name.startswith("right"):
            name, sign = name.replace("right", "left"), np.array([-1.0, 1.0, 1.0])
        for axis in range(3):
            column = self.columns.get((kind, name, axis))
            if column is not None:
                block[:, :, column] += sign[axis] * rotation[:, :, axis]

    def vector(self, values: np.ndarray, kind: str, name: str) -> np.ndarray:
        left = name.replace("right", "left")
        vector = np.array(
            [values[c] if (c := self.columns.get((kind, left, a))) is not None else 0.0
             for a in range(3)]
        )  # fmt: skip
        return vector * (-1.0, 1.0, 1.0) if name.startswith("right") else vector


def rides_on(name: str) -> str:
    left = name.replace("right", "left")
    rider = RIDES_ON[left]
    return rider.replace("left", "right") if name.startswith("right") else rider


def design(parameters: Parameters, R_world: np.ndarray) -> np.ndarray:
    """(frames, 17, 3, columns): derivative of each COCO point by each parameter."""
    frames = len(R_world)
    out = np.zeros((frames, len(COCO_NAMES), 3, len(parameters.prior)))
    identity = np.broadcast_to(np.eye(3), (frames, 3, 3))
    for k, name in enumerate(COCO_NAMES):
        block = out[:, k]
        parameters.add(block, "shift", "pelvis", identity)
        index = JOINT_NAMES.index(rides_on(name))
        parameters.add(block, "point", name, R_world[:, index])
        while PARENTS[index] >= 0:
            parameters.add(block, "joint", JOINT_NAMES[index], R_world[:, PARENTS[index]])
            index = PARENTS[index]
    return out


def residual_mm(parameters: Parameters, values: np.ndarray, folder: Path, name: str) -> np.ndarray:
    """Mean distance (17,) in mm between predicted and triangulated points."""
    R_world, trans, points = load(folder, name)
    predicted = design(parameters, R_world) @ values + trans[:, None]
    return np.nanmean(np.linalg.norm(predicted - points, axis=-1), axis=0) * 1000


def fit(folder: Path) -> tuple[Parameters, np.ndarray]:
    """Ridge least squares on the training sequence."""
    parameters = Parameters()
    R_world, trans, points = load(folder, TRAIN)
    A = design(parameters, R_world).reshape(-1, len(parameters.prior))
    b = (points - trans[:, None]).reshape(-1)
    good = np.isfinite(b)
    prior = np.array(parameters.prior)
    ridge = RIDGE * len(R_world)
    normal = A[good].T @ A[good] + ridge * np.eye(len(prior))
    return parameters, np.linalg.solve(normal, A[good].T @ b[good] + ridge * prior)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("aistpp", type=Path, help="folder with motions/ and keypoints3d/")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("src/vimoflow/motion/skeleton.json")
    )
    arguments = parser.parse_args()
    parameters, values = fit(arguments.aistpp)
    residuals = {
        name: residual_mm(parameters, values, arguments.aistpp, name) for name in (TRAIN, *HELD_OUT)
    }
    offsets = {
        name: parameters.vector(values, "joint", name).round(5).tolist() for name in JOINT_NAMES
    }
    points = {
        name: {
            "joint": rides_on(name),
            "offset": parameters.vector(values, "point", name).round(5).tolist(),
        }
        for name in COCO_NAMES
    }
    assert all(
        offsets[JOINT_NAMES[m]][0] == -offsets[n][0]
        for n, m in zip(JOINT_NAMES, MIRROR_JOINTS, strict=True)
    )
    assert len(MIRROR_COCO) == len(points)
    document = {
        "units": "metres; x to the figure's left, y up, z forward; rest pose is SMPL's T-pose",
        "smpl_trans_to_pelvis": parameters.vector(values, "shift", "pelvis").round(5).tolist(),
        "offsets": offsets,
        "coco_points": points,
        "provenance": {
            "fitted": f"least squares on AIST++ {TRAIN} (CC BY 4.0, Google LLC): smpl_poses and "
            "keypoints3d_optim, lengths divided by smpl_scaling; lab/fitting/skeleton.py",
            "not shown by the points": ", ".join(NOT_SHOWN)
            + " and the split of the spine: fractions of stature (Drillis and Contini 1966)",
            "symmetry": "left and right share parameters; middle joints have x = 0",
        },
        "residual_mm": {
            name: {
                "mean": round(float(r.mean()), 1),
                "points": dict(zip(COCO_NAMES, r.round(1).tolist(), strict=True)),
            }
            for name, r in residuals.items()
        },
    }
    arguments.output.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    for name, r in residuals.items():
        role = "fitted on" if name == TRAIN else "held out "
        worst = COCO_NAMES[r.argmax()]
        print(f"{role} {name}: mean {r.mean():.1f} mm, worst point {worst} {r.max():.1f} mm")


if __name__ == "__main__":
    main()
