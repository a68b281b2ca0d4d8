"""Checkpoints: what goes in comes out, and damage is one clear line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from vimoflow.diffusion import checkpoint as module
from vimoflow.diffusion.checkpoint import (
    Checkpoint,
    Normalization,
    load_checkpoint,
    save_checkpoint,
)
from vimoflow.diffusion.denoiser import Denoiser, DenoiserConfig
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import CheckpointError, OutputError


def example(seed: int = 0) -> Checkpoint:
    torch.manual_seed(seed)
    return Checkpoint(
        name="tiny",
        denoiser=Denoiser(DenoiserConfig(width=16, heads=2, blocks=1, film_version=2)),
        normalization=Normalization(torch.randn(151), torch.rand(151) + 0.1),
        schedule=NoiseSchedule(T=500, beta_last=0.03),
        terms="Non-commercial use only. Größe: ≤ 1.",
        provenance={"recipe": "tiny", "steps": 7, "data": [{"corpus": "a", "hours": 0.5}]},
    )


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "new" / "tiny.safetensors"
    save_checkpoint(example(), path)
    return path


def rewrite(path: Path, tensors: dict | None = None, **header: str) -> None:
    """Change tensors and header entries of a checkpoint file."""
    with safe_open(path, framework="pt") as file:
        new = {**file.metadata(), **header}
        kept = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    save_file({**kept, **(tensors or {})}, path, metadata=new)


def refusal(path: Path | str) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def test_what_is_saved_is_loaded_bit_for_bit(saved):
    before, after = example(), load_checkpoint(saved)
    assert list(saved.parent.iterdir()) == [saved]
    assert (after.name, after.terms, after.provenance) == ("tiny", before.terms, before.provenance)
    assert after.schedule == before.schedule and after.denoiser.config == before.denoiser.config
    expected, found = before.denoiser.state_dict(), after.denoiser.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    assert torch.equal(after.normalization.mean, before.normalization.mean)
    assert torch.equal(after.normalization.std, before.normalization.std)
    assert not after.denoiser.training
    assert not any(p.requires_grad for p in after.denoiser.parameters())


def test_a_path_may_be_text(saved):
    assert load_checkpoint(str(saved)).name == "tiny"


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x00" * 100, b"\xff" * 5000])
def test_bytes_that_are_no_checkpoint(tmp_path, content):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.999])
def test_a_truncated_file(saved, kept):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * kept)])
    assert "damaged" in refusal(saved)


def test_weights_of_another_program(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    assert "not a ViMo-Flow checkpoint" in refusal(path)


def test_another_version_names_both(saved):
    rewrite(saved, version="99")
    message = refusal(saved)
    assert "99" in message and str(module.FORMAT_VERSION) in message


CONFIG = dataclasses.asdict(example().denoiser.config)
DAMAGE = {
    "a wider model": {"config": json.dumps({**CONFIG, "width": 32})},
    "more blocks": {"config": json.dumps({**CONFIG, "blocks": 2})},
    "unknown field": {"config": json.dumps({**CONFIG, "colour": 1})},
    "no such FiLM": {"config": json.dumps({**CONFIG, "film_version": 3})},
    "not JSON": {"config": "{"},
    "impossible schedule": {"schedule": json.dumps({"T": 1})},
    "NaN": {"tensors": {"weights.motion_in.bias": torch.full((16,), torch.nan)}},
    "infinite std": {"tensors": {"normalization.std": torch.full((151,), torch.inf)}},
    "another layout": {"tensors": {"normalization.mean": torch.zeros(150)}},
    "surplus weights": {"tensors": {"weights.extra": torch.zeros(1)}},
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_file_that_does_not_fit_itself(saved, damage):
    rewrite(saved, **damage)
    assert "does not fit itself" in refusal(saved)


def test_a_header_without_terms_is_refused(saved):
    with safe_open(saved, framework="pt") as file:
        header = {k: v for k, v in file.metadata().items() if k != "terms"}
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    save_file(tensors, saved, metadata=header)
    assert "terms" in refusal(saved)


def test_missing_name_and_path(tmp_path):
    assert "no checkpoint 'enormous'" in refusal("enormous")
    assert "no such checkpoint file" in refusal(tmp_path / "missing.safetensors")
    assert "no such checkpoint file" in refusal(tmp_path)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(saved, monkeypatch):
    old = saved.read_bytes()

    def fail_half_way(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(module, "save_file", fail_half_way)
    with pytest.raises(OutputError, match="No space left"):
        save_checkpoint(example(1), saved)
    assert saved.read_bytes() == old and list(saved.parent.iterdir()) == [saved]


def test_saving_below_a_file_is_one_line(saved):
    with pytest.raises(OutputError, match="cannot write"):
        save_checkpoint(example(), saved / "deeper" / "x.safetensors")


def test_normalisation_and_back():
    normalization = example().normalization
    features = torch.randn(2, 5, 151) * 3 + 1
    values = normalization.normalize(features)
    expected = (features - normalization.mean) / normalization.std
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(normalization.denormalize(values), features, atol=1e-5, rtol=1e-5)
    assert normalization.denormalize(torch.zeros(151)).equal(normalization.mean)
