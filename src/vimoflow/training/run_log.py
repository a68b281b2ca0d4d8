"""Where a run's reports go: a JSONL file, TensorBoard, and a line on the terminal."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vimoflow.errors import ConfigError, OutputError
from vimoflow.files import write_text
from vimoflow.installation import install_command
from vimoflow.training.held_out import HeldOutErrors
from vimoflow.training.monitor import TENTHS, Report
from vimoflow.training.quantities import QUANTITIES

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

LOG = "log.jsonl"
TENSORBOARD = "tensorboard"
_LINE = ("total", "simple", "joints", "rotation_velocity", "foot", "root", "contacts",
         "prediction_std", "root_scale", "motion_ratio", "pose_ratio", "gradient_norm")  # fmt: skip


class RunLog:
    """Writes reports of one run to its folder.

    Args:
        folder: of the run.
        steps: of the whole run, for the terminal line.
        first_step: where the run goes on; later lines of an interrupted run are dropped.
        tensorboard: write TensorBoard events, too.

    Raises:
        ConfigError: TensorBoard is asked for and tensorboardX is missing.
        OutputError: the folder cannot be written.
    """

    def __init__(
        self, folder: Path, steps: int, first_step: int = 0, tensorboard: bool = False
    ) -> None:
        self.path, self.steps = folder / LOG, steps
        self._events: SummaryWriter | None = None
        try:
            _drop_rows_after(self.path, first_step)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot write the log ({error.strerror})") from error
        if tensorboard:
            try:
                from tensorboardX import SummaryWriter
            except ImportError as error:
                raise ConfigError(
                    f"TensorBoard logs need tensorboardX: {install_command('train')}"
                ) from error
            self._events = SummaryWriter(str(folder / TENSORBOARD), purge_step=first_step + 1)

    def report(self, report: Report, seconds: float) -> str:
        """Log a report; returns the text for the terminal, one line and one for each alert."""
        tenths = [_short(x) for x in report.x0_error]
        row = {key: _short(value) for key, value in report.values.items()}
        alerts = [str(alert) for alert in report.alerts]
        extra: dict[str, Any] = {"x0_error": tenths}
        extra |= {"alerts": alerts} if alerts else {}
        extra |= {"collapsed": True} if report.collapsed else {}
        self._append({"step": report.step, "seconds": round(seconds, 1), **row, **extra})
        if self._events is not None:
            for name, value in report.values.items():
                group = "loss" if name in _LOSSES else "monitor"
                self._events.add_scalar(f"{group}/{name}", value, report.step)
            self._tenths("x0_error", report.x0_error, report.step)
            for alert in alerts:
                self._events.add_text("alerts", alert, report.step)
        return "\n".join(
            [report_line(report, self.steps, seconds), *(f"  ! {text}" for text in alerts)]
        )

    def held_out(self, step: int, errors: HeldOutErrors) -> str:
        """Log errors on held-out examples; returns the terminal's line."""
        self._append(
            {
                "step": step,
                "held_out_x0": [_short(x) for x in errors.x0],
                "held_out_joints_mm": [_short(x) for x in errors.joints_mm],
            }
        )
        if self._events is not None:
            self._tenths("held_out_x0", errors.x0, step)
            self._tenths("held_out_joints_mm", errors.joints_mm, step)
            self._events.add_scalar("held_out/x0", errors.mean_x0, step)
        tenths = " ".join(f"{x:.0f}" for x in errors.joints_mm)
        return f"held out: x0 error {errors.mean_x0:.4g}, joints by tenth of t {tenths} mm"

    def close(self) -> None:
        """Flush what is buffered."""
        if self._events is not None:
            self._events.close()

    def _tenths(self, name: str, values: tuple[float, ...], step: int) -> None:
        assert self._events is not None
        for tenth, value in enumerate(values):
            low = 100 * tenth // TENTHS
            if not math.isnan(value):
                tag = f"{name}/t{low:02d}-{low + 100 // TENTHS:02d}"
                self._events.add_scalar(tag, value, step)

    def _append(self, row: dict[str, Any]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise OutputError(f"{self.path}: cannot write the log ({error.strerror})") from error


def report_line(report: Report, steps: int, seconds: float) -> str:
    """A report in one line."""
    marks = {a.quantity.name: "↓" if a.side == "below" else "↑" for a in report.active}
    parts = [
        f"{name} {report.values[name]:.3g}{marks.get(name, '')}"
        for name in _LINE
        if name in report.values
    ]
    tenths = " ".join("-" if math.isnan(x) else f"{x:.2f}" for x in report.x0_error)
    done = f"step {report.step}/{steps} {seconds:.0f} s"
    return f"{done} | {' '.join(parts)} | x0 by t {tenths}"


_LOSSES = {q.name for q in QUANTITIES} - {
    "root_scale", "prediction_std", "motion_ratio", "pose_ratio", "gradient_norm"
}  # fmt: skip


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of a log; a torn last line, as a killed run leaves it, is left out."""
    rows = []
    for line in path.read_text("utf-8").splitlines():
        with contextlib.suppress(ValueError):
            rows.append(json.loads(line))
    return rows


def _drop_rows_after(path: Path, step: int) -> None:
    if not path.is_file():
        return
    kept = [row for row in read_log(path) if row.get("step", 0) <= step]
    write_text(path, "".join(json.dumps(row) + "\n" for row in kept))


def _short(value: float) -> float | None:
    """Five digits; NaN, which JSON lacks, as null."""
    return None if math.isnan(value) else float(f"{value:.5g}")
