"""One skeleton's joints and what is known of their axes.

Each source joint is described by two directions in its own local frame:

- trunk, head and feet: where the figure's left and its up are when it stands straight, feet flat;
- limbs: the bone and the hinge, the axis about which elbow or knee bends (right-hand rule from the
  upper bone to the lower).

A direction that is None is taken from the file itself (:func:`vimoflow.data.rigs.axes.joint_map`).
"""

from __future__ import annotations

from dataclasses import dataclass

from vimoflow.characters.toml_file import Axis
from vimoflow.motion.retarget_report import SIDES

__all__ = ["LEFT", "SIDES", "UP", "Axis", "Body", "Bone", "Rig", "Side"]

LEFT, UP = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Body:
    """A joint whose frame is known by where left and up are: trunk, head, foot."""

    name: str
    left: Axis | None = LEFT
    up: Axis | None = UP


@dataclass(frozen=True)
class Bone:
    """A limb joint: its bone and hinge in the local frame."""

    name: str
    bone: Axis | None = None
    hinge: Axis | None = None


@dataclass(frozen=True)
class Side:
    """The joints of one side.

    ``collar_neutral``, from collar to shoulder at rest, is in the chest's canonical axes. The hand
    (``wrist``) is described by the forearm's axes at rest; as a name it has the forearm's frame.
    """

    hip: Bone
    knee: Bone
    ankle: Body
    toe: str | None
    shoulder: Bone
    elbow: Bone
    wrist: str | Bone
    collar: str | None = None
    collar_neutral: Axis | None = None


@dataclass(frozen=True)
class Rig:
    """A skeleton, joint by joint.

    ``stiff_feet`` leaves the feet rigid on the shanks, at a right angle.
    """

    pelvis: Body
    chest: Body
    head: Body
    left: Side
    right: Side
    stiff_feet: bool = False

    def side(self, name: str) -> Side:
        """The joints of the ``"left"`` or ``"right"`` side."""
        return self.left if name == "left" else self.right
