"""What a body weighs and can do, by published measurements; sources beside each table.

Segments hang on the skeleton's joints. Lengths are the skeleton's own; everything else follows from
stature and mass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS

BODY_MASS_INDEX = 23.0
"""kg/m^2: the mass of a body of which only the height is known."""

REFERENCE_KG, REFERENCE_M = 75.0, 1.75
"""The body that strengths are stated for; they grow with mass and stature (Jaric 2002)."""


@dataclass(frozen=True)
class Segment:
    """A rigid part of the body, from its joint to where it ends.

    Attributes:
        share: of the body's mass.
        end: the joint at which it ends; itself where no joint follows.
        centre: of mass, as a share of the way to the end.
        across, along: radii of gyration as shares of the length, about axes across and along it; 0
            where the inertia is that of its shape.
        thickness: radius of its capsule, share of stature.
        strength: torque in N m at its joint.
        range: furthest turn from the rest pose at its joint, degrees.
    """

    share: float
    end: str
    centre: float = 0.5
    across: float = 0.0
    along: float = 0.0
    thickness: float = 0.04
    strength: float = 0.0
    range: float = 180.0


# Masses, centres of mass and radii of gyration: de Leva 1996 (J. Biomech. 29(9), table 4), the mean
# of women and men; radii across are the mean of the sagittal and the transverse ones. Compared
# number by number with the table as pyomeca's biobuddy and biorbd have it; the shank ends at the
# ankle's centre, not at the malleolus (his alternative end). His trunk parts and head are divided
# among the skeleton's joints, and take the inertia of their shapes.
# Strengths: 95th percentile of men, the strongest direction (Stobbe 1982, in Chaffin & Andersson,
# Occupational Biomechanics, 1991), from memory: the table was not at hand. Anderson et al. 2007
# (J. Biomech. 40(14), table 3) give young men's mean hip extension 0.161 of weight times stature,
# 207 N m for the reference body, of which 309 is 1.5 times. Neck: mean of men in extension, 51 N m
# (Fice et al. 2014, Ann. Biomed. Eng. 42). Trunk, collar, wrist and toe are round numbers of the
# same order, as no table gives them joint by joint.
# Ranges: the largest passive ones (Kapandji, Physiology of the Joints), from memory as well, from
# the T-pose, with a margin for turns about two axes at once.
_LIMBS = {
    "hip": Segment(0.1447, "knee", 0.385, 0.348, 0.156, 0.043, 309.0, 140.0),
    "knee": Segment(0.0457, "ankle", 0.437, 0.261, 0.098, 0.030, 318.0, 160.0),
    "ankle": Segment(0.0108, "foot", 0.35, thickness=0.025, strength=237.0, range=75.0),
    "foot": Segment(0.0025, "foot", thickness=0.015, strength=60.0, range=75.0),
    "collar": Segment(0.0157, "shoulder", thickness=0.030, strength=150.0, range=60.0),
    "shoulder": Segment(0.0263, "elbow", 0.576, 0.273, 0.153, 0.026, 119.0, 175.0),
    "elbow": Segment(0.0150, "wrist", 0.457, 0.265, 0.108, 0.022, 111.0, 165.0),
    "wrist": Segment(0.00585, "hand", 0.8, thickness=0.018, strength=20.0, range=100.0),
}
_TRUNK = {
    "pelvis": Segment(0.1182, "pelvis", thickness=0.058),
    "spine1": Segment(0.0774, "spine2", thickness=0.062, strength=350.0, range=60.0),
    "spine2": Segment(0.0774, "spine3", thickness=0.064, strength=350.0, range=60.0),
    "spine3": Segment(0.1257, "neck", thickness=0.066, strength=350.0, range=60.0),
    "neck": Segment(0.0120, "head", thickness=0.032, strength=51.0, range=70.0),
    "head": Segment(0.0561, "head", thickness=0.050, strength=51.0, range=70.0),
}


def segments() -> dict[str, Segment]:
    """Every part that moves by itself, by its joint, limb after limb; shares sum to one.

    The order is MuJoCo's: a part is followed by all that hangs on it. The hands are one with the
    wrists: the motion hardly knows of them.
    """
    found = {name: part for name in limb_after_limb() if (part := _segment(name)) is not None}
    total = sum(part.share for part in found.values())
    return {k: replace(part, share=part.share / total) for k, part in found.items()}


def limb_after_limb(at: int = 0) -> Iterator[str]:
    """Names of the joints, each followed by all that hangs on it."""
    yield JOINT_NAMES[at]
    for child, parent in enumerate(PARENTS):
        if parent == at:
            yield from limb_after_limb(child)


def _segment(name: str) -> Segment | None:
    side, _, limb = name.partition("_")
    if limb in _LIMBS:
        return replace(_LIMBS[limb], end=f"{side}_{_LIMBS[limb].end}")
    return _TRUNK.get(name)
