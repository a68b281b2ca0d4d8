"""Feet that rest and legs that turn little, by least squares along time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vimoflow.characters.settling import SINKS_M, Leg, _Equations, settle

FRAMES, FPS = 60, 30.0


def leg(side: float, bent: float = 0.3, frames: int = FRAMES) -> Leg:
    """A standing leg of 0.8 m with its sole on the floor."""

    def still(*v: float) -> np.ndarray:
        return np.tile(np.array(v), (frames, 1))

    thigh, shin = (
        still(0.0, -0.4 * np.cos(bent / 2), way * 0.4 * np.sin(bent / 2)) for way in (1, -1)
    )
    ankle = still(0.1 * side, 0.08, 0.0)
    places = np.stack((ankle, ankle + np.array([0.0, -0.06, 0.12])), axis=1)
    return Leg(thigh, shin, still(0.1 * side, 0.0, 0.0), places, np.ones((frames, 2), bool),
               np.ones(frames, bool), np.zeros(frames))  # fmt: skip


def test_what_rests_already_is_left_alone() -> None:
    found = settle([leg(1.0), leg(-1.0)], FPS, 0.8)
    for what in (found.hips, found.pelvis, *found.ankles):
        assert np.abs(what).max() < 1e-9


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_a_foot_that_slides_a_little_rests(fps: float) -> None:
    """Two centimetres in a second and a half, to all sides, and the other foot stays too."""
    frames = round(1.5 * fps)
    slides = np.linspace(0, 0.02, frames)[:, None, None] * np.array([0.6, 0.0, 0.8])
    one, other = leg(1.0, frames=frames), leg(-1.0, frames=frames)
    found = settle([dataclasses.replace(one, places=one.places + slides), other], fps, 0.8)
    still = slides[:, 0] + found.ankles[0]
    assert np.linalg.norm(np.diff(still, axis=0), axis=1).mean() < 1e-4
    assert np.linalg.norm(np.diff(found.ankles[1], axis=0), axis=1).mean() < 1e-4
    assert np.linalg.norm(found.ankles[0], axis=1).max() < 0.02


def test_a_foot_that_slides_far_slips_rather_than_turns_the_legs() -> None:
    slides = np.linspace(0, 1.2, FRAMES)[:, None, None] * np.array([1.0, 0.0, 0.0])
    one, other = leg(1.0), leg(-1.0)
    found = settle([dataclasses.replace(one, places=one.places + slides), other], FPS, 0.8)
    assert np.linalg.norm(found.ankles[0] - found.hips, axis=1).max() < 0.1


@pytest.mark.parametrize("on_floor", [True, False])
@pytest.mark.parametrize("bent", [0.0, 0.6])
@pytest.mark.parametrize("height", [-0.04, 0.015])
def test_soles_come_to_the_floor(height: float, bent: float, on_floor: bool) -> None:
    """Both alike: the hips do it, so that no leg turns; what rests on a step stays there."""
    both = [
        dataclasses.replace(leg(side, bent), height=np.full(FRAMES, height),
                            on_floor=np.full(FRAMES, on_floor)) for side in (1.0, -1.0)
    ]  # fmt: skip
    found = settle(both, FPS, 0.8)
    for ankle in found.ankles:
        lands = height + ankle[:, 1]
        assert lands.min() > -SINKS_M - 1e-3
        assert lands.max() < (SINKS_M + 1e-3 if on_floor else max(height, 0.0) + 1e-3)
        assert np.abs(ankle - found.hips).max() < 2e-3


def test_the_equations_are_solved() -> None:
    """Beside the dense normal equations of the same sums of squares."""
    rng, frames, n = np.random.default_rng(0), 7, 5
    equations, rows, values = _Equations(frames, n), [], []

    def row(weight: float, value: float, *terms: tuple[int, np.ndarray]) -> None:
        line = np.zeros((frames, n))
        for t, factors in terms:
            line[t] += factors
        rows.append(np.sqrt(weight) * line.ravel())
        values.append(np.sqrt(weight) * value)

    weight, value = rng.uniform(0.1, 1, (2, frames, n))
    equations.want(slice(None), weight, value)
    step_weight, step = rng.uniform(0.1, 1, (2, frames - 1, 2))
    equations.want_steps(slice(1, 3), step_weight, step)
    by = rng.normal(size=(frames, 3, n))
    equations.want_small(by, np.tile(np.eye(3), (frames, 1, 1)))
    stiff = rng.uniform(0.1, 1, n)
    unit = np.eye(n)
    for t in range(frames):
        for k in range(n):
            row(weight[t, k], value[t, k], (t, unit[k]))
            if t + 2 < frames:
                row(stiff[k], 0.0, (t, unit[k]), (t + 1, -2 * unit[k]), (t + 2, unit[k]))
        for k in range(3):
            row(1.0, 0.0, (t, by[t, k]))
        for k in range(2 * (t + 1 < frames)):
            row(step_weight[t, k], step[t, k], (t, -unit[1 + k]), (t + 1, unit[1 + k]))
    dense = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    np.testing.assert_allclose(equations.solved(stiff).ravel(), dense, atol=1e-10)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_few_frames_are_enough(frames: int) -> None:
    found = settle([leg(1.0, frames=frames), leg(-1.0, frames=frames)], FPS, 0.8)
    assert np.abs(found.hips).max() < 1e-9
