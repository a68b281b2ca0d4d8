"""Refinement by the solver beside refinement by Adam: energy, error and time, clip by clip."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lab.speed.descent import Guess, descend, energy, turned
from vimoflow.data.shards import Shard, read_shards
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.evaluation.benchmark.cases import (
    LONGEST,
    Case,
    picked_rows,
    real_case,
    real_views,
    virtual_case,
)
from vimoflow.evaluation.benchmark.prediction import condition_of
from vimoflow.evaluation.benchmark.scores import Score, score
from vimoflow.inference.refinement import Evidence, RefinementSettings, refine
from vimoflow.inference.sampling import SamplingOptions, features_to_motion, sample_features
from vimoflow.motion.clip import Motion
from vimoflow.motion.features import decode_features, encode_features


@dataclass(frozen=True)
class RefinedClip:
    """What both ways make of a clip.

    Attributes:
        title, frames: the clip.
        energy, energy_adam: at the end.
        score, score_adam: figures of the motions.
        seconds, seconds_adam: processor time.
    """

    title: str
    frames: int
    energy: float
    energy_adam: float
    score: Score
    score_adam: Score
    seconds: float
    seconds_adam: float


def clips_to_refine(data: Path, real: int = 8, virtual: int = 2) -> list[Case]:
    """Validation clips of 150 frames at most: real views, and virtual ones where there are none.

    Args:
        data: a folder of shards.
        real: views of corpora that have detections, recordings taking turns.
        virtual: recordings of each other corpus, evenly spread, through noisy virtual cameras.
    """
    cases: list[Case] = []
    for shard in read_shards(data, "validation"):
        rows = range(len(shard.names))
        if len(shard.view_of):
            cases += [_real(shard, number) for number in range(real)]
        else:
            cases += [virtual_case(shard, row, seed=0) for row in picked_rows(rows, virtual)]
    return cases


def compare_refinement(
    checkpoint: Checkpoint,
    cases: Sequence[Case],
    progress: Callable[[int, int | None], None] | None = None,
) -> Iterator[RefinedClip]:
    """Fit the checkpoint's one-pass answers to the keypoints in both ways, in turns."""
    options = SamplingOptions(sampler="one-pass", refine=False)
    settings = RefinementSettings(quickness=(1.0, 1.0))  # Adam's energy knows one pace
    for number, case in enumerate(cases):
        condition = condition_of(case)
        evidence = Evidence.of(condition)
        features = sample_features(checkpoint, condition, options)
        yaws = Guess.start(features, evidence).cameras[..., 0]
        if number == 0:
            refine(features, evidence, settings)  # tables that are made once
        start = time.process_time()
        refined = refine(features, evidence, settings)
        middle = time.process_time()
        guess = descend(features, evidence, settings)
        end = time.process_time()
        by_adam = _moved(features, guess)
        with torch.no_grad():
            lowest = float(energy(features, evidence, guess, yaws, settings))
        ours, theirs = (score(_motion(f), case) for f in (refined.features, by_adam))
        yield RefinedClip(
            case.title, len(case.truth), float(refined.energy[0, 0]), lowest, ours, theirs,
            middle - start, end - middle,
        )  # fmt: skip
        if progress is not None:
            progress(number + 1, len(cases))


def table(clips: Sequence[RefinedClip]) -> str:
    """Markdown: the solver's figures, and Adam's in brackets."""
    head = "clip | frames | energy | PA-MPJPE mm | jitter m/s3 | foot slide mm | time ms | ratio"
    lines = [f"| {head} |", "|" + "---|" * (head.count("|") + 1)]
    lines += [_line(clip) for clip in clips]
    mean = {
        field.name: np.mean([getattr(clip, field.name) for clip in clips])
        for field in dataclasses.fields(RefinedClip)
        if field.type in ("int", "float")
    }
    for name in ("score", "score_adam"):
        mean[name] = Score(*np.mean([dataclasses.astuple(getattr(c, name)) for c in clips], axis=0))
    worst = max(clip.energy / clip.energy_adam for clip in clips)
    return "\n".join([*lines, _line(RefinedClip(title="mean", **mean)),
                      f"\nLargest ratio of the energies: {worst:.4f}"])  # fmt: skip


def _line(clip: RefinedClip) -> str:
    ours, adam = clip.score, clip.score_adam
    cells = (
        clip.title, f"{clip.frames:.0f}", f"{clip.energy:.1f} ({clip.energy_adam:.1f})",
        f"{ours.pa_mpjpe:.2f} ({adam.pa_mpjpe:.2f})", f"{ours.jitter:.0f} ({adam.jitter:.0f})",
        f"{ours.foot_slide:.2f} ({adam.foot_slide:.2f})",
        f"{1e3 * clip.seconds:.0f} ({1e3 * clip.seconds_adam:.0f})",
        f"{clip.seconds_adam / clip.seconds:.1f}",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _real(shard: Shard, number: int) -> Case:
    """The middle of a recording through one of its real views; recordings and views take turns."""
    rows = [row for row in range(len(shard.names)) if real_views(shard, row)]
    views = real_views(shard, rows[number % len(rows)])
    case = real_case(shard, rows[number % len(rows)], views[number % len(views)])
    first = max(0, (len(case.truth) - LONGEST) // 2)
    span, m = slice(first, first + LONGEST), case.truth
    truth = Motion(m.poses[span], m.trans[span], m.fps, m.contacts[span])
    points, coco = case.points_px[span], case.truth_coco[span]
    return dataclasses.replace(case, points_px=points, truth=truth, truth_coco=coco)


def _moved(features: Float[Tensor, "1 frames 151"], guess: Guess) -> Float[Tensor, "1 frames 151"]:
    R, contacts, root = decode_features(features)
    return encode_features(turned(R, guess.turns), contacts, root + guess.shift)


def _motion(features: Float[Tensor, "1 frames 151"]) -> Motion:
    return features_to_motion(features[0])
