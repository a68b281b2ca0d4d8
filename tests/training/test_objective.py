"""Pieces of a global batch add up to its objective."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch

from vimoflow.training.losses import TERMS, FrameLosses, LossWeights
from vimoflow.training.objective import count, share_of_objective

FACTORS = LossWeights(joints=2.0, velocity=3.0, foot=0.5, root=0.1, contacts=1.5, projection=0.7)


@pytest.fixture
def batch() -> tuple[FrameLosses, torch.Tensor, torch.Tensor]:
    """Losses, weights and validity of six clips of unequal length."""
    generator = torch.Generator().manual_seed(0)
    losses = FrameLosses(**{name: torch.rand(6, 9, generator=generator) for name in TERMS})
    weights = torch.rand(6, 9, generator=generator)
    lengths = torch.tensor([9, 1, 4, 9, 2, 7])
    return losses, weights, torch.arange(9) < lengths[:, None]


def rows(losses: FrameLosses, chosen: slice) -> FrameLosses:
    return FrameLosses(**{name: getattr(losses, name)[chosen] for name in TERMS})


def test_the_objective_is_its_formula_written_out(batch):
    losses, weights, valid = batch
    total = share_of_objective(losses, FACTORS, weights, valid, count(weights, valid))
    factors = {"simple": 1.0, **dataclasses.asdict(FACTORS)}
    sums, frames, pairs = dict.fromkeys(TERMS, 0.0), 0, 0
    for clip in range(6):
        for frame in range(9):
            if not valid[clip, frame]:
                continue
            frames += 1
            both = frame < 8 and bool(valid[clip, frame + 1])
            pairs += both
            for name in TERMS:
                weight = float(weights[clip, frame])
                if name in ("velocity", "rotation_velocity", "foot"):
                    weight = min(weight, float(weights[clip, frame + 1])) if both else 0.0
                sums[name] += weight * float(getattr(losses, name)[clip, frame])
    paired = ("velocity", "rotation_velocity", "foot")
    expected = sum(
        factors[name] * value / (pairs if name in paired else frames)
        for name, value in sums.items()
    )
    assert float(total) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("cuts", [(3,), (1, 2), (2, 4, 5)])
def test_pieces_add_up_however_unequal(batch, cuts):
    losses, weights, valid = batch
    counts = count(weights, valid)
    whole = share_of_objective(losses, FACTORS, weights, valid, counts)
    ends = (0, *cuts, 6)
    pieces = [slice(a, b) for a, b in itertools.pairwise(ends)]
    parts = [
        share_of_objective(rows(losses, p), FACTORS, weights[p], valid[p], counts) for p in pieces
    ]
    assert torch.allclose(sum(parts), whole, rtol=1e-6)
    counted = [count(weights[p], valid[p]) for p in pieces]
    together = counted[0]
    for piece in counted[1:]:
        together = together + piece
    assert together.frames == counts.frames == valid.sum() and together.pairs == counts.pairs
    assert torch.allclose(together.weight, counts.weight)


def test_a_frame_counts_the_same_in_a_short_clip_and_in_a_long_one(batch):
    _, weights, valid = batch
    weights = weights.requires_grad_()
    ones = FrameLosses(**{name: torch.ones(6, 9) for name in TERMS})
    nothing = LossWeights(**{field.name: 0.0 for field in dataclasses.fields(LossWeights)})
    share_of_objective(ones, nothing, weights, valid, count(weights, valid)).backward()
    assert torch.allclose(weights.grad, valid / valid.sum())
