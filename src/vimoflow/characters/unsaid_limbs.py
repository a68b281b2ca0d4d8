"""Limbs of a skeleton whose names say nothing, not even a side: found by its symmetry.

A standing person has two pairs of branches that mirror each other and are longer than all others:
the one that ends lowest is the legs. Which leg is the left one follows from where the feet point.
"""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from jaxtyping import Float

from vimoflow.characters.hierarchy import Hierarchy, unit

Chain = tuple[int, int, int]
_ALIKE = 0.12  # of the longer branch: what partners' lengths differ by at most
_MOST = 30  # branches of one fork that are compared
_UP = np.array([0.0, 1.0, 0.0])
_BEND = np.cos(np.radians(35))  # an instep turns more from the shin than a twist bone's stump


def unsaid_limbs(skeleton: Hierarchy) -> dict[str, Chain] | None:
    """``left_hip``, ``right_shoulder`` and so on, each with its three joints; None if unclear.

    The figure stands with +Y up.
    """
    branches = _branches(skeleton)
    pairs = sorted(_mirrored(skeleton, branches), key=lambda pair: -_length(skeleton, pair[0]))
    chosen: list[tuple[list[int], list[int]]] = []
    for pair in pairs:  # what hangs on a limb (fingers) is no limb
        if all(set(pair[0]).isdisjoint(p[0]) and set(pair[0]).isdisjoint(p[1]) for p in chosen):
            chosen.append(pair)
    if len(chosen) < 2:
        return None
    legs, arms = sorted(chosen[:2], key=lambda p: skeleton.posed[p[0][-1], 1])
    forward = _forward(skeleton, legs)
    found: dict[str, Chain] = {}
    for part, pair in (("hip", legs), ("shoulder", arms)):
        across = skeleton.posed[pair[0][-1]] - skeleton.posed[pair[1][-1]]
        first_left = float(across @ np.cross(_UP, forward)) > 0
        for side, branch in zip(("left", "right"), pair if first_left else pair[::-1], strict=True):
            chain = _joints(skeleton, branch)
            if chain is None:
                return None
            found[f"{side}_{part}"] = chain
    return found


def _branches(skeleton: Hierarchy) -> list[list[int]]:
    """From each fork the ways down to the farthest joints: of a hand, along its longest finger."""
    children: dict[int, list[int]] = {}
    reach = np.zeros(len(skeleton.parents))  # of the longest way down, the bone to it included
    for j in reversed(range(len(reach))):
        parent = skeleton.parents[j]
        if parent >= 0:
            children.setdefault(parent, []).insert(0, j)
            below = max((reach[c] for c in children.get(j, ())), default=0.0)
            reach[j] = below + skeleton.length(j, parent)
    found = []
    for fork, below in children.items():
        for start in below if 1 < len(below) <= _MOST else ():
            way = [fork, start]
            while way[-1] in children:
                way.append(max(children[way[-1]], key=lambda j: reach[j]))
            found.append(way)
    return found


def _mirrored(skeleton: Hierarchy, branches: list[list[int]]) -> list[tuple[list[int], list[int]]]:
    """Branches of one fork that are as long and end at mirrored places."""
    pairs = []
    for a, b in combinations(branches, 2):
        if a[0] != b[0] or len(a) != len(b) or len(a) < 4:
            continue
        first, second = _length(skeleton, a), _length(skeleton, b)
        apart = skeleton.posed[a[-1]] - skeleton.posed[b[-1]]
        level = abs(apart[1]) < _ALIKE * first and np.linalg.norm(apart) > _ALIKE * first
        if abs(first - second) < _ALIKE * max(first, second) and level:
            pairs.append((a, b))
    return pairs


def _length(skeleton: Hierarchy, branch: list[int]) -> float:
    return sum(skeleton.length(a, b) for a, b in pairwise(branch[1:]))


def _joints(skeleton: Hierarchy, branch: list[int]) -> Chain | None:
    """Start, hinge and end of a limb: the two longest bones in a row, the lower not a foot."""
    triples = list(zip(branch[1:], branch[2:], branch[3:], strict=False))
    straight = [t for t in triples if _cosine(skeleton, t) > _BEND] or triples
    return max(
        straight,
        key=lambda t: min(skeleton.length(t[0], t[1]), skeleton.length(t[1], t[2])),
        default=None,
    )


def _cosine(skeleton: Hierarchy, chain: Chain) -> float:
    a, b, c = skeleton.posed[list(chain)]
    return float(unit(b - a) @ unit(c - b))


def _forward(skeleton: Hierarchy, legs: tuple[list[int], list[int]]) -> Float[np.ndarray, "3"]:
    """Where the toes point, level; +Z where the legs have no feet."""
    ways = []
    for branch in legs:
        chain = _joints(skeleton, branch)
        ankle = branch[-1] if chain is None else chain[2]
        ways.append(skeleton.posed[branch[-1]] - skeleton.posed[ankle])
    flat = np.sum(ways, axis=0) * np.array([1.0, 0.0, 1.0])
    reach = _length(skeleton, legs[0])
    return unit(flat) if np.linalg.norm(flat) > 0.05 * reach else np.array([0.0, 0.0, 1.0])
