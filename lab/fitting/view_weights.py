"""Fits ``view_weights.json``: how wrong a view's sample is to be expected, from what it saw.

    python -m lab.fitting.view_weights SHARDS -o src/vimoflow/inference/view_weights.json

Training motion is looked at through virtual cameras with a detector's noise, every view is sampled
alone, and the logarithm of each frame's error (root-relative, metres, headings aligned) is
regressed on ``multiview.WEIGHT_FEATURES``. Validation shards are never read.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.evaluation.benchmark.cases import Case, picked_rows, virtual_case
from vimoflow.evaluation.benchmark.prediction import condition_of
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.multiview import WEIGHT_FEATURES, weight_features
from vimoflow.inference.sampling import SamplingOptions, sample_features
from vimoflow.motion.features import decode_features
from vimoflow.motion.kinematics import forward_kinematics

BATCH = 32
VIEWS = 3  # virtual ones of each recording
LONGEST = 90  # frames
LEAST_M = 0.005  # errors below this are as good as none
BEGINNING = 10  # frames left out at both ends, where windows know least


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder of shards made by `vimoflow data prepare`")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--checkpoint", default=DEFAULT_CHECKPOINT)
    parser.add_argument("--steps", type=int, default=5, help="denoising steps")
    parser.add_argument("--limit", type=int, default=10, help="recordings of each corpus")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.checkpoint)
    options = SamplingOptions(steps=arguments.steps, refine=False, lock_feet=False)
    rows, errors = [], []
    for cases in of_one_length(training_cases(arguments.data, arguments.limit)):
        conditions = [condition_of(case) for case in cases]
        condition = Condition.joined(conditions, torch.cat)
        features = sample_features(checkpoint, condition, options)
        inner = slice(BEGINNING, -BEGINNING)
        rows += list(weight_features(features, condition.pose)[:, inner])
        errors += [frame_errors(f, case)[inner] for f, case in zip(features, cases, strict=True)]
    inputs, target = torch.cat(rows).double().numpy(), torch.cat(errors).double().numpy()
    design = np.column_stack([inputs, np.ones(len(inputs))])
    solution, *_ = np.linalg.lstsq(design, target, rcond=None)
    explained = 1 - np.var(target - design @ solution) / np.var(target)
    document = {
        "log_error": {
            name: round(float(value), 4)
            for name, value in zip(WEIGHT_FEATURES, solution, strict=False)
        },
        "explained": round(float(explained), 4),
        "views": len(rows),
        "frames": len(target),
        "checkpoint": checkpoint.name,
    }
    arguments.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document))


def training_cases(folder: Path, limit: int) -> list[Case]:
    """Virtual views of training motion; the noise of their detections is fitted to real ones."""
    cases = []
    for shard in read_shards(folder, "train"):
        if not len(shard.poses):  # detections only
            continue
        for row in picked_rows(range(len(shard.names)), limit):
            if shard.starts[row + 1] - shard.starts[row] < 3 * BEGINNING:
                continue
            cases += [virtual_case(shard, row, seed, LONGEST) for seed in range(VIEWS)]
    return cases


def of_one_length(cases: list[Case]) -> list[list[Case]]:
    """Cases that can be sampled together."""
    groups: dict[int, list[Case]] = {}
    for case in cases:
        groups.setdefault(len(case.truth), []).append(case)
    return [rows[i : i + BATCH] for rows in groups.values() for i in range(0, len(rows), BATCH)]


def frame_errors(features: torch.Tensor, case: Case) -> torch.Tensor:
    """Logarithm of the mean distance of the joints from the truth, relative to the pelvis."""
    R, _, root = decode_features(features[None])
    joints = forward_kinematics(R, root)[1][0].double()
    truth = torch.from_numpy(case.truth.joint_positions)
    distance = ((joints - joints[:, :1]) - (truth - truth[:, :1])).norm(dim=-1).mean(-1)
    return distance.clamp(min=LEAST_M).log()


if __name__ == "__main__":
    main()
