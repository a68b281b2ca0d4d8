"""Several samples of one video: how far they leave the truth open.

Their spread, scaled so that it was right on held-out clips, says how uncertain each joint is.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import JOINT_NAMES
from vimoflow.motion.uncertainty import JointUncertainty

_CALIBRATION = "hypotheses.json"


@dataclass(frozen=True)
class Calibration:
    """By what the spread of each joint is multiplied to get a radius that holds the truth.

    Attributes:
        factor_50, factor_90: for half and for nine tenths of all frames, joint by joint.
        samples: how many samples the spread was measured from.
        source: checkpoint and clips.
    """

    factor_50: tuple[float, ...]
    factor_90: tuple[float, ...]
    samples: int
    source: str


@dataclass(frozen=True)
class Differences:
    """How far samples are from each other, pelvises together, millimetres.

    Attributes:
        spread_mm: standard deviation of a joint, over joints and frames.
        most_joint: the joint that differs most.
        most_mm: its standard deviation over the frames.
        from_first_mm: mean distance of each sample's joints from the first one's.
    """

    spread_mm: float
    most_joint: str
    most_mm: float
    from_first_mm: tuple[float, ...]

    def __str__(self) -> str:
        joint = self.most_joint.replace("_", " ")
        most = f"most the {joint} ({self.most_mm:.0f} mm)"
        return f"{self.spread_mm:.0f} mm a joint, {most}; see samples/"


def differences(samples: Sequence[Motion]) -> Differences | None:
    """How far samples on one clock differ; None for a single one."""
    if len(samples) < 2:
        return None
    joints = np.stack([motion.joint_positions for motion in samples])
    by_joint = 1000 * joint_spread_m(joints).mean(axis=0)
    posed = joints - joints[:, :, :1]
    apart = 1000 * np.linalg.norm(posed - posed[0], axis=-1).mean(axis=(1, 2))
    most = int(by_joint.argmax())
    rounded = tuple(round(float(one), 1) for one in apart)
    return Differences(float(by_joint.mean()), JOINT_NAMES[most], float(by_joint[most]), rounded)


def joint_spread_m(
    joints: Float[np.ndarray, "samples frames 24 3"],
) -> Float[np.ndarray, "frames 24"]:
    """Standard deviation of each joint over the samples, roots moved together, metres.

    The root of the three axes' variances added, each divided by the number of samples less one.

    Raises:
        InputError: fewer than two samples.
    """
    if len(joints) < 2:
        raise InputError(f"{len(joints)} samples have no spread; at least 2 are needed")
    posed = joints - joints[:, :, :1]
    return np.sqrt(posed.var(axis=0, ddof=1).sum(-1))


def joint_uncertainty(samples: Sequence[Motion]) -> JointUncertainty:
    """Spread and calibrated radii of several samples on one clock; radii are around the first.

    Raises:
        InputError: fewer than two samples.
    """
    calibration = shipped_calibration()
    spread = joint_spread_m(np.stack([motion.joint_positions for motion in samples]))
    return JointUncertainty(
        spread, spread * np.array(calibration.factor_50), spread * np.array(calibration.factor_90)
    )


@functools.cache
def shipped_calibration() -> Calibration:
    """The factors that come with the package."""
    text = resources.files("vimoflow.inference").joinpath(_CALIBRATION).read_text("utf-8")
    return _calibration(text, _CALIBRATION)


def _calibration(text: str, name: str) -> Calibration:
    try:
        document = json.loads(text)
        half, most = (
            tuple(float(document[key][j]) for j in JOINT_NAMES)
            for key in ("factor_50", "factor_90")
        )
        found = Calibration(half, most, int(document["samples"]), str(document["source"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{name}: holds no factors for the joints of this skeleton") from error
    if not all(np.isfinite(values).all() and min(values) >= 0 for values in (half, most)):
        raise InputError(f"{name}: holds factors that are no sizes")
    return found
