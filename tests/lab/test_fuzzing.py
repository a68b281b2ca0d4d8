"""The fuzzer finds what it is there for, and goes on where it stopped."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import fuzzing
from vimoflow.errors import InputError


def refuses(path: Path) -> object:
    raise InputError(f"{path}: is not mine")


def says_nothing_of_the_file(path: Path) -> object:
    raise InputError("something is wrong")


def crashes(path: Path) -> object:
    raise ValueError("oops")


def hangs(path: Path) -> object:
    while True:
        time.sleep(0.01)


def works_on(path: Path) -> object:
    while True:
        pass


def writes(path: Path) -> object:
    return path.with_suffix(".other").write_text("mine")


def removes(path: Path) -> object:
    os.remove(path)
    return None


@pytest.fixture(scope="module")
def guard() -> Iterator[fuzzing.Guard]:
    guard = fuzzing.Guard()
    yield guard
    guard.armed = False  # an audit hook stays for ever


@pytest.mark.parametrize(
    ("read", "outcome"),
    [
        (Path.read_bytes, "read"), (refuses, "refused"), (says_nothing_of_the_file, "crashed"),
        (crashes, "crashed"), (hangs, "slow"), (works_on, "slow"),
        (writes, "wrote"), (removes, "wrote"),
    ],
)  # fmt: skip
def test_what_counts_against_a_reader(
    guard: fuzzing.Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Path], object], outcome: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(fuzzing, "SLOW_SECONDS", 1)
    monkeypatch.setattr(fuzzing, "STUCK_SECONDS", 1 if read is hangs else 600)
    path = tmp_path / "fuzz.any"
    path.write_bytes(b"x")
    target = fuzzing.Target("one", ".any", read, (b"x",), lambda rng: b"x")
    assert guard.outcome(target, path) == outcome


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(fuzzing.targets())))
def test_readers_survive_a_few_inputs(tmp_path: Path, number: int) -> None:
    counts = Counter(fuzzing.run_piece(number, 7, 40, tmp_path / "crashes"))
    assert counts["read"] + counts["refused"] == counts.total() == 40


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", fuzzing.targets(), ids=lambda target: target.name)
def test_every_reader_starts_from_files_it_reads(tmp_path: Path, target: fuzzing.Target) -> None:
    def sound(seed: bytes) -> bool:
        path = tmp_path / f"seed{target.suffix}"
        path.write_bytes(seed)
        try:
            target.read(path)
        except InputError:
            return False
        return True

    assert any(sound(seed) for seed in target.seeds)
    assert target.write(random.Random(3)) == target.write(random.Random(3))


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[int, int]] = []

    def piece(number: int, seed: int, count: int, crashes: Path) -> dict[str, int]:
        begun.append((number, seed))
        if len(begun) == 4:
            raise OSError("the power fails")
        return {"read": count}

    monkeypatch.setattr(fuzzing, "_in_process", piece)
    monkeypatch.setattr(fuzzing, "PIECE", 10)
    state, kept = tmp_path / "counts.json", tmp_path / "crashes"
    with pytest.raises(OSError, match="power"):
        fuzzing.campaign(600, state, kept)
    counts = fuzzing.campaign(600, state, kept)
    assert begun[4] == begun[3] and len(set(begun)) == len(begun) - 1
    assert sum(tally["read"] for tally in counts.values()) >= 600
