"""Limbs whose joints say their side, but not what they are: found by the lengths of their bones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from vimoflow.characters.hierarchy import Hierarchy
from vimoflow.characters.joint_words import JointName

Chain = tuple[int, int, int]
_ANIMAL = frozenset(("wing", "feather", "paw", "hoof", "tail", "claw", "fin", "muzzle", "snout"))
_SHORT = 0.4  # of the longest limb's bones: what is shorter is no limb


def unnamed_limbs(
    skeleton: Hierarchy, names: Sequence[JointName], side: str
) -> dict[str, Chain] | None:
    """Leg and arm of a side: the two longest bones in a row of its two longest branches.

    The arm hangs on the trunk further from the root than the leg. None if there are no two such
    branches, or names of an animal's parts.
    """
    if any(name.word in _ANIMAL for name in names):
        return None
    branch: dict[int, int] = {}  # of each joint on the side, what its branch hangs on
    chains: dict[int, Chain] = {}
    for c, name in enumerate(names):
        b = skeleton.parents[c]
        if b in branch:
            branch[c] = branch[b]
        elif name.side == side and not name.helper and b >= 0:
            branch[c] = b
        a = skeleton.parents[b] if b >= 0 else -1
        if c in branch and a in branch and branch[a] == branch[c]:
            rival = chains.get(branch[c], (a, b, c))
            chains[branch[c]] = max((a, b, c), rival, key=lambda chain: _reach(skeleton, chain))
    longest = max((_reach(skeleton, c) for c in chains.values()), default=0.0)
    limbs = {p: c for p, c in chains.items() if _reach(skeleton, c) > _SHORT * longest}
    if len(limbs) != 2:
        return None
    lower, upper = sorted(limbs, key=lambda parent: len(skeleton.path(parent)))
    if not skeleton.below(upper, lower):
        return None
    return {"hip": limbs[lower], "shoulder": limbs[upper]}


def _reach(skeleton: Hierarchy, chain: Chain) -> float:
    return sum(skeleton.length(a, b) for a, b in pairwise(chain))
