"""What physics says of a motion, frame by frame and in one line of numbers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.spatial import ConvexHull, QhullError

from vimoflow.geometry.signals import runs_of_true
from vimoflow.motion.clip import Motion
from vimoflow.physics.anthropometry import segments
from vimoflow.physics.ground_forces import (
    Dynamics,
    centres_of_mass,
    inverse_dynamics,
    surface_places,
)
from vimoflow.physics.humanoid import Humanoid, make_humanoid
from vimoflow.physics.scene import Scene
from vimoflow.physics.states import States, states_of

_LOADED = 0.05  # of body weight: below, the ground does not count as touched
_TOUCHES_M = 0.02  # a point lower than this, or so near the lowest one, may carry the body
_FLOATS_M = 0.1  # nothing that is so high slides
_SPREAD_S = 0.3  # how far smoothing spreads an impact; its impulse stays the same
_AIR_M, _RISES_M_S = 0.02, 0.4  # points that are higher, or rise or fall so fast, hold nothing
_FLIGHT_FRAMES = 4  # a parabola through fewer is noise
_MM = 1000.0
FAULTS = {
    "residual_force": (0.2, "a hand from nowhere holds or pushes the body"),
    "float_mm": (20.0, "the body floats"),
    "penetration_mm": (50.0, "the body is in the floor"),
    "drift_mm_s": (50.0, "the feet are carried off"),
    "held_in_air": (0.5, "the flight is no fall"),
}
"""Above which value a column is at fault, and in words."""
_FAULT_S = 0.2  # shorter ones are not named


@dataclass(frozen=True)
class Fault:
    """A stretch of a motion that physics does not allow.

    Attributes:
        start_s, end_s: when.
        what: is wrong.
    """

    start_s: float
    end_s: float
    what: str


@dataclass(frozen=True)
class Frames:
    """Numbers of each frame.

    Attributes:
        times: seconds.
        carried: upward force that the motion needs from outside, of body weight; 0 in free fall.
        residual_force: what the ground cannot give of the force the root needs, of body weight; the
            mean force of 0.3 s around, as smoothing spreads every impact.
        residual_moment: the same of the moment, of body weight times stature.
        penetration_mm: depth of the lowest point under the floor.
        float_mm: height of the lowest point over the floor while the body does not fall freely.
        slide_mm_s: horizontal speed of the slowest point that touches the floor (a foot that
            rolls has a point at rest) while the body does not fall freely.
        drift_mm_s: how fast these points move in one direction, over a second: their median
            velocity, to which feet that turn or shuffle add nothing.
        held_in_air: upward force on a body that nothing can hold, of body weight: from the parabola
            that its centre of mass should fly; 0 where it falls as it must, NaN where it touches.
        over_strength: joints that need more torque than they have.
        strength_used: the largest share of its strength that a joint needs.
        outside_support_mm: from the centre of pressure that balance needs to the polygon of the
            points on the floor; 0 inside, NaN where nothing touches it.
        power_w: mechanical power of all joints, positive and negative work alike.
    """

    times: Float[np.ndarray, " frames"]
    carried: Float[np.ndarray, " frames"]
    residual_force: Float[np.ndarray, " frames"]
    residual_moment: Float[np.ndarray, " frames"]
    penetration_mm: Float[np.ndarray, " frames"]
    float_mm: Float[np.ndarray, " frames"]
    slide_mm_s: Float[np.ndarray, " frames"]
    drift_mm_s: Float[np.ndarray, " frames"]
    held_in_air: Float[np.ndarray, " frames"]
    over_strength: Float[np.ndarray, " frames"]
    strength_used: Float[np.ndarray, " frames"]
    outside_support_mm: Float[np.ndarray, " frames"]
    power_w: Float[np.ndarray, " frames"]

    def held_in_flight(self) -> float:
        """What holds the body on average while it flies, of body weight; 0 where it never does."""
        flies = np.isfinite(self.held_in_air)
        return float(self.held_in_air[flies].mean()) if flies.any() else 0.0


@dataclass(frozen=True)
class PhysicsReport:
    """A motion's numbers.

    Attributes:
        frames: each frame's.
        mass_kg, stature_m: of the body that was asked.
        over_strength_by_joint: share of frames, by joint, of those that ever need too much.
    """

    frames: Frames
    mass_kg: float
    stature_m: float
    over_strength_by_joint: dict[str, float]

    def summary(self) -> dict[str, float]:
        """One number a quantity: means over the frames, but for the centre of pressure a share."""
        of, outside = self.frames, self.frames.outside_support_mm
        outside = outside[np.isfinite(outside)]
        numbers = {
            "residual_force_percent": 100 * of.residual_force.mean(),
            "residual_moment_percent": 100 * of.residual_moment.mean(),
            "penetration_mm": of.penetration_mm.mean(),
            "float_mm": of.float_mm.mean(),
            "slide_mm_s": of.slide_mm_s.mean(),
            "drift_mm_s": of.drift_mm_s.mean(),
            "held_in_air_percent": 100 * of.held_in_flight(),
            "over_strength_percent": 100 * (of.over_strength > 0).mean(),
            "outside_support_percent": 100 * (outside > 0).mean() if len(outside) else 0,
            "power_w_kg": of.power_w.mean() / self.mass_kg,
            "implausibility": self.implausibility(),
        }  # fmt: skip
        return {key: round(float(np.nan_to_num(value)), 4) for key, value in numbers.items()}

    def implausibility(self) -> float:
        """One number, the worst of four faults; above 1 something is wrong.

        Force out of nowhere, a body that floats, feet that are carried off, and flights that are
        no falls.
        """
        of, limit = self.frames, {name: value for name, (value, _) in FAULTS.items()}
        return float(
            max(
                of.residual_force.mean() / limit["residual_force"],
                np.median(of.float_mm) / limit["float_mm"],
                np.median(of.drift_mm_s) / limit["drift_mm_s"],
                of.held_in_flight() / limit["held_in_air"],
            )
        )

    def faults(self) -> tuple[Fault, ...]:
        """Stretches of a fifth of a second and more that are above a limit of ``FAULTS``."""
        times = self.frames.times
        return tuple(
            Fault(round(float(times[first]), 3), round(float(times[end - 1]), 3), what)
            for name, (limit, what) in FAULTS.items()
            for first, end in runs_of_true(getattr(self.frames, name) > limit)
            if times[end - 1] - times[first] >= _FAULT_S
        )

    def __str__(self) -> str:
        of = self.summary()
        return (
            f"{of['residual_force_percent']:.1f} % of body weight from nowhere; "
            f"{of['float_mm']:.0f} mm over and {of['penetration_mm']:.0f} mm in the floor; "
            f"slides {of['slide_mm_s']:.0f} mm/s; implausibility {of['implausibility']:.2g}"
        )

    def document(self) -> dict[str, Any]:
        """Everything as values that JSON holds."""
        columns = {
            field.name: [
                None if np.isnan(x) else round(float(x), 4)
                for x in getattr(self.frames, field.name)
            ]
            for field in dataclasses.fields(self.frames)
        }
        return {
            "mass_kg": round(self.mass_kg, 2),
            "stature_m": round(self.stature_m, 3),
            "summary": self.summary(),
            "over_strength_by_joint": self.over_strength_by_joint,
            "faults": [dataclasses.asdict(fault) for fault in self.faults()],
            "frames": columns,
        }


def physics_report(
    motion: Motion, mass_kg: float | None = None, scene: Scene | None = None
) -> PhysicsReport:
    """What physics says of a motion, on a flat floor or in a scene.

    Raises:
        InputError: the motion is too short, not finite, or faster than anybody moves.
        ConfigError: MuJoCo is missing, or no person has this size or mass.
    """
    states = states_of(motion)
    humanoid = make_humanoid(motion.skeleton, mass_kg, scene)
    dynamics = inverse_dynamics(humanoid, states)
    strength = humanoid.model.actuator_forcerange[:, 1]
    used = np.abs(dynamics.torques) / strength
    over = (used > 1).reshape(len(used), -1, 3).any(-1)
    names = [name for name in segments() if name != "pelvis"]
    return PhysicsReport(
        _frames(humanoid, states, dynamics, used, over, _held_in_air(humanoid, motion)),
        humanoid.mass_kg,
        motion.skeleton.stature,
        {n: round(float(o.mean()), 4) for n, o in zip(names, over.T, strict=True) if o.any()},
    )


def _frames(
    humanoid: Humanoid,
    states: States,
    dynamics: Dynamics,
    used: Float[np.ndarray, "frames actuated"],
    over: Bool[np.ndarray, "frames joints"],
    held_in_air: Float[np.ndarray, " frames"],
) -> Frames:
    weight, stature = humanoid.weight_n, humanoid.skeleton.stature
    lowest = dynamics.gaps.min(1)
    speeds = np.linalg.norm(dynamics.velocities[..., :2], axis=-1)
    touching = dynamics.gaps < lowest[:, None].clip(0) + _TOUCHES_M
    slowest = np.where(touching, speeds, np.inf).argmin(1)
    slide = dynamics.velocities[np.arange(len(slowest)), slowest, :2]
    needed = dynamics.needed[:, 2] / weight
    slide = slide * np.where(lowest > _FLOATS_M, 0, np.clip(needed, 0, 1))[:, None]
    second, frames = (max(round(t / float(states.times[1])), 1) for t in (1.0, _SPREAD_S))
    residual = uniform_filter1d(dynamics.residual, frames, axis=0)
    return Frames(
        times=states.times,
        carried=needed,
        residual_force=np.linalg.norm(residual[:, :3], axis=1) / weight,
        residual_moment=np.linalg.norm(residual[:, 3:], axis=1) / (weight * stature),
        penetration_mm=_MM * np.maximum(-lowest, 0),
        float_mm=_MM * np.maximum(lowest, 0) * np.clip(needed, 0, 1),
        slide_mm_s=_MM * np.linalg.norm(slide, axis=1),
        drift_mm_s=_MM * np.linalg.norm(median_filter(slide, (second, 1), mode="nearest"), axis=1),
        held_in_air=held_in_air,
        over_strength=over.sum(1).astype(float),
        strength_used=used.max(1),
        outside_support_mm=_MM * _outside_support(humanoid, states, dynamics),
        power_w=np.abs(dynamics.torques * states.qvel[:, 6:]).sum(1),
    )


def _held_in_air(humanoid: Humanoid, motion: Motion) -> Float[np.ndarray, " frames"]:
    """What a body that touches nothing is held by, of body weight.

    Smoothing would spread the impacts before and after into a flight: the motion is taken as it is.
    """
    states, model = states_of(motion, cutoff_hz=0.0), humanoid.model
    touch = surface_places(humanoid, states)
    leaves = np.abs((touch.velocities * touch.normals).sum(-1))
    flies = ((touch.gaps > _AIR_M * motion.skeleton.scale) | (leaves > _RISES_M_S)).all(1)
    height, found = centres_of_mass(model, states)[:, 2], np.full(len(flies), np.nan)
    for first, end in runs_of_true(flies):
        if end - first >= _FLIGHT_FRAMES:
            span = slice(first, end)
            bend = np.polynomial.Polynomial.fit(states.times[span], height[span], 2)
            found[span] = max(1 + float(bend.deriv(2)(0.0)) / 9.81, 0.0)
    return found


def _outside_support(
    humanoid: Humanoid, states: States, dynamics: Dynamics
) -> Float[np.ndarray, " frames"]:
    """From where the ground would have to push to the polygon of what touches it, metres."""
    found = np.full(len(states.times), np.nan)
    for t, (needed, points) in enumerate(zip(dynamics.needed, dynamics.points, strict=True)):
        touching = points[dynamics.gaps[t] < _TOUCHES_M]
        if needed[2] < _LOADED * humanoid.weight_n or len(touching) < 3:
            continue
        if np.ptp(touching[:, 2]) > 2 * _TOUCHES_M:  # on several levels there is no one polygon
            continue
        root = states.qpos[t, :3]
        moment = needed[3:] + np.cross(root, needed[:3])  # about the world's origin
        centre = np.array([-moment[1], moment[0]]) / needed[2]
        found[t] = _distance_outside(centre, touching[:, :2])
    return found


def _distance_outside(point: np.ndarray, corners: np.ndarray) -> float:
    """How far a point of the plane is outside the hull of others; by the furthest edge's line."""
    try:
        hull = ConvexHull(corners)
    except QhullError:  # all in a line
        return float(np.linalg.norm(corners - point, axis=1).min())
    return float(max((hull.equations[:, :2] @ point + hull.equations[:, 2]).max(), 0.0))
