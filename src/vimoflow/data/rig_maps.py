"""How the rigs of the corpora map onto the canonical skeleton.

Each source joint is described by two directions in its own local frame (a BVH file's axes):

- trunk, head and feet: where the figure's left and its up are when it stands straight, feet flat;
- limbs: the hinge, that is the axis about which elbow or knee bends (right-hand rule from the upper
  bone to the lower). The other direction is the bone, which the file's offsets give.

Hinges that are no coordinate axis were measured on the corpus: the mean of the normal of upper and
lower bone, in the local frame, where the joint is bent by more than 30 degrees. The feet's up is
the world's up in the local frame, measured where the foot rests.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch

from vimoflow.motion.skeleton import joint, load_skeleton
from vimoflow.motion.source import JointMap, SourceJoint, axes_to_matrix

Axis = tuple[float, float, float]
LEFT, UP = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
KNEE_HINGE = (1.0, 0.0, 0.0)  # flexion axes of the T-pose
ELBOW_HINGES = {"left": (0.0, -1.0, 0.0), "right": (0.0, 1.0, 0.0)}


@dataclass(frozen=True)
class Body:
    """A joint whose frame is known by where left and up are: trunk, head, foot."""

    name: str
    left: Axis = LEFT
    up: Axis = UP


@dataclass(frozen=True)
class Bone:
    """A limb joint: its bone and hinge in the local frame."""

    name: str
    bone: Axis
    hinge: Axis


@dataclass(frozen=True)
class Side:
    """The joints of one side. ``collar_neutral`` is in the chest's canonical axes."""

    hip: Bone
    knee: Bone
    ankle: Body
    toe: str | None
    shoulder: Bone
    elbow: Bone
    wrist: str
    collar: str | None = None
    collar_neutral: Axis | None = None


@dataclass(frozen=True)
class Rig:
    """A corpus' skeleton, joint by joint."""

    pelvis: Body
    chest: Body
    head: Body
    left: Side
    right: Side
    stiff_feet: bool = False  # leave the feet rigid on the shanks, at a right angle


def joint_map(rig: Rig) -> JointMap:
    """The constant rotations between the rig's local frames and the canonical ones."""
    joints = {"pelvis": _body(rig.pelvis), "spine3": _body(rig.chest), "head": _body(rig.head)}
    for side, limbs in (("left", rig.left), ("right", rig.right)):
        elbow = ELBOW_HINGES[side]
        joints[f"{side}_hip"] = _bone(limbs.hip, f"{side}_knee", KNEE_HINGE)
        joints[f"{side}_knee"] = _bone(limbs.knee, f"{side}_ankle", KNEE_HINGE)
        ankle = limbs.ankle
        joints[f"{side}_ankle"] = SourceJoint(ankle.name) if rig.stiff_feet else _body(ankle)
        joints[f"{side}_shoulder"] = _bone(limbs.shoulder, f"{side}_elbow", elbow)
        joints[f"{side}_elbow"] = _bone(limbs.elbow, f"{side}_wrist", elbow)
        # At rest the hand is in line with the forearm, in all of these rigs.
        forearm = joints[f"{side}_elbow"].R_source_target
        joints[f"{side}_wrist"] = SourceJoint(limbs.wrist, forearm)
        if limbs.toe:
            joints[f"{side}_foot"] = SourceJoint(limbs.toe)
        if limbs.collar and limbs.collar_neutral:
            neutral = np.array(limbs.collar_neutral)
            joints[f"{side}_collar"] = SourceJoint(limbs.collar, neutral=neutral)
    return JointMap(joints)


def _body(body: Body) -> SourceJoint:
    axes = (torch.tensor(a, dtype=torch.float64) for a in (UP, LEFT, body.up, body.left))
    return SourceJoint(body.name, axes_to_matrix(*axes))


def _bone(bone: Bone, child: str, hinge: Axis) -> SourceJoint:
    rest = torch.from_numpy(load_skeleton().offsets[joint(child)])
    axes = (torch.tensor(a, dtype=torch.float64) for a in (hinge, bone.bone, bone.hinge))
    return SourceJoint(bone.name, axes_to_matrix(rest, *axes))


def _bandai_side(letter: str, sign: float) -> Side:
    # Along the left limbs the bone is +X, along the right ones -X; the chest's left is +Z.
    out = (sign, 0.0, 0.0)
    arm, knee = (0.0, -1.0, 0.0), (0.0, 1.0, 0.0)
    return Side(
        hip=Bone(f"UpperLeg_{letter}", out, knee),
        knee=Bone(f"LowerLeg_{letter}", out, knee),
        ankle=Body(f"Foot_{letter}", left=knee, up=(-0.617 * sign, 0.0, 0.785 * sign)),
        toe=f"Toes_{letter}",
        shoulder=Bone(f"UpperArm_{letter}", out, arm),
        elbow=Bone(f"LowerArm_{letter}", out, arm),
        wrist=f"Hand_{letter}",
        collar=f"Shoulder_{letter}",
        collar_neutral=(0.050 * sign, -0.002, -0.014),
    )


BANDAI_NAMCO = Rig(
    pelvis=Body("Hips", left=(0.0, -1.0, 0.0), up=(1.0, 0.0, 0.0)),
    chest=Body("Chest", left=(0.0, 0.0, 1.0), up=(1.0, 0.0, 0.0)),
    # The head's own axis is the neck bone, which leans 10 degrees forward under an upright head.
    head=Body("Head", left=(0.0, 0.0, 1.0), up=(0.985, -0.174, 0.0)),
    left=_bandai_side("L", 1.0),
    right=_bandai_side("R", -1.0),
)


def _cc_side(letter: str, sign: float) -> Side:
    along = (0.0, 1.0, 0.0)
    arm = (0.86, 0.0, 0.51 * sign)
    knee = (-1.0, 0.0, 0.0)
    name = f"CC_Base_{letter}_"
    return Side(
        hip=Bone(name + "Thigh", along, knee),
        knee=Bone(name + "Calf", along, knee),
        ankle=Body(name + "Foot", left=knee, up=(0.0, -0.15, 0.99)),
        toe=name + "ToeBase",
        shoulder=Bone(name + "Upperarm", along, arm),
        elbow=Bone(name + "Forearm", along, arm),
        wrist=name + "Hand",
        collar=name + "Clavicle",
        collar_neutral=(0.126 * sign, 0.011, -0.024),
    )


# The 100-joint Character Creator rig. Upright, its pelvis and head pitch 20 and more degrees
# forward and its chest 10 degrees back (medians of the corpus): the rig, not the dancer.
CMU_MODERN = Rig(
    pelvis=Body("CC_Base_Hip", up=(0.0, 0.90, -0.44)),
    chest=Body("CC_Base_Spine02", up=(0.0, 0.985, 0.17)),
    head=Body("CC_Base_Head", up=(0.0, 0.94, -0.34)),
    left=_cc_side("L", 1.0),
    right=_cc_side("R", -1.0),
)

CMU_MODERN_STIFF_FEET = dataclasses.replace(CMU_MODERN, stiff_feet=True)


def _salsa_side(letter: str, sign: float) -> Side:
    knee = (1.0, 0.0, 0.0)
    return Side(
        hip=Bone(f"{letter}Thigh", (0.0, -1.0, 0.02), knee),
        knee=Bone(f"{letter}Shin", (-0.02 * sign, -0.99, -0.11), knee),
        ankle=Body(f"{letter}Foot"),
        toe=f"{letter}Foot_end",
        shoulder=Bone(f"{letter}Shldr", (sign, -0.06, 0.02), (-0.05, -0.86 * sign, 0.51 * sign)),
        elbow=Bone(f"{letter}ForeArm", (0.95 * sign, 0.03, 0.3), (-0.1, -0.89 * sign, 0.44 * sign)),
        wrist=f"{letter}Hand",
    )


CMU_SALSA = Rig(
    pelvis=Body("hip"),
    chest=Body("chest"),
    head=Body("head"),
    left=_salsa_side("l", 1.0),
    right=_salsa_side("r", -1.0),
)


def _mass_side(word: str, sign: float) -> Side:
    knee, arm = (1.0, 0.0, 0.0), (0.06, -sign, 0.0)
    name = f"Character1_{word}"
    return Side(
        hip=Bone(name + "UpLeg", (0.02 * sign, -1.0, 0.03), knee),
        knee=Bone(name + "Leg", (-0.04 * sign, -0.99, -0.09), knee),
        ankle=Body(name + "Foot"),
        toe=name + "ToeBase",
        shoulder=Bone(name + "Arm", (0.99 * sign, 0.06, 0.09), arm),
        elbow=Bone(name + "ForeArm", (sign, 0.04, 0.07), arm),
        wrist=name + "Hand",
        collar=name + "Shoulder",
        collar_neutral=(0.18 * sign, -0.007, 0.03),
    )


MASS = Rig(
    pelvis=Body("Character1_Hips"),
    chest=Body("Character1_Spine1"),
    head=Body("Character1_Head"),
    left=_mass_side("Left", 1.0),
    right=_mass_side("Right", -1.0),
)


def _karate_side(word: str, sign: float) -> Side:
    # Z is up in every local frame: thigh and shank point down, left arm up, right arm down.
    knee = (1.0, 0.15, 0.0)
    arm = (0.88 * sign, -0.3 * sign, 0.0)
    return Side(
        hip=Bone(f"{word}Thigh", (0.0, 0.0, -1.0), knee),
        knee=Bone(f"{word}Leg", (0.0, 0.0, -1.0), knee),
        ankle=Body(f"{word}Foot", up=(0.0, 0.0, 1.0)),
        toe=None,
        shoulder=Bone(f"{word}Arm", (0.0, 0.0, sign), arm),
        elbow=Bone(f"{word}Forearm", (0.0, 0.0, sign), arm),
        wrist=f"{word}Hand",
        collar=f"{word}Shoulder",
        collar_neutral=(0.092 * sign, 0.02, 0.02),
    )


KARATE = Rig(
    pelvis=Body("Hips", up=(0.0, 0.0, 1.0)),
    chest=Body("Chest", up=(0.0, 0.0, 1.0)),
    head=Body("Head", up=(0.0, 0.0, 1.0)),
    left=_karate_side("Left", 1.0),
    right=_karate_side("Right", -1.0),
)
