"""The mannequin's shapes: stations along the bones with radii in metres, made by eye.

Parts of the left side are mirrored for the right. Joint positions come from the skeleton, so a
refit of its offsets moves the parts along.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.skeleton import joint, load_skeleton

_FORWARD, _UP = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Station:
    """A cross section: where along the axis (0 start, 1 end), half widths and shifts in metres."""

    at: float
    side: float
    front: float
    shift_front: float = 0.0
    shift_side: float = 0.0


@dataclass(frozen=True)
class Part:
    """One loft of the mannequin in the rest pose.

    Attributes:
        joints: what moves it; with more than one, ``blend`` gives the heights (metres, increasing)
            at which each of them has all the weight.
        start, end: the axis.
        front: roughly where the section's front is.
        squareness: exponent of the section's superellipse; 2 is an ellipse.
        start_cap, end_cap: how far the rounded ends reach, metres; ``None`` for half a ball.
    """

    joints: tuple[str, ...]
    start: Float[np.ndarray, "3"]
    end: Float[np.ndarray, "3"]
    stations: tuple[Station, ...]
    material: str = "body"
    front: tuple[float, float, float] = _FORWARD
    blend: tuple[float, ...] = ()
    squareness: float = 2.0
    start_cap: float | None = None
    end_cap: float | None = None
    rings: int = 10
    segments: int = 20
    cap_rings: int = 5

    def coarser(self) -> Part:
        """The same shape in two fifths of the faces."""
        return dataclasses.replace(
            self,
            rings=round(0.6 * self.rings),
            segments=2 * round(0.4 * self.segments),
            cap_rings=round(0.4 * self.cap_rings),
        )


def middle_parts() -> tuple[Part, ...]:
    """Trunk, neck and head."""
    rest = load_skeleton().rest_positions()
    pelvis, spine1, spine2, spine3, neck, head = (
        rest[joint(name)] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
    )
    low, high = pelvis - _by(0, 0.125, 0.01), neck - _by(0, 0.005, 0)
    trunk = Part(
        ("pelvis", "spine1", "spine2", "spine3"),
        np.array([0.0, low[1], -0.018]),
        np.array([0.0, high[1], -0.028]),
        (
            Station(0.00, 0.085, 0.075, -0.012),
            Station(0.10, 0.155, 0.108, -0.016),
            Station(0.20, 0.164, 0.112, -0.014),
            Station(0.34, 0.139, 0.098, -0.002),
            Station(0.46, 0.124, 0.092, 0.004),
            Station(0.62, 0.147, 0.105, 0.008),
            Station(0.77, 0.171, 0.119, 0.008),
            Station(0.87, 0.158, 0.102, -0.004),
            Station(0.95, 0.104, 0.078, -0.014),
            Station(1.00, 0.062, 0.060, -0.018),
        ),
        blend=(0.02, spine1[1], spine2[1], spine3[1] + 0.04),
        squareness=2.35,
        start_cap=0.045,
        end_cap=0.03,
        rings=26,
        segments=32,
    )
    throat = Part(
        ("spine3", "neck", "head"),
        neck - _by(0, 0.05, 0),
        head + _by(0, 0.01, -0.012),
        (Station(0.0, 0.062, 0.062), Station(0.5, 0.052, 0.055), Station(1.0, 0.052, 0.057)),
        blend=(neck[1] - 0.03, neck[1] + 0.035, head[1] + 0.01),
    )
    return trunk, throat, *_head(head)


def _head(head: Float[np.ndarray, "3"]) -> tuple[Part, ...]:
    chin, crown = head[1] - 0.022, head[1] + 0.178
    x, z = 0.0, head[2]
    skull = Part(
        ("head",),
        np.array([x, chin, z]),
        np.array([x, crown, z]),
        (
            Station(0.00, 0.040, 0.042, 0.044),
            Station(0.12, 0.056, 0.066, 0.030),
            Station(0.30, 0.069, 0.086, 0.016),
            Station(0.50, 0.077, 0.098, 0.008),
            Station(0.66, 0.080, 0.102, 0.003),
        ),
        start_cap=0.014,
        end_cap=0.085,
        cap_rings=10,
        rings=16,
        segments=28,
    )
    visor = Part(
        ("head",),
        np.array([x, head[1] + 0.045, z + 0.050]),
        np.array([x, head[1] + 0.128, z + 0.050]),
        (
            Station(0.0, 0.046, 0.058),
            Station(0.5, 0.060, 0.063),
            Station(1.0, 0.060, 0.060),
        ),
        material="dark",
        squareness=2.6,
        start_cap=0.012,
        end_cap=0.012,
        rings=6,
        segments=24,
    )
    return skull, visor


def left_parts() -> tuple[Part, ...]:
    """Shoulder, arm, hand, leg and foot of the figure's left."""
    return *_arm(), *_hand(), *_leg(), *_foot()


def _by(x: float | int, y: float | int, z: float | int) -> Float[np.ndarray, "3"]:
    return np.array([x, y, z], dtype=float)


def _left(name: str) -> Float[np.ndarray, "3"]:
    return load_skeleton().rest_positions()[joint(f"left_{name}")]


def _limb(name: str, start: str, end: str, *stations: Station) -> Part:
    return Part((f"left_{name}",), _left(start), _left(end), stations, material="left")


def _arm() -> tuple[Part, ...]:
    shoulder = Part(
        ("left_collar",),
        _left("collar") * _by(0.55, 1, 1) + _by(0, 0.008, -0.004),
        _left("shoulder") - _by(0.010, 0, 0),
        (Station(0.0, 0.060, 0.072), Station(0.6, 0.056, 0.064), Station(1.0, 0.048, 0.050)),
        segments=24,
    )
    upper = _limb(
        "shoulder", "shoulder", "elbow",
        Station(0.0, 0.058, 0.060), Station(0.25, 0.053, 0.055), Station(0.55, 0.045, 0.047),
        Station(1.0, 0.037, 0.038),
    )  # fmt: skip
    fore = _limb(
        "elbow", "elbow", "wrist",
        Station(0.0, 0.037, 0.038), Station(0.25, 0.040, 0.042), Station(0.65, 0.031, 0.035),
        Station(1.0, 0.024, 0.030),
    )  # fmt: skip
    return shoulder, upper, fore


def _hand() -> tuple[Part, ...]:
    wrist, hand = _left("wrist"), _left("hand")
    palm = Part(
        ("left_wrist",), wrist, hand,
        (Station(0.0, 0.021, 0.028), Station(0.4, 0.021, 0.040), Station(1.0, 0.018, 0.043)),
        material="left", squareness=2.4, end_cap=0.014,
    )  # fmt: skip
    fingers = Part(
        ("left_hand",), hand, hand + _by(0.085, -0.008, 0.004),
        (Station(0.0, 0.0175, 0.042), Station(0.6, 0.0145, 0.037), Station(1.0, 0.011, 0.026)),
        material="left", squareness=2.5, start_cap=0.016, end_cap=0.012,
    )  # fmt: skip
    thumb = Part(
        ("left_wrist",), wrist + _by(0.022, -0.004, 0.022), wrist + _by(0.085, -0.016, 0.066),
        (Station(0.0, 0.018, 0.020), Station(0.5, 0.0145, 0.016), Station(1.0, 0.011, 0.012)),
        material="left", segments=14, rings=6, cap_rings=4,
    )  # fmt: skip
    return palm, fingers, thumb


def _leg() -> tuple[Part, ...]:
    thigh = _limb(
        "hip", "hip", "knee",
        Station(0.0, 0.088, 0.096, 0.0, 0.012), Station(0.22, 0.082, 0.090, 0.004, 0.006),
        Station(0.6, 0.066, 0.072, 0.006), Station(0.88, 0.053, 0.057),
        Station(1.0, 0.052, 0.054),
    )  # fmt: skip
    shin = _limb(
        "knee", "knee", "ankle",
        Station(0.0, 0.052, 0.054), Station(0.12, 0.051, 0.054, -0.003),
        Station(0.32, 0.054, 0.060, -0.014), Station(0.65, 0.041, 0.045, -0.008),
        Station(0.9, 0.033, 0.037), Station(1.0, 0.034, 0.039),
    )  # fmt: skip
    return thigh, shin


def _foot() -> tuple[Part, ...]:
    """A shoe: heel to ball on the ankle, toes on the foot joint, soles on the floor."""
    ankle, ball = _left("ankle"), _left("foot")
    sole = ankle[1] - float(standing_heights()[0])
    across = (ball - ankle)[0] / (ball - ankle)[2]

    def at(z: float, height: float) -> Float[np.ndarray, "3"]:
        """A point over the foot's centre line, ``z`` ahead of the ankle, above the sole."""
        return np.array([ankle[0] + across * z, sole + height, ankle[2] + z])

    ahead = float((ball - ankle)[2])
    rear = Part(
        ("left_ankle",), at(-0.045, 0.024), at(ahead, 0.024),
        (
            Station(0.0, 0.031, 0.034, 0.010), Station(0.25, 0.036, 0.044, 0.020),
            Station(0.45, 0.038, 0.043, 0.019), Station(0.75, 0.043, 0.031, 0.007),
            Station(1.0, 0.046, 0.024),
        ),
        material="left", front=_UP, squareness=2.5, start_cap=0.018, end_cap=0.03,
    )  # fmt: skip
    toes = Part(
        ("left_foot",), at(ahead, 0.024), at(ahead + 0.055, 0.024),
        (
            Station(0.0, 0.046, 0.024), Station(0.5, 0.045, 0.021, -0.002),
            Station(1.0, 0.036, 0.016, -0.006),
        ),
        material="left", front=_UP, squareness=2.5, start_cap=0.03, end_cap=0.026,
    )  # fmt: skip
    return rear, toes
