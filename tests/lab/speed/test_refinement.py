"""The solver lowers the very energy that Adam lowered, at least as far."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from lab.speed.descent import Guess, descend, energy
from lab.speed.refinement import RefinedClip, table
from motion_examples import swinging_motion
from vimoflow.evaluation.benchmark.scores import Score
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.refinement import Evidence, RefinementSettings, refine
from vimoflow.inference.refinement.fitting import motion_problem
from vimoflow.inference.refinement.least_squares import Unknowns
from vimoflow.inference.refinement.posed_points import SHIFT, TURNING, UNKNOWNS
from vimoflow.inference.refinement.terms import LENGTHS
from vimoflow.motion.features import encode_features

FRAMES, VIEWS = 20, 2
SETTINGS = RefinementSettings()


def example() -> tuple[torch.Tensor, Evidence]:
    generator = torch.Generator().manual_seed(0)
    motion = swinging_motion(FRAMES)
    contacts = torch.rand(FRAMES, 4, generator=generator)
    R, root = torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans)
    features = encode_features(R.double(), contacts.double(), root.double())[None]
    pose = torch.rand(1, VIEWS, FRAMES, 17, 3, generator=generator, dtype=torch.float64)
    pose[..., :2] = pose[..., :2] * 2 - 1
    track = torch.rand(1, VIEWS, FRAMES, 3, generator=generator, dtype=torch.float64)
    track[:, 1, :5, 2] = 0.0
    return features, Evidence.of(Condition(pose, track))


def test_one_energy_in_two_ways() -> None:
    features, evidence = example()
    rng = np.random.default_rng(1)
    yaws = torch.from_numpy(rng.normal(size=(1, VIEWS)))
    start = torch.zeros(VIEWS, 5, dtype=torch.float64)
    start[:, 0] = yaws[0]
    valid = torch.ones(FRAMES, dtype=torch.bool)
    problem, at = motion_problem(features[0], evidence.of_clip(0), SETTINGS, valid, start)
    frames = 0.2 * rng.normal(size=(FRAMES, UNKNOWNS))
    shared = at.shared + 0.1 * rng.normal(size=at.shared.shape)
    turns = torch.zeros(1, FRAMES, 24, 3, dtype=torch.float64)
    turns[0, :, list(TURNING)] = torch.from_numpy(frames[:, : SHIFT.start]).unflatten(1, (-1, 3))
    guess = Guess(
        turns, torch.from_numpy(frames[None, :, SHIFT]),
        torch.from_numpy(shared[None, None, LENGTHS]),
        torch.from_numpy(shared[LENGTHS.stop :]).reshape(1, VIEWS, 5),
    )  # fmt: skip
    there = Unknowns(frames, shared)
    ours = problem.at(there).energy() + problem.prior.energy(there)
    assert ours == pytest.approx(float(energy(features, evidence, guess, yaws, SETTINGS)), rel=1e-6)


def test_the_solver_gets_as_low_as_adam() -> None:
    features, seen = example()
    features = features.float()
    numbers = (x.float() for x in (seen.points, seen.weight, seen.track))
    evidence = Evidence(*numbers, seen.placed, seen.told.float())
    yaws = Guess.start(features, evidence).cameras[..., 0]
    guess = descend(features, evidence, SETTINGS, steps=40)
    by_adam = float(energy(features, evidence, guess, yaws, SETTINGS))
    assert float(refine(features, evidence, SETTINGS).energy) < by_adam


def test_the_table_has_a_line_for_every_clip_and_the_mean() -> None:
    score = Score(*np.arange(len(dataclasses.fields(Score)), dtype=float))
    clips = [RefinedClip(f"clip {i}", 10, 1.0, 2.0, score, score, 0.1, 1.0) for i in range(2)]
    lines = table(clips).splitlines()
    assert lines[2].startswith("| clip 0 | 10 | 1.0 (2.0) |")
    assert lines[4].startswith("| mean | 10 |")
    assert lines[-1].endswith("0.5000")
