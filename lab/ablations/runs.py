"""One run of an ablation: a short training and its figures, kept on disk so that it runs once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.ablations.ablations import Setting
from lab.distributions.distribution import feature_set, frechet_distance
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.diffusion.regression import as_trained
from vimoflow.errors import InputError, OutputError
from vimoflow.evaluation.benchmark.running import Case, predict, score, validation_cases
from vimoflow.files import write_text
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion
from vimoflow.training.recipe_files import recipe_fields
from vimoflow.training.recipes import Recipe
from vimoflow.training.run_log import LOG, read_log
from vimoflow.training.run_options import RunOptions
from vimoflow.training.state import STATE
from vimoflow.training.trainer import train

RESULT = "result.json"
_CALIBRATION = "calibration"


@dataclass(frozen=True)
class Budget:
    """What every run of an ablation gets, and how it is judged.

    Attributes:
        steps: optimizer steps.
        held_out_every: steps between two points of the learning curve.
        clips: held-out recordings of each corpus and group that are sampled for PA-MPJPE.
        frames: length of the clips from virtual cameras.
        sampling_steps: DDIM steps.
        compile: whether the network is compiled.
    """

    steps: int
    held_out_every: int
    clips: int = 2
    frames: int = 90
    sampling_steps: int = 10
    compile: bool = True


@dataclass(frozen=True)
class RunResult:
    """Figures of one finished run.

    Attributes:
        curve_steps, curve_x0: held-out x0 error (mean over t) along the run.
        x0, joints_mm: held-out errors of each tenth of t at the end, see ``HeldOutErrors``.
        pa_mpjpe_mm: of raw samples (not refined), mean over held-out clips.
        fid_k: of the same samples against the truth of their clips, see ``dance_features``; NaN
            of a single clip.
        collapsed: steps of reports that saw static or mean poses.
    """

    setting: str
    seed: int
    steps: int
    seconds: float
    curve_steps: tuple[int, ...]
    curve_x0: tuple[float, ...]
    x0: tuple[float, ...]
    joints_mm: tuple[float, ...]
    pa_mpjpe_mm: float
    fid_k: float
    collapsed: tuple[int, ...]

    @property
    def final_x0(self) -> float:
        """Mean over t at the end."""
        return sum(self.x0) / len(self.x0)

    @property
    def collapsed_at_end(self) -> bool:
        """Every run begins at the mean pose; a collapsed one is still, or again, there."""
        return self.steps in self.collapsed

    def steps_to(self, target: float) -> float:
        """First step of the curve at or below a held-out error; infinite if it was not reached."""
        reached = (s for s, x in zip(self.curve_steps, self.curve_x0, strict=True) if x <= target)
        return float(next(reached, math.inf))


def run_setting(setting: Setting, seed: int, data: Path, folder: Path, budget: Budget) -> RunResult:
    """Train and judge one setting with one seed.

    A finished run is read back, a stopped one goes on. Runs are known by their recipe and budget:
    ablations with the same output folder share those they have in common, such as the baseline.

    Args:
        setting: what to train.
        seed: of weights, batches and noise.
        data: folder of shards.
        folder: of the ablation; the run gets a folder in it.
        budget: steps and ways to judge.
    """
    recipe = dataclasses.replace(setting.recipe, steps=budget.steps, seed=seed)
    key = _key(recipe, budget)
    place = folder / "runs" / key
    done = read_result(place / RESULT, key)
    if done is not None:
        return dataclasses.replace(done, setting=setting.name)
    options = RunOptions(
        resume=_resumable(place, key),
        compile=budget.compile,
        held_out_every=budget.held_out_every,
        report_every=max(1, min(50, budget.held_out_every)),
    )
    _write(place / "run.json", {"key": key, "recipe": recipe_fields(recipe)})
    path = train(recipe, data, place, options, name="model")
    result = _figures(setting.name, seed, path, place / LOG, _cases(data, budget), budget)
    _write(place / RESULT, {"key": key, **dataclasses.asdict(result)})
    return result


def calibrated_steps(
    recipe: Recipe, data: Path, folder: Path, minutes: float, compile: bool
) -> int:
    """Steps that the base recipe takes in some minutes here; measured once and kept.

    A run that ended by the clock would depend on what else the machine does, and its learning rate
    would not have fallen.
    """
    place = folder / _CALIBRATION
    kept = place / "speed.json"
    if not kept.is_file():
        options = RunOptions(minutes=min(1.0, minutes / 4), compile=compile, report_every=5)
        train(recipe, data, place, options, name="model")
        rows = [row for row in read_log(place / LOG) if "seconds" in row]
        first, last = rows[0], rows[-1]
        steps = last["step"] - first["step"]
        took = last["seconds"] - first["seconds"]
        if steps < 1 or took <= 0:  # a single report: count the start as well
            steps, took = last["step"], max(last["seconds"], 0.1)
        _write(kept, {"seconds_per_step": took / steps})
    return max(10, int(60 * minutes / _read(kept)["seconds_per_step"]))


def _figures(
    setting: str, seed: int, path: Path, log: Path, cases: list[Case], budget: Budget
) -> RunResult:
    rows = read_log(log)
    curve = [row for row in rows if "held_out_x0" in row]
    if not curve:
        raise InputError("an ablation needs validation shards: run `vimoflow data prepare`")
    reports = [row for row in rows if "seconds" in row]
    checkpoint = as_trained(load_checkpoint(path))
    options = SamplingOptions(steps=budget.sampling_steps, sampler="ddim", refine=False)
    motions = predict(checkpoint, cases, options)
    scores = [score(m, c).pa_mpjpe for m, c in zip(motions, cases, strict=True)]
    return RunResult(
        setting=setting,
        seed=seed,
        steps=reports[-1]["step"],
        seconds=reports[-1]["seconds"],
        curve_steps=tuple(row["step"] for row in curve),
        curve_x0=tuple(float(np.mean(row["held_out_x0"])) for row in curve),
        x0=tuple(curve[-1]["held_out_x0"]),
        joints_mm=tuple(curve[-1]["held_out_joints_mm"]),
        pa_mpjpe_mm=float(np.mean(scores)),
        fid_k=_fid_k(motions, [case.truth for case in cases]),
        collapsed=tuple(row["step"] for row in reports if row.get("collapsed")),
    )


def _fid_k(samples: Sequence[Motion], truths: Sequence[Motion]) -> float:
    """NaN of a single clip, which has no distribution."""
    if len(samples) < 2:
        return math.nan
    made, real = (
        feature_set(name, [motion.joint_positions for motion in motions], MODEL_FPS).kinetic
        for name, motions in (("samples", samples), ("truths", truths))
    )
    return frechet_distance(made, real, resamples=0).value


def _cases(data: Path, budget: Budget) -> list[Case]:
    return validation_cases(read_shards(data, "validation"), budget.clips, 0, budget.frames)


def read_result(path: Path, key: str | None = None) -> RunResult | None:
    """A finished run's figures; None if there are none, or they are of other settings."""
    if not path.is_file():
        return None
    values = _read(path)
    if key is not None and values.get("key") != key:
        return None
    values.pop("key", None)
    try:
        fields: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return RunResult(**fields)
    except TypeError as error:
        raise InputError(f"{path}: not a run's result; delete it") from error


def _resumable(place: Path, key: str) -> bool:
    started = place / "run.json"
    return (place / STATE).is_file() and started.is_file() and _read(started).get("key") == key


def _key(recipe: Recipe, budget: Budget) -> str:
    text = json.dumps([recipe_fields(recipe), dataclasses.asdict(budget)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read; delete it to run again") from error
    return values if isinstance(values, dict) else {}


def _write(path: Path, values: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(values, indent=1) + "\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
