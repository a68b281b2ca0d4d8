"""Fits ``doubt.json``, which tells how far MediaPipe's points are likely to be off.

    python -m lab.fitting.detector_doubt PAIRS -o src/vimoflow/keypoints/doubt.json

PAIRS is the folder of ``python -m lab evaluate pairs``: training motions, rendered, that MediaPipe
looked at. Every recording is held out once, and how well its errors are told is printed; what is
written was fitted to all of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import rankdata
from torch import nn

from lab.fitting.filmed_pairs import Pair, read_pairs
from vimoflow.conventions import MODEL_FPS, STATURE_M
from vimoflow.data.shards import read_shards
from vimoflow.files import write_text
from vimoflow.keypoints.doubt import MOST_LOG, POINTS, Layers, doubt_signs, told
from vimoflow.keypoints.mending import mended
from vimoflow.keypoints.sequence import Keypoints2D

_HIDDEN = (32, 16)
_STEPS, _BATCH, _RATE, _DECAY = 200, 3000, 1e-2, 0.03
_DROPPED, _JITTER = 0.1, 0.05  # there are few clips, and they must not be learnt by heart
_FOLDS = 4
_FAR = 0.1 * STATURE_M  # an error that counts as a failure
_EDGES_M = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16, 9.0)
_SEEN = 0.05


@dataclass(frozen=True)
class Signs:
    """What is looked at and what was the case, point by point, of some clips.

    Attributes:
        signs: see ``keypoints.doubt.doubt_signs``.
        error_m: distance from the truth, metres.
        confidence: as MediaPipe states it.
        recording: number of the recording that each is of.
    """

    signs: Float[np.ndarray, "n signs"]
    error_m: Float[np.ndarray, " n"]
    confidence: Float[np.ndarray, " n"]
    recording: np.ndarray

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Signs:
        """Of the points that were seen, after mending."""
        names = sorted({pair.recording for pair in pairs})
        parts = []
        for pair in (_mended(pair) for pair in pairs):
            found = pair.found[:, list(POINTS)]
            seen = found[..., 2] > _SEEN
            error = np.linalg.norm(pair.error_m[:, list(POINTS)], axis=-1)
            number = np.full(seen.sum(), names.index(pair.recording))
            parts.append((doubt_signs(pair.found)[seen], error[seen], found[..., 2][seen], number))
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def where(self, chosen: np.ndarray) -> Signs:
        """Some of them."""
        return Signs(*(getattr(self, field.name)[chosen] for field in dataclasses.fields(self)))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pairs", type=Path, help="folder of single clips")
    parser.add_argument("--data", type=Path, help="shards that tell which recording a clip is of")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    shards = read_shards(arguments.data, "train") if arguments.data else ()
    pairs = read_pairs(arguments.pairs, shards)
    found = Signs.of(pairs)
    print(f"{len(pairs)} clips, {sum(len(pair.found) for pair in pairs)} frames")
    print(report(found, held_out(found)))
    layers = [[np.round(w, 5).tolist(), np.round(b, 5).tolist()] for w, b in fit(found)]
    write_text(arguments.output, json.dumps({"layers": layers}) + "\n")


def held_out(found: Signs) -> Float[np.ndarray, " n"]:
    """The typical error of every point as told by a fit that has not seen its recording."""
    doubt = np.zeros(len(found.error_m))
    for fold in range(_FOLDS):
        out = found.recording % _FOLDS == fold
        if out.any():
            doubt[out] = told(fit(found.where(~out)), found.signs[out])
    return doubt


def fit(found: Signs, seed: int = 0) -> Layers:
    """Weights and biases of the layers.

    Likelihood of the errors as Laplace's in the plane: density exp(-r / s) / s^2 at distance r.
    """
    torch.manual_seed(seed)
    signs, error = (torch.from_numpy(x).float() for x in (found.signs, found.error_m))
    mean, std = signs.mean(0), signs.std(0) + 0.01
    sizes = (signs.shape[1], *_HIDDEN, 1)
    linear = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
    middle = [nn.ReLU(), nn.Dropout(_DROPPED)]
    network = nn.Sequential(linear[0], *middle, linear[1], nn.ReLU(), linear[2])
    optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_DECAY)
    fade = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, _STEPS)
    for _ in range(_STEPS):
        rows = torch.randint(len(signs), (min(_BATCH, len(signs)),))
        shown = (signs[rows] - mean) / std
        log_s = network(shown + _JITTER * torch.randn_like(shown))[:, 0].clamp(*MOST_LOG)
        loss = (error[rows] / log_s.exp() + 2 * log_s).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        fade.step()
    layers = [(one.weight.detach().double().numpy().T, one.bias.detach().double().numpy())
              for one in linear]  # fmt: skip
    scale, shift = 1 / std.double().numpy(), (mean / std).double().numpy()
    weight, bias = layers[0]
    return [(weight * scale[:, None], bias - shift @ weight), *layers[1:]]


def report(found: Signs, doubt: Float[np.ndarray, " n"]) -> str:
    """How well errors are told, as Markdown."""
    failed = found.error_m > _FAR
    own, stated = roc_area(doubt, failed), roc_area(-found.confidence, failed)
    lines = [
        f"{failed.mean():.1%} of the points are off by more than a tenth of the height. Area under "
        f"the ROC of telling which: {own:.3f}; by MediaPipe's confidence: {stated:.3f}.", "",
        "| typical error told, mm | share | mean error told | mean error | failures |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    for low, high in itertools.pairwise(_EDGES_M):
        rows = (doubt >= low) & (doubt < high)
        if rows.any():
            lines.append(
                f"| {1000 * low:.0f} to {1000 * high:.0f} | {rows.mean():.1%} "
                f"| {2000 * doubt[rows].mean():.0f} | {1000 * found.error_m[rows].mean():.0f} "
                f"| {failed[rows].mean():.0%} |"
            )
    return "\n".join(lines)


def roc_area(values: Float[np.ndarray, " n"], true: np.ndarray) -> float:
    """The chance that a true one has a larger value than one that is not."""
    ranks, count = rankdata(values), int(true.sum())
    return float((ranks[true].sum() - count * (count + 1) / 2) / (count * (len(true) - count)))


def _mended(pair: Pair) -> Pair:
    times = np.arange(len(pair.found)) / MODEL_FPS
    found = mended(Keypoints2D(pair.found, times, (1000, 1000))).keypoints.points
    return dataclasses.replace(pair, found=found)


if __name__ == "__main__":
    main()
