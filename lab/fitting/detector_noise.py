"""Fits ``detector_noise.json`` to the real 2D detections of AIST++ training sequences.

    python -m lab.fitting.detector_noise ../shared/data \\
        -o src/vimoflow/conditioning/detector_noise.json --report docs/detector-noise.md

The truth is ``keypoints3d_optim`` projected through the calibrated cameras where it exists (d02),
elsewhere a robust triangulation of the nine views (ch01-04). Validation sequences are never read.
Errors are expressed in metres at the person's distance, for a person of the canonical leg length,
at 30 fps. With ``--report`` the script also writes tables of real and simulated statistics, with
``--held-out`` it prints how likely a sequence it was not fitted to (ch05) is, with and without the
triangulated sequences in the fit.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from lab.fitting.detector_likelihood import log_likelihood
from lab.fitting.detector_noise_report import write_report
from lab.fitting.detector_observations import HELD_OUT, WITH_TRUTH, Observation, read_observations
from vimoflow.inference.conditioning.detector_noise import (
    SWAP_GROUPS,
    DetectorNoise,
    load_detector_noise,
)
from vimoflow.inference.conditioning.occlusion import HIDDEN, SEEN
from vimoflow.motion.skeleton import MIRROR_COCO

FPS = 30.0
QUANTILES = np.linspace(0, 1, 33)
LOG_RAYLEIGH_VARIANCE = np.pi**2 / 24  # of log |g| for a 2D normal vector g


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder with aistpp/ and aistpp_kp2d/")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--report", type=Path, help="also write this Markdown page")
    parser.add_argument("--held-out", action="store_true", help="print held-out likelihoods")
    arguments = parser.parse_args()
    observations = read_observations(arguments.data)
    noise = fit(observations)
    if arguments.held_out:
        with_truth = fit([o for o in observations if o.name in WITH_TRUTH])
        for o in read_observations(arguments.data, HELD_OUT):
            print(f"{o.name}, nats a point: {log_likelihood(o, noise):.3f} fitted to all,")
            print(f"  {log_likelihood(o, with_truth):.3f} without the triangulated sequences,")
            print(f"  {log_likelihood(o, load_detector_noise()):.3f} with the shipped parameters")
    fields = {
        name: np.round(value, 4).tolist() if isinstance(value, np.ndarray) else value
        for name, value in dataclasses.asdict(noise).items()
    }
    page = {
        "provenance": "fitted by lab/fitting/detector_noise.py to the real detections of "
        + ", ".join(o.name for o in observations)
        + " of AIST++ (Google LLC, CC BY 4.0), nine views each",
        "parameters": fields,
    }
    temporary = arguments.output.with_suffix(".tmp")
    temporary.write_text(_compact(page), "utf-8")
    os.replace(temporary, arguments.output)
    if arguments.report:
        write_report(observations, noise, arguments.report)


def _compact(page: dict[str, Any]) -> str:
    """JSON with a line a parameter."""
    rows = ",\n  ".join(f'"{name}": {json.dumps(v)}' for name, v in page["parameters"].items())
    provenance = json.dumps(page["provenance"])
    return f'{{\n "provenance": {provenance},\n "parameters": {{\n  {rows}\n }}\n}}\n'


def fit(observations: list[Observation]) -> DetectorNoise:
    """All parameters from the errors of all views of all sequences."""
    swaps = [{g: _swapped(o, g) for g in SWAP_GROUPS} for o in observations]
    # A mistaken left and right is its own kind of error: kept out of the others.
    usable = [(o.confidence > 0) & o.trusted[:, None, None] for o in observations]
    for mask, groups in zip(usable, swaps, strict=True):
        for group, (found, _) in groups.items():
            mask[..., list(SWAP_GROUPS[group])] &= ~found[..., None]
    seen = [m & (o.hidden < SEEN) for o, m in zip(observations, usable, strict=True)]
    medians = np.stack(
        [_median_where(o.error_m, m) for o, m in zip(observations, seen, strict=True)]
    )
    mean = np.nanmean(medians, axis=(0, 1))
    offsets = np.where(np.isfinite(medians), medians, mean)
    residual = [
        np.where(m[..., None], o.error_m - b[:, None], np.nan)
        for o, b, m in zip(observations, offsets, usable, strict=True)
    ]
    joints = [
        _fit_point(
            [r[:, :, j] for r in residual],
            [o.confidence[..., j] for o in observations],
            [o.hidden[..., j] for o in observations],
        )
        for j in range(17)
    ]
    columns = {name: np.array([p[name] for p in joints]) for name in joints[0]}
    tail_correlation = float(np.median(columns.pop("tail_correlation")))
    columns["confidence_correlation"] = np.clip(
        (columns["confidence_lag1"] - columns["confidence_error"] ** 2 * tail_correlation)
        / (1 - columns["confidence_error"] ** 2),
        0, 0.995,
    )  # fmt: skip
    del columns["confidence_lag1"]
    rates, durations = _swap_statistics(swaps)
    columns = {name: _symmetric(value) for name, value in columns.items()}
    # Left and right of the image are equal in the long run: only "down" keeps a mean.
    mean = np.stack([np.zeros(17), _symmetric(mean[:, 1])], -1)
    return DetectorNoise(
        bias_mean_m=mean,
        bias_std_m=_symmetric(np.sqrt(np.nanmean((medians - mean) ** 2, axis=(0, 1, 3)))),
        tail_correlation=round(tail_correlation, 4),
        swap_names=tuple(SWAP_GROUPS),
        swap_per_s=rates,
        swap_s=durations,
        **columns,
    )


def _fit_point(
    residual: list[np.ndarray], confidence: list[np.ndarray], hidden: list[np.ndarray]
) -> dict[str, np.ndarray | float]:
    """Parameters of one COCO point; residuals (views frames 2) in metres, NaN where unusable."""
    size = np.concatenate([np.linalg.norm(r, axis=-1).ravel() for r in residual])
    occluded = np.concatenate([h.ravel() for h in hidden])
    stated = np.concatenate([c.ravel() for c in confidence])
    known = np.isfinite(size) & (size > 1e-5)
    seen, unseen = known & (occluded < SEEN), known & (occluded > HIDDEN)
    log_size = np.log(np.where(known, size, 1.0))
    tail, sigma = _tail_and_scale(size[seen])
    hidden_tail, hidden_sigma = tail, sigma
    if unseen.sum() > 300:
        hidden_tail, hidden_sigma = _tail_and_scale(size[unseen])
    drift_share, drift_correlation = _drift(residual)
    signs = [
        np.where(h < SEEN, np.log(np.linalg.norm(r, axis=-1) + 1e-5), np.nan)
        for r, h in zip(residual, hidden, strict=True)
    ]
    visible_confidence = [
        np.where(h < SEEN, c, np.nan) for c, h in zip(confidence, hidden, strict=True)
    ]
    rank = np.corrcoef(_normal_scores(stated[seen]), _normal_scores(log_size[seen]))[0, 1]
    coupling = -rank * np.sqrt(tail**2 + LOG_RAYLEIGH_VARIANCE) / max(tail, 0.1)
    table = np.quantile(stated[seen], QUANTILES)
    hidden_table = np.quantile(stated[unseen], QUANTILES) if unseen.sum() > 300 else table * 0.6
    slow, fast = _autocorrelation(signs, 15), _autocorrelation(signs, 5)
    return {
        "drift_m": sigma * np.sqrt(drift_share),
        "drift_correlation": drift_correlation,
        "white_m": sigma * np.sqrt(1 - drift_share),
        "tail": tail,
        "tail_correlation": float(np.clip(slow / fast, 0.05, 0.98)) ** (1 / 10),
        "hidden_gain": max(np.log(hidden_sigma / sigma), 0.0),
        "hidden_tail": hidden_tail,
        "confidence_visible": np.clip(table, 0, 1),
        "confidence_hidden": np.clip(hidden_table, 0, 1),
        "confidence_error": float(np.clip(coupling, 0, 0.95)),
        "confidence_lag1": _autocorrelation(visible_confidence, 1),
    }


def _tail_and_scale(size_m: np.ndarray) -> tuple[float, float]:
    """Log-spread of the slow factor and sigma per axis, from the median and the 95 % quantile."""
    generator = np.random.default_rng(0)
    rayleigh = np.linalg.norm(generator.standard_normal((200_000, 2)), axis=-1)
    factor = generator.standard_normal(200_000)
    tails = np.linspace(0, 1.6, 33)
    quantiles = np.array([np.quantile(rayleigh * np.exp(t * factor), [0.5, 0.95]) for t in tails])
    median, high = np.quantile(size_m, [0.5, 0.95])
    tail = float(np.interp(high / median, quantiles[:, 1] / quantiles[:, 0], tails))
    return tail, float(median / np.interp(tail, tails, quantiles[:, 0]))


def _drift(residual: list[np.ndarray]) -> tuple[float, float]:
    """Share of the variance that is correlated in time, and its correlation at one frame."""
    axes = [r[..., axis] for r in residual for axis in (0, 1)]
    lags = np.array([1, 2, 3, 4, 5])
    values = np.array([_autocorrelation(axes, int(lag)) for lag in lags])
    positive = values > 0.05
    slope, start = np.polyfit(lags[positive], np.log(values[positive]), 1)
    correlation = float(np.clip(np.exp(slope), 0.1, 0.99))
    return float(np.clip(np.exp(start), 0.1, 0.99)), correlation


def _autocorrelation(series: list[np.ndarray], lag: int) -> float:
    """Of the normal scores of series (views frames), which tames tails; NaN where unusable."""
    flat = np.concatenate([s.ravel() for s in series])
    known = np.isfinite(flat)
    scores = np.full(flat.shape, np.nan)
    scores[known] = _normal_scores(flat[known])
    now, later, at = [], [], 0
    for s in series:
        part = scores[at : at + s.size].reshape(s.shape)
        at += s.size
        now.append(part[:, :-lag].ravel())
        later.append(part[:, lag:].ravel())
    a, b = np.concatenate(now), np.concatenate(later)
    both = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[both], b[both])[0, 1])


def _normal_scores(values: np.ndarray) -> np.ndarray:
    return ndtri((rankdata(values) - 0.5) / len(values))


def _swapped(o: Observation, group: str) -> tuple[np.ndarray, np.ndarray]:
    """(views frames): where the exchanged points fit far better, and where one could tell."""
    points = list(SWAP_GROUPS[group])
    mirror = [MIRROR_COCO[p] for p in points]
    paired = [i for i, (p, m) in enumerate(zip(points, mirror, strict=True)) if p != m]
    points, mirror = [points[i] for i in paired], [mirror[i] for i in paired]
    here = np.linalg.norm(o.detected_m[:, :, points] - o.exact_m[:, :, points], axis=-1).mean(-1)
    there = np.linalg.norm(o.detected_m[:, :, mirror] - o.exact_m[:, :, points], axis=-1).mean(-1)
    apart = np.linalg.norm(o.exact_m[:, :, mirror] - o.exact_m[:, :, points], axis=-1).mean(-1)
    telling = apart > (0.05 if group == "face" else 0.12)
    return telling & (there < 0.5 * here), telling


def _swap_statistics(
    swaps: list[dict[str, tuple[np.ndarray, np.ndarray]]],
) -> tuple[np.ndarray, np.ndarray]:
    """Starts per second and mean duration; limbs do not count while the whole body is swapped."""
    rates, durations = [], []
    for group in SWAP_GROUPS:
        starts = frames = told = 0
        for groups in swaps:
            found, telling = groups[group]
            if group != "body":
                found = found & ~groups["body"][0]
            padded = np.pad(found, ((0, 0), (1, 0)))
            starts += int((padded[:, 1:] & ~padded[:, :-1]).sum())
            frames += int(found.sum())
            told += int(telling.sum())
        rates.append(starts / (told / FPS))
        durations.append(max(frames / max(starts, 1) / FPS, 1 / FPS))
    return np.array(rates), np.array(durations)


def _median_where(error_m: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Median over frames (views 17 2) of the usable errors; NaN where they are too few to tell."""
    median = np.full((len(error_m), 17, 2), np.nan)
    for view, point in np.argwhere(usable.sum(1) > 60):
        median[view, point] = np.median(error_m[view, usable[view, :, point], point], axis=0)
    return median


def _symmetric(values: np.ndarray) -> np.ndarray:
    """Left and right made equal: the detector was trained on mirrored images."""
    return (values + values[list(MIRROR_COCO)]) / 2


if __name__ == "__main__":
    main()
