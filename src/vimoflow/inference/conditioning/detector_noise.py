"""Fitted behaviour of a real 2D pose detector (``lab/fitting/detector_noise.py``)."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib import resources

import numpy as np
from jaxtyping import Float

from vimoflow.motion.skeleton import coco

FACE = tuple(range(5))
ARMS = tuple(coco(f"{side}_{part}") for side in ("left", "right") for part in ("elbow", "wrist"))
LEGS = tuple(
    coco(f"{side}_{part}") for side in ("left", "right") for part in ("hip", "knee", "ankle")
)
SWAP_GROUPS = {
    "body": tuple(range(17)),
    "arms": (coco("left_shoulder"), coco("right_shoulder"), *ARMS),
    "legs": LEGS,
    "face": FACE,
}
_NOT_ARRAYS = ("tail_correlation", "swap_names")


@dataclass(frozen=True)
class DetectorNoise:
    """Fitted behaviour of a detector, one value a COCO point unless said otherwise, at 30 fps.

    Attributes:
        bias_mean_m: mean offset (right, down) in metres at the person's distance.
        bias_std_m: standard deviation between clips of the constant offset of each axis.
        drift_m: standard deviation of the correlated error of each axis.
        drift_correlation: its correlation from one frame to the next.
        white_m: standard deviation of the error that is new in every frame.
        tail: standard deviation of the logarithm of a slowly varying factor on drift and white:
            errors come in bursts, and their tails are heavy.
        tail_correlation: frame-to-frame correlation of that factor (one value).
        hidden_gain: logarithm of the factor on drift and white of a hidden point.
        hidden_tail: ``tail`` of a hidden point: a guess is bad, but steadily so.
        confidence_visible: quantiles of the confidence of visible points, at even probabilities.
        confidence_hidden: the same for hidden points.
        confidence_error: correlation of (the normal score of) confidence with minus the factor.
        confidence_correlation: frame-to-frame correlation of the rest of confidence.
        swap_names: names of the groups whose left and right are mistaken, see ``SWAP_GROUPS``.
        swap_per_s: how often a swap begins, per second and group.
        swap_s: mean duration of a swap in seconds, per group.
    """

    bias_mean_m: Float[np.ndarray, "17 2"]
    bias_std_m: Float[np.ndarray, "17"]
    drift_m: Float[np.ndarray, "17"]
    drift_correlation: Float[np.ndarray, "17"]
    white_m: Float[np.ndarray, "17"]
    tail: Float[np.ndarray, "17"]
    tail_correlation: float
    hidden_gain: Float[np.ndarray, "17"]
    hidden_tail: Float[np.ndarray, "17"]
    confidence_visible: Float[np.ndarray, "17 quantiles"]
    confidence_hidden: Float[np.ndarray, "17 quantiles"]
    confidence_error: Float[np.ndarray, "17"]
    confidence_correlation: Float[np.ndarray, "17"]
    swap_names: tuple[str, ...]
    swap_per_s: Float[np.ndarray, "groups"]
    swap_s: Float[np.ndarray, "groups"]


@functools.cache
def load_detector_noise() -> DetectorNoise:
    """The parameters that ship with the package."""
    text = (
        resources.files("vimoflow.inference.conditioning")
        .joinpath("detector_noise.json")
        .read_text()
    )
    fields = json.loads(text)["parameters"]
    arrays = {name: np.array(value) for name, value in fields.items() if name not in _NOT_ARRAYS}
    return DetectorNoise(
        **arrays,
        tail_correlation=float(fields["tail_correlation"]),
        swap_names=tuple(fields["swap_names"]),
    )
