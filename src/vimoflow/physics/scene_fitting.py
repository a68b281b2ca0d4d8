"""What a person must have sat on, stepped on or leant on, from the motion alone.

Parts of the body that rest above the floor, while the floor cannot give what the motion needs, rest
on something: a slab under them. Who stands on one leg holds a foot still, too, but needs no slab.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from vimoflow.errors import InputError
from vimoflow.geometry.signals import runs_of_true
from vimoflow.motion.clip import Motion
from vimoflow.physics.anthropometry import segments
from vimoflow.physics.ground_forces import inverse_dynamics, surface_of, surface_places
from vimoflow.physics.humanoid import Humanoid
from vimoflow.physics.scene import Box, Scene
from vimoflow.physics.states import states_of

_ABOVE_M = 0.06  # lower is the floor
_QUIET_M_S = {"foot": 0.25, "seat": 0.3, "hand": 0.2, "knee": 0.2}
_SHORTEST_S = 0.25
_MISSING = 0.15  # of body weight (and stature): what the floor must lack on the way
_BURIED_M, _FAR_M = 0.25, 2.0
_MARGIN_M, _THICK_M, _SAME_M = 0.06, 0.08, 0.05
_PARTS = {
    "foot": (("left_ankle", "left_foot"), ("right_ankle", "right_foot")),
    "seat": (("pelvis", "left_hip", "right_hip", "spine1", "spine2", "spine3"),),
    "hand": (("left_wrist",), ("right_wrist",)),
    "knee": (("left_knee",), ("right_knee",)),
}


def fit_scene(motion: Motion, humanoid: Humanoid) -> Scene:
    """Slabs under what rests above the floor and must be held there.

    Args:
        motion: evenly timed, with the floor at y = 0.
        humanoid: its person's body.
    """
    states, surface = states_of(motion), surface_of(humanoid.model)
    touch = surface_places(humanoid, states)
    residual = inverse_dynamics(humanoid, states).residual / humanoid.weight_n
    residual[:, 3:] /= humanoid.skeleton.stature
    missing = np.linalg.norm(residual, axis=1)
    speeds, names = np.linalg.norm(touch.velocities, axis=-1), [*segments()]
    boxes: list[Box] = []
    for part, groups in _PARTS.items():
        for group in groups:
            own = np.isin(surface.bodies, [1 + names.index(name) for name in group])
            places, quick = touch.points[:, own], speeds[:, own]
            for span in _rests(places, quick < _QUIET_M_S[part], missing, motion.fps):
                boxes.append(_slab(places[span], motion.skeleton.scale))
    return Scene(tuple(_merged(boxes)))


def require_within_reach(scene: Scene, motion: Motion, humanoid: Humanoid) -> None:
    """Refuse a scene that the motion has nothing to do with.

    Raises:
        InputError: nothing of it is ever near the body, or the body begins deep inside of it.
    """
    model = dataclasses.replace(humanoid, scene=scene)
    gaps = surface_places(model, states_of(motion)).gaps
    floor = surface_places(humanoid, states_of(motion)).gaps
    if gaps[0].min() < -_BURIED_M and floor[0].min() >= -_BURIED_M:
        raise InputError(
            f"the body begins {-gaps[0].min():.2f} m inside a thing of the scene; is the scene in "
            "metres, with the motion's origin?"
        )
    near = dataclasses.replace(scene, floor=False)
    least = near.gaps(surface_places(humanoid, states_of(motion)).points, np.zeros(gaps.shape[1]))
    if least[0].min() > _FAR_M:
        raise InputError(
            f"the scene's things are {least[0].min():.1f} m away at the nearest; is it in metres, "
            "with the motion's origin?"
        )


def _rests(
    places: Float[np.ndarray, "frames points 3"],
    quiet: Bool[np.ndarray, "frames points"],
    missing: Float[np.ndarray, " frames"],
    fps: float,
) -> Iterator[slice]:
    """When the lowest point of a part rests above the floor, and something must hold it."""
    lowest = places[..., 2].argmin(1)
    frames = np.arange(len(lowest))
    rests = quiet[frames, lowest] & (places[frames, lowest, 2] > _ABOVE_M)
    for first, end in runs_of_true(rests):
        if end - first >= _SHORTEST_S * fps and missing[first:end].mean() > _MISSING:
            yield slice(first, end)


def _slab(places: Float[np.ndarray, "frames points 3"], size: float) -> Box:
    """Under the points that come near the height at which a part mostly rests."""
    top = float(np.median(places[..., 2].min(1)))
    near = places[places[..., 2] < top + 0.1 * size]
    low, high = near[:, :2].min(0) - _MARGIN_M * size, near[:, :2].max(0) + _MARGIN_M * size
    thick = min(top, _THICK_M)
    middle = np.array([*(low + high) / 2, top - thick / 2])
    return Box(middle, np.array([*(high - low) / 2, thick / 2]))


def _merged(boxes: list[Box]) -> list[Box]:
    """Slabs of one height that overlap are one."""
    found: list[Box] = []
    for box in boxes:
        for at, other in enumerate(found):
            apart = np.abs(box.centre - other.centre) - np.array(
                [*(box.half + other.half)[:2], _SAME_M]
            )
            if (apart < 0).all():
                low = np.minimum(box.centre - box.half, other.centre - other.half)
                high = np.maximum(box.centre + box.half, other.centre + other.half)
                low[2], high[2] = (other.centre + [[-1], [1]] * other.half)[:, 2]
                found[at] = Box((low + high) / 2, (high - low) / 2)
                break
        else:
            found.append(box)
    return found
