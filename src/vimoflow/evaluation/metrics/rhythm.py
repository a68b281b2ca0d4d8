"""How a dance follows its music, and whether its root accelerates without a foot to push from."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from jaxtyping import Float

from vimoflow.errors import ConfigError, InputError
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

SIGMA_S = 3 / 60  # the published three frames at 60 fps
_SMOOTHING_S = 5 / 60  # standard deviation of the published Gaussian on the speed


def motion_beats(
    joints: Float[np.ndarray, "frames joints 3"], fps: float
) -> Float[np.ndarray, "beats"]:
    """Times (seconds) at which the body moves least: minima of the joints' mean speed."""
    from scipy.signal import argrelextrema

    return argrelextrema(motion_speed(joints, fps), np.less)[0] / fps


def motion_speed(
    joints: Float[np.ndarray, "frames joints 3"], fps: float
) -> Float[np.ndarray, "steps"]:
    """The joints' mean way per frame, metres, smoothed; one value between every two frames.

    The Gaussian has five frames at 60 fps (Siyao et al. 2022, Bailando; the same in EDGE). The
    speed between two frames is given the time of the first, as published.
    """
    from scipy.ndimage import gaussian_filter1d

    _check(joints, fps, 3)
    speed = np.linalg.norm(np.diff(joints.astype(np.float64), axis=0), axis=-1).mean(-1)
    return np.asarray(gaussian_filter1d(speed, _SMOOTHING_S * fps))


def beat_alignment(
    music_beats_s: Float[np.ndarray, "music"],
    motion_beats_s: Float[np.ndarray, "motion"],
    per: Literal["music", "motion"] = "music",
    sigma_s: float = SIGMA_S,
) -> float:
    """Mean over beats of exp(-d^2 / 2 sigma^2), d the time to the other side's nearest beat, 0..1.

    ``per="music"`` asks for a movement at every beat of the music (Bailando, EDGE: real dances
    score 0.24); ``per="motion"`` for a beat at every movement (Li et al. 2021, equation 6), which
    few movements please. 0 where the motion has no beat.

    Raises:
        InputError: no music beats, or times that are not finite.
        ConfigError: a sigma that is not positive.
    """
    if not 0 < sigma_s < math.inf:
        raise ConfigError(f"a sigma of {sigma_s} s makes no sense")
    music, motion = np.asarray(music_beats_s, float), np.asarray(motion_beats_s, float)
    if not len(music):
        raise InputError("music without beats; nothing can be aligned with it")
    if not (np.isfinite(music).all() and np.isfinite(motion).all()):
        raise InputError("beat times hold NaN or infinity")
    if not len(motion):
        return 0.0
    gaps = np.abs(music[:, None] - motion)
    nearest = gaps.min(1) if per == "music" else gaps.min(0)
    return float(np.exp(-np.square(nearest) / (2 * sigma_s**2)).mean())


def physical_foot_contact(joints: Float[np.ndarray, "frames 24 3"], fps: float) -> float:
    """PFC of one clip (Tseng et al. 2023, EDGE, section 4.2), times 10,000; lower is better.

    Mean over frames of the root's acceleration (downward part ignored, relative to the clip's
    greatest) times both feet's horizontal ways per frame at 30 fps, metres; a foot moves as its
    slower joint of ankle and toe. 0 where the root never accelerates: PFC likes those who stand.
    """
    _check(joints, fps, 3)
    p = joints.astype(np.float64)
    acceleration = np.diff(p[:, joint("pelvis")], n=2, axis=0)
    acceleration[:, 1] = acceleration[:, 1].clip(0)
    effort = np.linalg.norm(acceleration, axis=-1)
    if effort.max() < 1e-12:
        return 0.0
    feet = p[1:, [joint(name) for name in CONTACT_JOINTS]][..., (0, 2)]
    way = np.linalg.norm(np.diff(feet, axis=0), axis=-1) * fps / 30.0
    left, right = way[:, :2].min(1), way[:, 2:].min(1)
    return float((left * right * effort / effort.max()).mean() * 10_000)


def _check(joints: np.ndarray, fps: float, frames: int) -> None:
    if len(joints) < frames:
        raise InputError(f"{len(joints)} frames are too few: at least {frames} are needed")
    if not np.isfinite(joints).all():
        raise InputError("a motion holds values that are not finite (NaN or infinity)")
    if not 0 < fps < math.inf:
        raise InputError(f"frame rate {fps} makes no sense")
