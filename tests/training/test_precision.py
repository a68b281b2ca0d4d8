"""Precision: chosen by rates, measured once, the same for all processes and when resumed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from vimoflow.training import precision
from vimoflow.training.precision import chosen, measured_rates, product_rate, resolved, said
from vimoflow.training.processes import Processes

_CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("bf16", "expected"), [(0.26, "float32"), (36.0, "float32"), (42.0, "float32"), (467.0, "bf16")]
)
def test_bf16_must_pay(bf16: float, expected: str) -> None:
    rates = {"float32": 36e9, "bf16": bf16 * 1e9}
    assert chosen(rates) == expected and said(rates).startswith(expected)


def test_a_rate_is_that_of_the_product_itself() -> None:
    a, b = torch.randn(512, 128), torch.randn(128, 128)
    begun, count = time.perf_counter(), 200
    for _ in range(count):
        torch.mm(a, b)
    mean = 2 * 512 * 128**2 * count / (time.perf_counter() - begun)
    # The best of a few products, against the mean of many: others may be at work meanwhile.
    assert 0.5 * mean < product_rate(_CPU, "float32") < 50 * mean


def test_a_machine_is_measured_once(tmp_path: Path, monkeypatch) -> None:
    first = measured_rates(_CPU, tmp_path)
    assert set(first) == {"float32", "bf16"} and min(first.values()) > 0
    monkeypatch.setattr(precision, "product_rate", lambda *_: pytest.fail("measured again"))
    assert measured_rates(_CPU, tmp_path) == first


@pytest.mark.parametrize("text", ["", "[]", '{"x": 3}', '{"x": {"float32": "y"}}'])
def test_a_damaged_cache_is_measured_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "product_rates.json").write_text(text)
    assert measured_rates(_CPU, tmp_path) == measured_rates(_CPU, tmp_path)


def test_without_a_place_for_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert set(measured_rates(_CPU, tmp_path / "file" / "below")) == {"float32", "bf16"}


def test_what_the_user_says_is_not_measured(tmp_path: Path, monkeypatch) -> None:
    processes = Processes(cpu=True)
    monkeypatch.setattr(precision, "cache_folder", lambda: tmp_path)
    assert resolved("float32", processes) == "float32" and resolved("bf16", processes) == "bf16"
    assert not list(tmp_path.iterdir())
    assert resolved("auto", processes) == chosen(measured_rates(_CPU))
