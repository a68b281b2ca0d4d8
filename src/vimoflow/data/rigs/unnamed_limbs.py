"""Limbs whose joints say their side, but not what they are: found by the lengths of their bones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from vimoflow.data.rigs.hierarchy import Hierarchy
from vimoflow.data.rigs.joint_words import JointName

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
    chains: dict[int, Chain] = {}
    for j, name in enumerate(names):
        parent = skeleton.parents[j]
        top = name.side == side and not name.helper and parent >= 0 and names[parent].side != side
        chain = _two_longest_bones(skeleton, j) if top else None
        if chain is not None:
            chains[parent] = max(
                chain, chains.get(parent, chain), key=lambda c: _reach(skeleton, c)
            )
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


def _two_longest_bones(skeleton: Hierarchy, top: int) -> Chain | None:
    """Of all joints below a joint, the three in a row that lie furthest apart."""
    best: Chain | None = None
    for c in range(top, len(skeleton.names)):
        way = skeleton.path(c)
        if top not in way:
            continue
        b = skeleton.parents[c]
        a = skeleton.parents[b] if b >= 0 else -1
        if top in way[:-2] and (
            best is None or _reach(skeleton, (a, b, c)) > _reach(skeleton, best)
        ):
            best = (a, b, c)
    return best
