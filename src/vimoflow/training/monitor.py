"""Losses, gradients, the x0 error along t, and whether the network collapses, as a run goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vimoflow.motion.features import LAYOUT
from vimoflow.training.losses import PAIR_TERMS, TERMS, FrameLosses, pairwise
from vimoflow.training.quantities import QUANTITIES, Quantity

TENTHS = 10
_LATE = 8  # tenth of t from which x_t tells the network nothing: what moves there is its own


@dataclass(frozen=True)
class Alert:
    """A quantity that left its limits."""

    quantity: Quantity
    value: float
    side: str

    def __str__(self) -> str:
        q = self.quantity
        beside = [f"limits {q.limits}"] if q.limits else ["finite"]
        beside += [f"thesis' target {q.thesis}"] if q.thesis else []
        beside += [f"measured {q.measured}"] if q.measured else []
        advice = q.below if self.side == "below" else q.above
        return f"{q.name} {self.value:.3g} is {self.side} its band ({', '.join(beside)}): {advice}"


@dataclass(frozen=True)
class Report:
    """What was seen since the report before.

    Attributes:
        values: by quantity name, all unweighted but ``total``; NaN where nothing was seen.
        x0_error: the simple loss in each tenth of t.
        alerts: limits left since the report before; ``active`` are all that are left now.
    """

    step: int
    values: dict[str, float]
    x0_error: tuple[float, ...]
    alerts: tuple[Alert, ...] = ()
    active: tuple[Alert, ...] = ()

    @property
    def collapsed(self) -> bool:
        """Static or mean poses where the network is on its own."""
        return any(
            alert.quantity.name in ("motion_ratio", "pose_ratio") and alert.side == "below"
            for alert in self.active
        )


@dataclass
class Monitor:
    """Adds up figures on the device, step by step, and judges them at each report.

    Attributes:
        settle_steps: steps after the start in which nothing is judged: every run begins at the
            mean pose.
        T: number of timesteps of the noise schedule.
    """

    settle_steps: int = 300
    T: int = 1000
    _sums: dict[str, Tensor] = field(default_factory=dict, repr=False)
    _left: set[tuple[str, str]] = field(default_factory=set, repr=False)

    @torch.no_grad()
    def observe(
        self,
        losses: FrameLosses,
        predicted_normalized: Float[Tensor, "batch frames 151"],
        predicted: Float[Tensor, "batch frames 151"],
        target: Float[Tensor, "batch frames 151"],
        t: Int[Tensor, "batch frames"],
        valid: Bool[Tensor, "batch frames"],
        total: Float[Tensor, ""],
        gradient_norm: Float[Tensor, ""],
    ) -> None:
        """Take note of one step; nothing is copied from the device."""
        mask = valid.double()
        pairs = pairwise(mask, valid)[1].double()
        for name in TERMS:
            w = pairs if name in PAIR_TERMS else mask
            self._add(name, (getattr(losses, name) * w).sum(), w.sum())
        tenth = torch.nn.functional.one_hot(self._tenth(t), TENTHS) * mask[..., None]
        self._add("x0", (losses.simple[..., None] * tenth).sum((0, 1)), tenth.sum((0, 1)))
        one = torch.ones((), dtype=torch.float64, device=t.device)
        self._add("total", total.detach().double(), one)
        self._add("gradient_norm", gradient_norm.detach().double(), one)
        for name, features in (("predicted_root", predicted), ("target_root", target)):
            self._add(name, (features[..., LAYOUT.root].square().sum(-1) * mask).sum(), mask.sum())
        values = predicted_normalized.double()
        count = mask.sum() * LAYOUT.size
        self._add("level", (values.sum(-1) * mask).sum(), count)
        self._add("square", (values.square().sum(-1) * mask).sum(), count)
        late = valid & (self._tenth(t) >= _LATE)
        for name, features in (("predicted", predicted), ("target", target)):
            self._observe_rotations(name, features[..., LAYOUT.rotations].double(), late)

    def _tenth(self, t: Tensor) -> Tensor:
        """Which tenth of t; T itself is in the last one."""
        return t.clamp(max=self.T - 1) * TENTHS // self.T

    def _observe_rotations(self, name: str, rotations: Tensor, late: Tensor) -> None:
        both = (late[:, 1:] & late[:, :-1]).double()
        step = (rotations[:, 1:] - rotations[:, :-1]).square().sum(-1)
        self._add(name + "_step", (step * both).sum(), both.sum())
        mask = late.double()
        self._add(name + "_pose", (rotations * mask[..., None]).sum((0, 1)), mask.sum())
        self._add(name + "_pose2", (rotations.square().sum(-1) * mask).sum(), mask.sum())

    def _add(self, name: str, total: Tensor, count: Tensor) -> None:
        row = torch.cat((total.double().reshape(-1), count.double().reshape(-1)))
        self._sums[name] = row if name not in self._sums else self._sums[name] + row

    def report(self, step: int, reduce: Callable[[Tensor], Tensor] | None = None) -> Report:
        """Means since the last report, and what left its limits.

        Args:
            step: optimizer steps done.
            reduce: adds a tensor up over the processes of a run; none where there is one.
        """
        names, rows = list(self._sums), list(self._sums.values())
        together = torch.cat(rows) if rows else torch.zeros(0, dtype=torch.float64)
        if reduce is not None:
            together = reduce(together)
        parts = together.cpu().split([len(row) for row in rows])
        self._sums = {}
        values, x0_error = _figures(dict(zip(names, parts, strict=True)))
        active = self._judge(values) if step > self.settle_steps else ()
        keys = {(alert.quantity.name, alert.side) for alert in active}
        new = tuple(a for a in active if (a.quantity.name, a.side) not in self._left)
        self._left = keys
        return Report(step, values, x0_error, new, active)

    def _judge(self, values: dict[str, float]) -> tuple[Alert, ...]:
        alerts = []
        for quantity in QUANTITIES:
            value = values.get(quantity.name, math.nan)
            side = quantity.limits.side(value) if quantity.limits else ""
            if quantity.name == "total" and values and not math.isfinite(value):
                side = "above"
            if side:
                alerts.append(Alert(quantity, value, side))
        return tuple(alerts)


def _figures(sums: dict[str, Tensor]) -> tuple[dict[str, float], tuple[float, ...]]:
    """Rows of (sums ..., count) as the quantities' values."""
    if not sums:
        return {}, (math.nan,) * TENTHS
    mean = {name: row[:-1] / row[-1] for name, row in sums.items() if name != "x0" and len(row) > 1}
    values = {name: float(mean[name]) for name in (*TERMS, "total", "gradient_norm")}
    values["root_scale"] = _ratio(mean["predicted_root"], mean["target_root"])
    values["prediction_std"] = float((mean["square"] - mean["level"].square()).clamp(min=0).sqrt())
    values["motion_ratio"] = _ratio(mean["predicted_step"], mean["target_step"])
    values["pose_ratio"] = _ratio(_variance(mean, "predicted"), _variance(mean, "target"))
    errors, frames = sums["x0"].chunk(2)
    return values, tuple((errors / frames).tolist())


def _variance(mean: dict[str, Tensor], name: str) -> Tensor:
    return (mean[name + "_pose2"] - mean[name + "_pose"].square().sum()).clamp(min=0)


def _ratio(a: Tensor, b: Tensor) -> float:
    return math.sqrt(float(a) / float(b)) if float(b) > 0 else math.nan
