"""Figures of the documentation: the loss weightings over the noise schedule (thesis, Figure 6)."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float64
from torch import Tensor

from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.diffusion.weighting import STRATEGIES, area_under_curve_percent, parse_weighting
from vimoflow.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class WeightCurve:
    """One line of the figure.

    Attributes:
        name: a weighting's name, or a benchmark's (``signal``, ``noise``, ``linear_decay``, ...).
        values: weights at ``t = 0 .. T - 1``.
        benchmark: drawn for comparison only; not a weighting.
    """

    name: str
    values: Float64[Tensor, "T"]
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
    schedule = schedule or NoiseSchedule()
    curves = weight_curves(schedule)
    figure = _draw(curves)
    areas = {curve.name: round(curve.auc_percent, 6) for curve in curves}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / "snr.png", _rendered(figure, "png"))
        _replace(folder / "snr.svg", _rendered(figure, "svg"))
        _replace(folder / "snr.json", (json.dumps(areas, indent=2) + "\n").encode())
    except OSError as error:
        raise OutputError(
            f"{folder}: the figure cannot be written ({error.strerror}); choose another folder"
        ) from error


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


def _replace(path: Path, content: bytes) -> None:
    """Write beside the target and rename, so that a failure leaves no half-written file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
