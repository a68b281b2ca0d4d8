"""What a training run is watched by, and the bands in which a healthy run's values lie.

The target bands are the thesis' (section IV, convergence monitoring), which states no reductions.
With those given in :data:`QUANTITIES` they are close to where a healthy run lies; the measured
bands beside them are those of the first shipped checkpoint on held-out clips, from its best to its
worst tenth of t (docs/experiments).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    """A range of values; None is open."""

    low: float | None = None
    high: float | None = None

    def side(self, value: float) -> str:
        """ "below", "above" or "" (inside)."""
        if self.low is not None and value < self.low:
            return "below"
        return "above" if self.high is not None and value > self.high else ""

    def __str__(self) -> str:
        low, high = ("" if x is None else f"{x:g}" for x in (self.low, self.high))
        return f"{low}-{high}" if low and high else f"over {low}" if low else f"under {high}"


@dataclass(frozen=True)
class Quantity:
    """One watched figure.

    Attributes:
        reduction: how it is averaged, and its unit.
        thesis: the thesis' target band, in this reduction.
        measured: where a healthy run was found.
        limits: leaving these raises an alert.
        below, above: what that means, and what the thesis did about it.
    """

    name: str
    reduction: str
    thesis: Band | None = None
    measured: Band | None = None
    limits: Band | None = None
    below: str = ""
    above: str = ""


_FRAMES = "mean over valid frames"
_PTSS_ADVICE = (
    "the thesis saw this with PTSS p above 0.6, went back to p = 0.2 and raised the learning rate "
    "from 1e-4 to 2.5e-4"
)
_COLLAPSE_ADVICE = (
    "the thesis lowered lambda_vel from 1.0 to 0.01 (0.02 in the end), raised lambda_joints to 0.1 "
    "and kept all three auxiliary losses above zero from the start"
)
QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "total",
        f"weighted sum of all terms, {_FRAMES}",
        above="the loss is not finite: lower the learning rate",
    ),
    Quantity("simple", f"mean over 151 normalised channels, {_FRAMES}", measured=Band(0.32, 0.81)),
    Quantity(
        "joints",
        f"mean over 24 joints of the squared distance in m^2, {_FRAMES}",
        thesis=Band(0.01, 0.02),
        measured=Band(0.013, 0.040),
        limits=Band(0.01, 0.03),
        below="the thesis calls it overfitting: compare the held-out error",
        above="the thesis raised lambda_joints (from 0.01 to 0.1 by epoch 25)",
    ),
    Quantity("velocity", f"mean over 24 joints, squared m a frame, {_FRAMES}"),
    Quantity(
        "rotation_velocity",
        f"sum over 144 channels of squared 6D differences, {_FRAMES}",
        thesis=Band(0.05, 0.10),
        measured=Band(0.107, 0.142),
        limits=Band(0.01, 0.15),
        below=f"static predictions: {_COLLAPSE_ADVICE}",
        above="erratic motion: the thesis kept lambda_vel above zero (0.01 to 0.02)",
    ),
    Quantity(
        "foot",
        f"mean over 4 foot joints, squared m a frame in contact, {_FRAMES}; the thesis' sum over 4",
        thesis=Band(0.25e-4, 0.25e-3),
        measured=Band(0.7e-4, 2.3e-4),
        limits=Band(0.25e-4, 0.25e-2),
        below="over-constrained: the thesis lowered lambda_foot (from 0.5 to 0.05)",
        above="feet slide: the thesis raised lambda_foot (from 0.1 to 0.5)",
    ),
    Quantity("root", f"squared distance in m^2, {_FRAMES}"),
    Quantity("contacts", f"mean over 4 channels, {_FRAMES}"),
    Quantity("projection", f"mean over views and 17 points in m^2, {_FRAMES}"),
    Quantity("gradient_norm", "before clipping, mean over steps"),
    Quantity(
        "root_scale",
        "root mean square of the predicted root position over the truth's",
        measured=Band(0.88, 0.95),
        limits=Band(0.5, 2.0),
        below="the root stays near the origin: raise the factor of the root loss",
        above=f"the root runs away: {_PTSS_ADVICE}",
    ),
    Quantity(
        "prediction_std",
        "over channels and valid frames, normalised: 1 is the truth's (the thesis' 0.1-0.2 is in a "
        "unit it does not state)",
        measured=Band(0.53, 0.83),
        limits=Band(0.1, 2.0),
        below=f"predictions hardly vary: {_COLLAPSE_ADVICE}",
        above=f"predictions vary too much: {_PTSS_ADVICE}",
    ),
    Quantity(
        "motion_ratio",
        "root mean square change of the rotations from frame to frame over the truth's, late t",
        limits=Band(0.15, 3.0),
        below=f"collapse to static poses: {_COLLAPSE_ADVICE}",
        above="jitter: the thesis kept the velocity loss above zero",
    ),
    Quantity(
        "pose_ratio",
        "standard deviation of the rotations over clips and frames over the truth's, late t",
        limits=Band(0.15, 2.0),
        below=f"collapse to the mean pose: {_COLLAPSE_ADVICE}",
        above=f"poses vary too much: {_PTSS_ADVICE}",
    ),
)
