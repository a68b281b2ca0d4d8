"""Figures of the documentation: loss weightings (thesis, Figure 6) and strips (Figures 7 to 21)."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor

from lab.figures.failures import draw_failure, worst
from lab.figures.strips import TIMESTEPS, draw_strip, make_strips, strip_case
from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.diffusion.weighting import STRATEGIES, parse_weighting
from vimoflow.errors import ConfigError, OutputError
from vimoflow.evaluation.benchmark.running import validation_cases
from vimoflow.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def area_under_curve_percent(curve: Float64[Tensor, " T"]) -> float:
    """Trapezoid over ``t = 0 .. T - 1`` in steps of 1, divided by T, in per cent (Figure 6)."""
    return 100.0 * float(torch.trapezoid(curve)) / len(curve)


@dataclass(frozen=True)
class WeightCurve:
    """One line of the figure.

    Attributes:
        name: a weighting's name, or a benchmark's (``signal``, ``noise``, ``linear_decay``, ...).
        values: weights at ``t = 0 .. T - 1``.
        benchmark: drawn for comparison only; not a weighting.
    """

    name: str
    values: Float64[Tensor, " T"]
    benchmark: bool

    @property
    def auc_percent(self) -> float:
        """Area under the curve in per cent of a constant 1."""
        return area_under_curve_percent(self.values)


def weight_curves(schedule: NoiseSchedule) -> tuple[WeightCurve, ...]:
    """All lines of Figure 6: the benchmarks, then the strategies.

    ``normalised`` means here what it does for a batch that holds every timestep once.
    """
    linear = 1.0 - torch.arange(schedule.T, dtype=torch.float64) / schedule.T
    benchmarks = {
        "signal": schedule.alphas_cumprod.sqrt(),
        "noise": (1.0 - schedule.alphas_cumprod).sqrt(),
        "linear_decay": linear,
        "sqrt_decay": linear.sqrt(),
        "average_decay": (linear + linear.sqrt()) / 2,
    }
    curves = [WeightCurve(name, values, True) for name, values in benchmarks.items()]
    for strategy in (*STRATEGIES, "scaled(min_snr)", "normalised(min_linear)"):
        weighting = parse_weighting(strategy)
        values = weighting.curve(schedule)
        values = values / values.mean() if weighting.normalised else values
        curves.append(WeightCurve(str(weighting), values, False))
    return tuple(curves)


def write_snr_figure(folder: Path, schedule: NoiseSchedule | None = None) -> None:
    """Write snr.png, snr.svg and snr.json (name to area under the curve, per cent).

    Args:
        folder: where to; made if missing.
        schedule: the noise schedule; the thesis' one if None.

    Raises:
        OutputError: the folder cannot be written.
    """
    curves = weight_curves(schedule or NoiseSchedule())
    figure = _draw(curves)
    areas = {curve.name: round(curve.auc_percent, 6) for curve in curves}
    _write_files(
        folder,
        {
            "snr.png": _rendered(figure, "png"),
            "snr.svg": _rendered(figure, "svg"),
            "snr.json": (json.dumps(areas, indent=2) + "\n").encode(),
        },
    )


def write_strips(
    folder: Path,
    data: Path,
    checkpoint: Checkpoint,
    timesteps: Sequence[int] = TIMESTEPS,
    clip: str | None = None,
    seed: int = 0,
) -> None:
    """Write truth.png, predictions.png, samples.png and strips.json of one held-out clip.

    Args:
        folder: where to; made if missing.
        data: folder of shards.
        checkpoint: what predicts.
        timesteps: to which the truth is noised.
        clip: part of the recording's name; the first held-out clip if None.
        seed: of the noise.

    Raises:
        ConfigError: no held-out recording of that name, or a timestep out of range.
        OutputError: the folder cannot be written.
    """
    case = strip_case(data, clip)
    strips = make_strips(
        checkpoint.denoiser, checkpoint.normalization, checkpoint.schedule, case, timesteps, seed
    )
    numbers = {
        "clip": case.name,
        "checkpoint": checkpoint.name,
        "timesteps": list(timesteps),
        "predictions_mm": [round(e, 1) for e in strips.errors_mm(strips.predictions)],
        "samples_mm": [round(e, 1) for e in strips.errors_mm(strips.samples)],
    }
    _write_files(
        folder,
        {
            "truth.png": _png(draw_strip([strips.truth])),
            "predictions.png": _png(draw_strip(strips.predictions)),
            "samples.png": _png(draw_strip(strips.samples)),
            "strips.json": (json.dumps(numbers, indent=2) + "\n").encode(),
        },
    )


def write_failures(
    folder: Path, data: Path, checkpoint: Checkpoint, count: int = 4, limit: int = 16
) -> None:
    """Write CORPUS.png for the corpora with the worst clips, and failures.json.

    Args:
        folder: where to; made if missing.
        data: folder of shards.
        checkpoint: what predicts.
        count: pictures.
        limit: held-out recordings of each corpus and group that are tried.

    Raises:
        ConfigError: there are no validation shards.
        OutputError: the folder cannot be written.
    """
    cases = validation_cases(read_shards(data, "validation"), limit, seed=0)
    if not cases:
        raise ConfigError(f"{data}: no validation shards to look for failures in")
    failures = worst(checkpoint, cases)[:count]
    numbers = [
        {"corpus": f.corpus, "clip": f.case.title, "pa_mpjpe_mm": round(f.pa_mpjpe_mm, 1)}
        for f in failures
    ]
    pictures = {f"{f.corpus.replace(' ', '-')}.png": _png(draw_failure(f)) for f in failures}
    text = json.dumps({"checkpoint": checkpoint.name, "failures": numbers}, indent=2) + "\n"
    _write_files(folder, {**pictures, "failures.json": text.encode()})


def _draw(curves: tuple[WeightCurve, ...]) -> Figure:
    import matplotlib
    from matplotlib.figure import Figure

    colours = matplotlib.colormaps["tab20"].colors  # type: ignore[attr-defined]
    figure = Figure(figsize=(11.0, 5.5), layout="constrained")
    axes = figure.add_subplot()
    strategies = [curve for curve in curves if not curve.benchmark]
    benchmarks = [curve for curve in curves if curve.benchmark]
    for index, curve in enumerate(benchmarks):
        dots = (0, (1, 1 + index))
        label = f"{curve.name}: {curve.auc_percent:.3f} %"
        axes.plot(curve.values, color="0.3", linestyle=dots, linewidth=1.4, label=label)
    for index, curve in enumerate(strategies):
        # Several strategies are one line for part of the way: the thinner ones lie on top.
        label = f"{curve.name}: {curve.auc_percent:.3f} %"
        colour = colours[2 * index % 20 + index // 10]
        width = 6.0 - 4.8 * index / (len(strategies) - 1)
        axes.plot(curve.values, color=colour, linewidth=width, label=label)
    axes.set(
        xlim=(0, len(curves[0].values)),
        ylim=(0.0, 1.6),
        xlabel="diffusion timestep t",
        ylabel="weight (those above 1.6 are cut off)",
        title=f"Loss weightings, linear schedule of {len(curves[0].values)} timesteps",
    )
    axes.grid(alpha=0.25)
    figure.legend(
        loc="outside right upper", title="area under the curve", fontsize="small", frameon=False
    )
    return figure


def _rendered(figure: Figure, suffix: str) -> bytes:
    import matplotlib

    buffer = io.BytesIO()
    # A fixed salt and no date: the same figure is the same file.
    metadata = {"Date": None} if suffix == "svg" else None
    with matplotlib.rc_context({"svg.hashsalt": "vimoflow"}):
        figure.savefig(buffer, format=suffix, dpi=150, metadata=metadata)
    return buffer.getvalue()


def _png(picture: UInt8[np.ndarray, "height width 3"]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _write_files(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_bytes(folder / name, content)
    except OSError as error:
        raise OutputError(
            f"{folder}: the figure cannot be written ({error.strerror}); choose another folder"
        ) from error
