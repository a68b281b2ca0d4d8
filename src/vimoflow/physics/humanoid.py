"""A humanoid for MuJoCo out of the skeleton: every joint of a motion is a joint of it.

The world is MuJoCo's (z up); the bodies' frames are the skeleton's own, so that a motion's local
rotations are the joints' without change. Joints are balls: hinges in a row would lock somewhere in
a shoulder's range, and a knee in captured motion is no pure hinge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float

from vimoflow.errors import ConfigError
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS, Skeleton, joint
from vimoflow.physics.anthropometry import (
    BODY_MASS_INDEX,
    REFERENCE_KG,
    REFERENCE_M,
    Segment,
    segments,
)
from vimoflow.physics.scene import Scene
from vimoflow.physics.simulator import mujoco

TIMESTEP_S = 1 / 240  # eight steps a frame at 30 fps
SOLE_M, TOE_M = 0.015, 0.065  # below and before the foot joint, on the canonical figure
STATURES_M, MASSES_KG = (0.4, 3.0), (2.0, 500.0)
_FULL_EFFORT_RAD = 0.25  # how far off a joint's target must be for its full strength
_DAMPING_S = 0.03  # of the stiffness; motors that damp more land rigidly, and steps fail
_ARMATURE_S2 = 6.7e-5  # of the stiffness: light feet under stiff motors and a heavy body stay calm


@dataclass(frozen=True)
class Humanoid:
    """A body ready for simulation.

    Attributes:
        skeleton: whose body it is.
        mass_kg: the whole body's.
        xml: MJCF, which any MuJoCo reads.
        model: compiled.
        scene: what it may touch.
    """

    skeleton: Skeleton
    mass_kg: float
    xml: str
    model: Any
    scene: Scene

    @property
    def weight_n(self) -> float:
        """The body's weight in newtons."""
        return self.mass_kg * 9.81


def make_humanoid(
    skeleton: Skeleton, mass_kg: float | None = None, scene: Scene | None = None
) -> Humanoid:
    """The body of a person of these proportions; without a mass, that of a usual build.

    Args:
        skeleton: its proportions.
        mass_kg: of the whole body.
        scene: what it may touch; without one, a flat floor.

    Raises:
        ConfigError: MuJoCo is not installed, or no person has this size or mass.
    """
    stature = skeleton.stature
    if not STATURES_M[0] <= stature <= STATURES_M[1]:
        raise ConfigError(
            f"a body {stature:.2f} m tall is outside {STATURES_M[0]} to {STATURES_M[1]} m; "
            "is the motion in metres?"
        )
    mass = BODY_MASS_INDEX * stature**2 if mass_kg is None else mass_kg
    if not MASSES_KG[0] <= mass <= MASSES_KG[1]:
        raise ConfigError(f"--mass: {mass:g} kg is outside {MASSES_KG[0]:g} to {MASSES_KG[1]:g}")
    scene = scene or Scene()
    xml = humanoid_xml(skeleton, mass, scene)
    return Humanoid(skeleton, mass, xml, mujoco().MjModel.from_xml_string(xml), scene)


def humanoid_xml(skeleton: Skeleton, mass_kg: float, scene: Scene) -> str:
    """The body as MJCF text: capsules, boxes for feet and toes, balls with limits, PD motors.

    Args:
        skeleton: its proportions.
        mass_kg: of the whole body.
        scene: what stands beside it.
    """
    root = ElementTree.Element("mujoco", model="vimoflow_humanoid")
    _add(root, "compiler", angle="degree", autolimits="true")
    # True cones of friction, stiffer than the floor is: pyramids and soft friction let feet creep.
    _add(
        root, "option", timestep=TIMESTEP_S, integrator="implicitfast", cone="elliptic",
        impratio=10,
    )  # fmt: skip
    default = _add(root, "default")
    # The parts touch the floor, not one another.
    _add(
        default, "geom", contype=0, conaffinity=1, condim=3, friction=(1, 0.005, 0.0001),
        solref=(0.01, 1), solimp=(0.95, 0.99, 0.001),
    )  # fmt: skip
    world = _add(root, "worldbody")
    _add(world, "light", pos=(0, -2, 4), dir=(0, 0.4, -1))
    _add(
        world, "geom", name="floor", type="plane", size=(20, 20, 0.1), contype=1, conaffinity=0,
        rgba=(0.85, 0.85, 0.82, 1),
    )  # fmt: skip
    for box in scene.boxes:
        _add(
            world, "geom", type="box", pos=box.centre, size=box.half, contype=1, conaffinity=0,
            xyaxes=box.R[:, :2].T.ravel(), rgba=(0.6, 0.55, 0.5, 1),
        )  # fmt: skip
    parts, stronger = segments(), mass_kg * skeleton.stature / (REFERENCE_KG * REFERENCE_M)
    height = -float(skeleton.rest_positions()[joint("left_foot"), 1]) + SOLE_M * skeleton.scale
    bodies = {}
    for name, part in parts.items():
        at = JOINT_NAMES.index(name)
        if PARENTS[at] < 0:
            # The skeleton's y is up: a quarter turn about x.
            bodies[name] = _add(
                world, "body", name=name, pos=(0, 0, height), quat=(0.5**0.5, 0.5**0.5, 0, 0)
            )
            _add(bodies[name], "freejoint", name="root")
        else:
            above = bodies[JOINT_NAMES[PARENTS[at]]]
            bodies[name] = _add(above, "body", name=name, pos=skeleton.offsets[at])
            armature = _ARMATURE_S2 * stronger * part.strength / _FULL_EFFORT_RAD
            _add(
                bodies[name], "joint", name=name, type="ball", range=(0, part.range),
                armature=armature,
            )  # fmt: skip
        _add_shape(bodies[name], name, part, skeleton, mass_kg)
    _add_motors(root, parts, stronger)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_motors(root: Any, parts: dict[str, Segment], stronger: float) -> None:
    """Three PD motors a joint: their targets are the components of its rotation vector."""
    actuators = _add(root, "actuator")
    for name, part in parts.items():
        strength = part.strength * stronger
        for axis in range(3 if strength else 0):
            gear = np.zeros(6)
            gear[axis] = 1
            _add(
                actuators, "position", name=f"{name}_{'xyz'[axis]}", joint=name, gear=gear,
                kp=strength / _FULL_EFFORT_RAD, kv=strength / _FULL_EFFORT_RAD * _DAMPING_S,
                forcerange=(-strength, strength),
            )  # fmt: skip


def _add_shape(body: Any, name: str, part: Segment, skeleton: Skeleton, mass_kg: float) -> None:
    """What touches the floor, and what it weighs."""
    end = _end(name, part, skeleton)
    radius, mass = part.thickness * skeleton.stature, part.share * mass_kg
    if part.across:
        inertia = part.across**2 * (end @ end * np.eye(3) - np.outer(end, end))
        inertia = mass * (inertia + part.along**2 * np.outer(end, end))
        _add(
            body, "inertial", pos=part.centre * end, mass=mass,
            fullinertia=inertia[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]],
        )  # fmt: skip
    if name.endswith(("ankle", "foot")):
        _add_foot(body, name, skeleton, mass)
    elif name == "pelvis":
        hips = skeleton.offsets[joint("left_hip")] * (0.6, 0.5, 0.5)
        _add_capsule(body, hips, hips * (-1, 1, 1), radius, mass)
    elif name == "head":
        _add(body, "geom", type="sphere", size=(radius,), pos=end, mass=mass)
    elif name == "spine3":
        _add_capsule(body, end * (0, 0.2, 0.5), end * (0, 0.7, 0.5), radius, mass)
    else:
        _add_capsule(body, np.zeros(3), end, radius, mass)


def _end(name: str, part: Segment, skeleton: Skeleton) -> Float[np.ndarray, "3"]:
    """Where a segment ends, in its joint's frame."""
    if part.end == "head" and name == "head":
        return np.array([0.0, 0.075, 0.02]) * skeleton.scale
    if part.end == name:
        return np.zeros(3)
    return skeleton.offsets[joint(part.end)].copy()


def _add_foot(body: Any, name: str, skeleton: Skeleton, mass: float) -> None:
    """Boxes whose undersides are the sole: from the heel to the ball, and the toes."""
    ball = skeleton.offsets[joint(name.replace("ankle", "foot"))]
    size = skeleton.scale
    sole, length = SOLE_M * size, float(np.hypot(ball[0], ball[2]))
    forward = np.array([ball[0], 0, ball[2]]) / length
    if name.endswith("ankle"):
        top, bottom = 0.4 * ball[1], ball[1] - sole
        heel, front, wide = -0.055 * size, length, 0.04 * size
    else:
        top, bottom, heel, front, wide = 0.5 * sole, -sole, 0.0, TOE_M * size, 0.042 * size
    middle = forward * (heel + front) / 2 + np.array([0, (top + bottom) / 2, 0])
    _add(
        body, "geom", name=f"{name}_sole", type="box", pos=middle, zaxis=forward, mass=mass,
        size=(wide, (top - bottom) / 2, (front - heel) / 2),
    )  # fmt: skip


def _add_capsule(body: Any, start: Any, end: Any, radius: float, mass: float) -> None:
    _add(body, "geom", type="capsule", fromto=(*start, *end), size=(radius,), mass=mass)


def _add(above: Any, tag: str, **attributes: Any) -> Any:
    """An element; numbers in a row are written with spaces between them."""
    text = {
        key: value if isinstance(value, str)
        else " ".join(f"{x + 0.0:.6g}" for x in np.atleast_1d(value))
        for key, value in attributes.items()
    }  # fmt: skip
    return ElementTree.SubElement(above, tag, text)
