"""What a machine with nothing else to do takes for everything that a user waits for.

Clips are made from one real clip, played forth and back, so that they have any length and no cut.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.speed.figures import Figure
from lab.speed.preview import preview_costs
from vimoflow.errors import VimoflowError
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.benchmark import measure
from vimoflow.pipeline.generate_options import DEFAULT_FORMATS, without_previews
from vimoflow.pipeline.threads import CpuUse
from vimoflow.video import VideoWriter, frames

_BUSY = "while True: pass"
_VIMOFLOW = (sys.executable, "-m", "vimoflow")


def lengthened(
    video: Path, target: Path, seconds: float, fps: float = 30.0, every: int = 1, shrink: int = 1
) -> Path:
    """A clip played forth and back for a time.

    Args:
        video: a clip of some seconds; its pictures are kept in memory.
        target: the MP4 to write.
        seconds: how long it is to be.
        fps: its rate, Hz.
        every: take every so many of the clip's frames.
        shrink: take every so many of the pictures' rows and columns.
    """
    shown = [np.ascontiguousarray(f.rgb[::shrink, ::shrink]) for f in frames(video)]
    both = [*shown, *shown[-2:0:-1]]
    height, width = shown[0].shape[:2]
    with VideoWriter(target, (width, height), fps) as writer:
        for i in range(round(seconds * fps)):
            writer.write(both[i * every % len(both)], i / fps)
    return target


def measure_idle(
    video: Path,
    short_s: float = 10.0,
    long_s: float = 60.0,
    repeats: int = 5,
    progress: Callable[[int, int | None], None] | None = None,
) -> tuple[list[Figure], dict[str, Any]]:
    """Medians of everything that is asked of an idle machine; figures, and documents for JSON.

    Raises:
        VimoflowError: a run failed.
    """
    with tempfile.TemporaryDirectory(prefix="vimoflow-idle-") as folder:
        runs: dict[str, Any] = {}
        cases = list(_cases(video, Path(folder), short_s, long_s))
        for number, (name, clip, options) in enumerate(cases):
            # A long clip averages by itself what happens beside it.
            times = max(1, repeats // 2) if clip.stem == "long" else repeats
            runs[name] = measure(clip, options, times)
            if progress is not None:
                progress(number + 1, len(cases))
        clip = cases[0][1]
        waits = [first_line_s([*_VIMOFLOW, "generate", clip, "-o", f"{folder}/{i}"])
                 for i in range(repeats)]  # fmt: skip
        helps = [_seconds([*_VIMOFLOW, "--help"]) for _ in range(repeats)]
        costs = list(preview_costs(_animated(clip, Path(folder)), clip))
    figures = [*_figures(runs), *costs, Figure("first line of progress, s", "1.5", _median(waits)),
               Figure("`vimoflow --help`, s", "0.4", _median(helps))]  # fmt: skip
    return figures, runs


@dataclass(frozen=True)
class BusySpeed:
    """Seconds of generating alone and beside busy processes, medians.

    Attributes:
        alone_s, beside_s: seconds.
        strangers: cores that programs of others used meanwhile, while it was to be alone: where
            they are many, the ratio tells little. None where the system does not say.
    """

    alone_s: float
    beside_s: float
    strangers: float | None

    @property
    def ratio(self) -> float:
        """How many times as long it takes beside the others."""
        return self.beside_s / self.alone_s


def measure_busy(video: Path, others: int = 3, repeats: int = 3) -> BusySpeed:
    """Generate alone, and beside processes that are never idle, in turns.

    Raises:
        VimoflowError: a run failed.
    """
    alone, beside, strangers = [], [], []
    with tempfile.TemporaryDirectory(prefix="vimoflow-busy-") as folder:
        for number in range(repeats):
            command: list[str | Path] = [*_VIMOFLOW, "generate", video, "-o"]
            before = _cores_used()
            alone.append(_seconds([*command, f"{folder}/alone{number}"]))
            if before is not None and (after := _cores_used()) is not None:
                strangers.append((after - before) / alone[-1])
            with ExitStack() as stack:
                for _ in range(others):
                    busy = subprocess.Popen([sys.executable, "-c", _BUSY])
                    stack.callback(busy.wait)
                    stack.callback(busy.kill)
                beside.append(_seconds([*command, f"{folder}/beside{number}"]))
    return BusySpeed(_median(alone), _median(beside), _median(strangers) if strangers else None)


def first_line_s(command: Sequence[str | Path]) -> float:
    """Seconds until a command says anything on stderr; it is ended then."""
    begun = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        spent = time.perf_counter() - begun
        process.kill()
    if not line:
        raise VimoflowError("the program ended without a word")
    return spent


def _cases(
    video: Path, folder: Path, short_s: float, long_s: float
) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    short = lengthened(video, folder / "short.mp4", short_s)
    long = lengthened(video, folder / "long.mp4", long_s)
    fast = lengthened(video, folder / "60fps.mp4", short_s, fps=60.0)
    half = lengthened(video, folder / "30fps.mp4", short_s, fps=30.0, every=2)
    yield "short", short, {}
    yield "short, no preview", short, {"formats": list(without_previews(DEFAULT_FORMATS))}
    yield "long", long, {}
    yield "long, fast", long, {"quality": "fast"}
    yield "60 fps", fast, {}
    yield "30 fps", half, {}


def _figures(runs: dict[str, Any]) -> Iterator[Figure]:
    short, bare = runs["short"], runs["short, no preview"]
    detector = short["ceilings"]["bare detector, s"]
    allowed = 1.35 * detector + 1.2 * short["ceilings"]["import torch alone, s"]
    yield Figure("short clip, all files, s", f"{allowed:.2f}", short["wall_s"])
    yield Figure("short clip without preview, s", f"{allowed:.2f}", bare["wall_s"])
    yield Figure("short clip by the bare detector", "", short["wall_by_bare_detector"])
    yield Figure("beside detection, by detection", "0.15", _beside_detection(short))
    yield Figure("the same without preview", "0.15", _beside_detection(bare))
    yield Figure("long clip, all files, by its length", "1.0", runs["long"]["real_time_factor"])
    fast = runs["long, fast"]["real_time_factor"]
    yield Figure("long clip, all files, fast, by its length", "0.6", fast)
    ratio = runs["60 fps"]["wall_s"] / runs["30 fps"]["wall_s"]
    yield Figure("60 fps by 30 fps", "1.1", ratio)
    yield Figure("most memory, MB", "900", max(run["peak_memory_mb"] or 0 for run in runs.values()))


def _beside_detection(run: dict[str, Any]) -> float:
    detection: float = run["stages_s"]["keypoints, all in all"]
    return (run["wall_s"] - detection) / detection


def _animated(clip: Path, folder: Path) -> Motion:
    """The motion of a clip, as a user gets it."""
    _seconds([*_VIMOFLOW, "generate", clip, "-o", folder / "motion", "--formats", "npz"])
    return load_motion_npz(folder / "motion" / "motion.npz")


def _cores_used() -> float | None:
    """Seconds of cores that everybody but this process and its children has used."""
    all_s = CpuUse.now().all_s
    return None if all_s is None else all_s - sum(os.times()[:4])


def _seconds(command: Sequence[str | Path]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise VimoflowError(f"the measurement failed: {done.stderr.strip().splitlines()[-1:]}")
    return time.perf_counter() - begun


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)
