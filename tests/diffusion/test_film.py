"""FiLM: the identity before training, one pair or three after."""

from __future__ import annotations

import pytest
import torch

from vimoflow.diffusion.film import FiLM, TimestepEmbedding, modulate

WIDTH = 8


def trained_film(version: int) -> FiLM:
    """A FiLM whose weights are no longer those of the initialisation."""
    torch.manual_seed(0)
    film = FiLM(2 * WIDTH, WIDTH, version)
    for parameter in film.parameters():
        torch.nn.init.normal_(parameter)
    return film


@pytest.mark.parametrize("version", [1, 2])
def test_it_is_the_identity_at_initialisation(version):
    x, condition = torch.randn(2, 5, WIDTH), torch.randn(2, 5, 2 * WIDTH)
    for pair in FiLM(2 * WIDTH, WIDTH, version)(condition):
        assert torch.equal(modulate(x, pair), x)


@pytest.mark.parametrize(("version", "different"), [(1, 1), (2, 3)])
def test_version_1_shares_one_pair_and_version_2_has_three(version, different):
    pairs = trained_film(version)(torch.randn(2, 5, 2 * WIDTH))
    assert len(pairs) == FiLM.POINTS == 3
    distinct = {tuple(torch.cat(pair).flatten().tolist()) for pair in pairs}
    assert len(distinct) == different
    for gamma, beta in pairs:
        assert not torch.equal(gamma, beta)


def test_gamma_scales_and_beta_shifts():
    x = torch.randn(1, 3, WIDTH)
    gamma, beta = torch.full_like(x, 0.5), torch.full_like(x, -2.0)
    torch.testing.assert_close(modulate(x, (gamma, beta)), 1.5 * x - 2.0)


def test_modulation_of_a_frame_depends_on_that_frame_only():
    film = trained_film(2)
    condition = torch.randn(1, 6, 2 * WIDTH)
    other = condition.clone()
    other[:, 3] += 1.0
    for before, after in zip(film(condition), film(other), strict=True):
        changed = (before[0] != after[0]).any(-1)[0]
        assert changed.tolist() == [False, False, False, True, False, False]


def test_there_is_no_third_version():
    with pytest.raises(ValueError, match="1 or 2"):
        FiLM(2 * WIDTH, WIDTH, 3)


def test_every_timestep_has_an_embedding_of_its_own():
    torch.manual_seed(0)
    vectors = TimestepEmbedding(32)(torch.arange(1000)[None])[0].detach()
    distance = torch.cdist(vectors, vectors) + torch.eye(1000)
    assert float(distance.min()) > 1e-4 and vectors.isfinite().all()
