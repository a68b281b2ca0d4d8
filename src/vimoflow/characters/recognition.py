"""Which joints of any hierarchy are hips, knees, shoulders: by their names and by how they hang.

Limbs are chains whose joints are named as such, or else the longest branches of a side. Trunk and
head follow from how the limbs hang together: the pelvis carries both legs, the chest both arms.
What has other proportions than a person, or goes on four legs, is refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from vimoflow.characters.hierarchy import Hierarchy, unit
from vimoflow.characters.joint_words import HEADS, NECKS, PARTS, JointName, understood
from vimoflow.characters.unnamed_limbs import unnamed_limbs
from vimoflow.characters.unsaid_limbs import unsaid_limbs
from vimoflow.errors import InputError
from vimoflow.motion.retarget_report import SIDES

LIMBS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
_ADVICE = "write a map of its joints (docs/rigs.md) and name it with --map"
_END = "_end"
_SHOWN = 12  # joint names in a message
_MOST = 20  # joints called alike on one side that are looked at
_BONE = 0.5  # the lower bone of a limb is longer than this share of the upper one
_APART = 0.02  # of the leg: joints nearer to each other are one
# Ratios of lengths that people of any age and figures of any style have.
_LIKE_A_PERSON = {
    "shin to thigh": (0.45, 2.2), "forearm to upper arm": (0.4, 2.2),
    "arm to leg": (0.4, 1.6), "trunk to leg": (0.2, 1.6),
    "left leg to right leg": (0.75, 1.33), "left arm to right arm": (0.75, 1.33),
}  # fmt: skip


def recognise(skeleton: Hierarchy, character: bool = False) -> dict[str, str]:
    """The joint of each part that a rig map names, such as "left_knee"; toes and collars if any.

    Args:
        character: somebody says that it is a figure of a person, standing with +Y up: limbs may
            have lengths that no person has, and are found where no name says anything.

    Raises:
        InputError: limbs or a head are missing, or the figure is not a person's.
    """
    names = understood(skeleton.names)
    found: dict[str, int] = {}
    for limb, chain in _limbs(skeleton, names, character).items():
        side = limb.partition("_")[0]
        parts = next(parts for parts in LIMBS if limb.endswith(parts[0]))
        found |= {f"{side}_{part}": j for part, j in zip(parts, chain, strict=True)}
    found["pelvis"] = skeleton.fork(found["left_hip"], found["right_hip"])
    found["chest"] = skeleton.fork(found["left_shoulder"], found["right_shoulder"])
    found["head"] = _head(skeleton, names, found)
    if not character:
        _refuse_other_figures(skeleton, found)
    for side in SIDES:
        found |= _toe(skeleton, names, side, found, character) | _collar(skeleton, side, found)
    return {part: skeleton.names[j] for part, j in found.items()}


def _limbs(
    skeleton: Hierarchy, names: Sequence[JointName], character: bool
) -> dict[str, tuple[int, int, int]]:
    """Three joints by limb, such as "left_hip"."""
    found = {}
    for side in SIDES:
        for limb in LIMBS:
            chain = next(_chains(skeleton, names, side, limb), None)
            if chain is None:
                chain = (unnamed_limbs(skeleton, names, side) or {}).get(limb[0])
            if chain is not None:
                found[f"{side}_{limb[0]}"] = chain
    if len(found) < 2 * len(LIMBS):
        unsaid = unsaid_limbs(skeleton) if character and not found else None
        if unsaid is None:
            raise _missing(skeleton, names)
        return unsaid
    return found


def _chains(
    skeleton: Hierarchy, names: Sequence[JointName], side: str, limb: tuple[str, str, str]
) -> Iterator[tuple[int, int, int]]:
    """Three joints one below the other that bear a limb's names, the likeliest first."""
    upper, lower, end = (_called(names, side, part) for part in limb)
    for a in upper:
        for b in (b for b in lower if skeleton.below(b, a)):
            reach = _BONE * skeleton.length(a, b)
            below = [c for c in end if skeleton.below(c, b)]
            if limb[2] == "wrist":  # a forearm may end without a hand
                below += [j for j, name in enumerate(skeleton.names)
                          if name == skeleton.names[b] + _END]  # fmt: skip
            # Wrist and hand, ankle and foot: the first that ends a whole bone.
            far = [c for c in below if skeleton.length(b, c) > reach] or below
            yield from ((a, b, c) for c in far[:1] if reach > 0)


def _called(names: Sequence[JointName], side: str, part: str) -> list[int]:
    called = (
        j
        for tier in PARTS[part]
        for j, name in enumerate(names)
        if name.side == side and name.word in tier and not name.helper
    )
    return list(itertools.islice(called, _MOST))


def _head(skeleton: Hierarchy, names: Sequence[JointName], found: dict[str, int]) -> int:
    """By name; else what goes on above the chest besides the arms."""
    trunk = skeleton.fork(found["pelvis"], found["chest"])
    limbs = {found[f"{side}_{part}"] for side in SIDES for part in ("hip", "shoulder")}
    above = [
        j
        for j, name in enumerate(names)
        if not name.side and not name.helper and skeleton.below(j, trunk)
        and limbs.isdisjoint(skeleton.path(j)) and j not in (found["pelvis"], found["chest"])
    ]  # fmt: skip
    for word in HEADS:
        if called := [j for j in above if names[j].word == word]:
            return called[0]
    necks = [j for j in above if any(word in names[j].word for word in NECKS)]
    over = [j for j in above if skeleton.below(j, found["chest"])]
    if not necks and not over:
        raise _missing(skeleton, names, "head")
    return necks[-1] if necks else over[-1]


def _toe(
    skeleton: Hierarchy,
    names: Sequence[JointName],
    side: str,
    found: dict[str, int],
    any_name: bool,
) -> dict[str, int]:
    """A joint called so, or the end site of a foot without one; else the only joint below."""
    ankle = found[f"{side}_ankle"]
    called = [j for j in _called(names, side, "toe") if skeleton.below(j, ankle)]
    ends = [j for j, n in enumerate(skeleton.names) if n == skeleton.names[ankle] + _END]
    below = [j for j, parent in enumerate(skeleton.parents) if parent == ankle and any_name]
    only = below if len(below) == 1 and not names[below[0]].helper else []
    return {f"{side}_toe": j for j in (called or ends or only)[:1]}


def _collar(skeleton: Hierarchy, side: str, found: dict[str, int]) -> dict[str, int]:
    """The first joint between chest and shoulder that lies apart from the shoulder."""
    shoulder = found[f"{side}_shoulder"]
    way = skeleton.path(shoulder)
    between = way[way.index(found["chest"]) + 1 : -1]
    apart = _APART * skeleton.length(found[f"{side}_hip"], found[f"{side}_knee"])
    far = [j for j in between if skeleton.length(j, shoulder) > apart]
    return {f"{side}_collar": j for j in far[:1]}


def _refuse_other_figures(skeleton: Hierarchy, found: dict[str, int]) -> None:
    length = {
        f"{side} {name}": skeleton.length(found[f"{side}_{a}"], found[f"{side}_{b}"])
        for side in SIDES
        for limb, bones in zip(LIMBS, (("thigh", "shin"), ("upper arm", "forearm")), strict=True)
        for name, a, b in zip(bones, limb, limb[1:], strict=False)
    }
    leg = {s: length[f"{s} thigh"] + length[f"{s} shin"] for s in SIDES}
    arm = {s: length[f"{s} upper arm"] + length[f"{s} forearm"] for s in SIDES}
    hips, shoulders = (_middle(skeleton.posed, found, part) for part in ("hip", "shoulder"))
    both = sum(leg.values())
    ratios = {
        "shin to thigh": length["left shin"] / length["left thigh"],
        "forearm to upper arm": length["left forearm"] / length["left upper arm"],
        "arm to leg": sum(arm.values()) / both,
        "trunk to leg": float(np.linalg.norm(shoulders - hips)) / (both / 2),
        "left leg to right leg": leg["left"] / leg["right"],
        "left arm to right arm": arm["left"] / arm["right"],
    }
    for what, (low, high) in _LIKE_A_PERSON.items():
        if not low <= ratios[what] <= high:
            raise InputError(
                f"the skeleton is not a person's: {what} is {ratios[what]:.2f}, people have "
                f"{low:g} to {high:g}; if it is one, {_ADVICE}"
            )
    if _on_four_legs(skeleton, found):
        raise InputError(f"the skeleton goes on four legs; if it is a person's, {_ADVICE}")


def _middle(positions: np.ndarray, found: dict[str, int], part: str) -> np.ndarray:
    return positions[[found[f"{side}_{part}"] for side in SIDES]].mean(axis=0)


def _on_four_legs(skeleton: Hierarchy, found: dict[str, int]) -> bool:
    """Whether at rest arms and legs point the same way, across the trunk."""
    at = {part: _middle(skeleton.rest, found, part) for limb in LIMBS for part in limb}
    trunk = unit(at["shoulder"] - at["hip"])
    legs, arms = unit(at["ankle"] - at["hip"]), unit(at["wrist"] - at["shoulder"])
    return bool(legs @ arms > 0.7 and abs(legs @ trunk) < 0.6 and abs(arms @ trunk) < 0.6)


def _missing(skeleton: Hierarchy, names: Sequence[JointName], *more: str) -> InputError:
    """What no joint is called, or does not hang together."""
    parts = [
        f"{side} {part}"
        for side in SIDES
        for limb in LIMBS
        if next(_chains(skeleton, names, side, limb), None) is None
        for part in limb
        if not _called(names, side, part)
    ]
    lacks = ", ".join((*parts, *more)) or "limbs whose joints hang together"
    joints = [n for n in skeleton.names if not n.endswith(_END)]
    shown = ", ".join(joints[:_SHOWN]) + (" ..." if len(joints) > _SHOWN else "")
    return InputError(
        f"not recognised as a person's skeleton, it lacks {lacks}; its joints are {shown}. If it "
        f"is a person's, {_ADVICE}"
    )
