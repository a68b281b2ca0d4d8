"""Adapters: nothing at the start, a frozen backbone, exact scales, files that are checked."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

from music_examples import swinging, tiny_model
from vimoflow.errors import CheckpointError, ConfigError, InputError
from vimoflow.music import adapters as a
from vimoflow.music.dance_options import StyleOptions
from vimoflow.music.music_model import MusicModel
from vimoflow.music.styles import train_style

QUICK = StyleOptions(steps=3, batch_frames=120, window=60)


def answer(model: MusicModel) -> torch.Tensor:
    g = torch.Generator().manual_seed(5)
    x, music = torch.randn(2, 40, 151, generator=g), torch.randn(2, 40, 37, generator=g)
    with torch.no_grad():
        return model.checkpoint.denoiser(x, torch.tensor([100, 900]), music)


@pytest.fixture(scope="module")
def trained() -> tuple[MusicModel, dict[str, torch.Tensor], a.Adapter]:
    model = tiny_model()
    before = copy.deepcopy(model.checkpoint.denoiser.state_dict())
    dances = [swinging("a", 80), swinging("b", 40, music=False)]
    return model, before, train_style(model, dances, "swing", "ours", QUICK)


def test_a_new_adapter_changes_exactly_nothing():
    model = tiny_model()
    with_it = a.adapted(model, [(a.new_adapter(model, "new"), 1.0)])
    assert torch.equal(answer(with_it), answer(model))


def test_training_changes_the_answer_and_no_bit_of_the_backbone(trained):
    model, before, adapter = trained
    after = model.checkpoint.denoiser.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not model.checkpoint.denoiser.training
    assert not torch.equal(answer(a.adapted(model, [(adapter, 1.0)])), answer(model))


def test_scale_zero_is_the_backbone_and_adding_an_adapter_does_not_touch_it(trained):
    model, _, adapter = trained
    plain = answer(model)
    assert torch.equal(answer(a.adapted(model, [(adapter, 0.0)])), plain)
    a.adapted(model, [(adapter, 2.0)])
    assert torch.equal(answer(model), plain)


def test_what_branches_add_is_linear_in_their_scales_and_adds_up(trained):
    model, _, adapter = trained
    other = dataclasses.replace(adapter, branches=tuple(copy.deepcopy(adapter.branches)))
    with torch.no_grad():
        for branch in other.branches:
            branch.zero.weight.mul_(-0.5).add_(0.01)
    config = model.checkpoint.denoiser.config
    block, d = model.checkpoint.denoiser.blocks[0], config.width
    x, tokens, condition = (torch.randn(1, 12, n, dtype=torch.float64) for n in (d, d, 2 * d))
    rotary = torch.ones(2, 12, d // config.heads // 2, dtype=torch.float64)
    block = copy.deepcopy(block).double()
    one, two = (copy.deepcopy(s.branches[0]).double() for s in (adapter, other))

    def added(first: float, second: float) -> torch.Tensor:
        both = a.AdaptedBlock(block, [one, two], [first, second])
        args = (x, tokens, condition, rotary, None)
        return both(*args) - block(*args)

    torch.testing.assert_close(added(1.5, 0.0), 3 * added(0.5, 0.0))
    torch.testing.assert_close(added(0.7, -0.2), 0.7 * added(1.0, 0.0) - 0.2 * added(0.0, 1.0))


def test_a_file_keeps_every_bit_and_knows_its_backbone(trained, tmp_path):
    model, _, adapter = trained
    path = tmp_path / "swing.safetensors"
    a.save_adapter(adapter, path)
    read = a.load_adapter(path, model)
    assert torch.equal(answer(a.adapted(model, [(read, 1.0)])),
                       answer(a.adapted(model, [(adapter, 1.0)])))  # fmt: skip
    assert "2 clips" in a.describe(path) and read.terms == adapter.terms
    other = tiny_model(seed=1)
    with pytest.raises(CheckpointError, match="another dance model"):
        a.load_adapter(path, other)
    with pytest.raises(CheckpointError, match="another dance model"):
        a.adapted(other, [(read, 1.0)])
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CheckpointError, match="damaged"):
        a.load_adapter(path, model)
    assert "cannot be read" in a.describe(path)
    with pytest.raises(CheckpointError, match="no such style"):
        a.load_adapter(tmp_path / "none.safetensors", model)


def test_a_style_is_called_as_a_file_can_be():
    with pytest.raises(ConfigError, match="letters"):
        a.require_style_name("../up")


def test_no_clips_is_one_line():
    with pytest.raises(InputError, match="a clip"):
        train_style(tiny_model(), [], "none", "ours", QUICK)
