"""``vimoflow bench generate``: what every stage takes, beside what it could take at best."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from vimoflow import __version__
from vimoflow.conventions import MODEL_FPS
from vimoflow.errors import InputError, VimoflowError
from vimoflow.pipeline.stage_times import IN_THREADS
from vimoflow.video import open_video

_BARE_DETECTOR = """
import sys, time
from vimoflow.keypoints.mediapipe_pose import MediaPipeEstimator
from vimoflow.video import frames, prefetch
rate = float(sys.argv[2]) or None
with prefetch(frames(sys.argv[1], rate=rate)) as ahead:
    rows = MediaPipeEstimator().estimate(ahead)
    next(rows)
    begun, count = time.perf_counter(), 1
    for _ in rows: count += 1
print((time.perf_counter() - begun) * count / max(1, count - 1))
"""
_IMPORT_TORCH = """
import time
begun = time.perf_counter()
import torch
print(time.perf_counter() - begun)
"""
_PRODUCT_RATE = """
import os, sys, time
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import torch
torch.set_num_threads(int(sys.argv[1]))
a = torch.rand(1024, 1024)
best = 1e9
for _ in range(12):
    begun = time.perf_counter()
    a @ a
    best = min(best, time.perf_counter() - begun)
print(2 * 1024**3 / best / 1e9)
"""


def measure(
    video: Path, options: dict[str, Any], repeats: int = 1, every_frame: bool = False
) -> dict[str, Any]:
    """Generate from a video as users do, each time in a fresh process, and time its stages.

    Args:
        video: the input.
        options: of ``GenerateOptions``, without the output.
        repeats: runs; medians count.
        every_frame: whether all frames are looked at.

    Returns:
        A document for JSON: machine, video, ``wall_s``, ``stages_s``, ``ceilings``.

    Raises:
        InputError: the file is no video.
        VimoflowError: the run failed; the message is the program's own.
    """
    info = open_video(video)
    runs = [_run(video, options | {"every_frame": every_frame}) for _ in range(repeats)]
    threads = runs[0]["threads"]
    names = list(dict.fromkeys(name for one in runs for name in one["stages"]))
    stages = {name: _median([one["stages"].get(name, 0.0) for one in runs]) for name in names}
    wall_s = _median([one["wall_s"] for one in runs])
    rate = 0.0 if every_frame else MODEL_FPS
    ceilings = {
        "bare detector, s": _ask(_BARE_DETECTOR, str(video), str(rate)),
        "import torch alone, s": _ask(_IMPORT_TORCH),
        "float32 products of 1024 x 1024, GFLOP/s": _ask(_PRODUCT_RATE, str(threads)),
    }
    length_s = info.duration or (info.frame_count or 0) / info.fps
    return {
        "vimoflow": __version__,
        "machine": _machine() | {"threads": threads},
        "video": {
            "file": info.name,
            "seconds": length_s,
            "fps": info.fps,
            "size": info.size,
            "frames": info.frame_count,
        },
        "options": options | {"every_frame": every_frame},
        "runs": repeats,
        "wall_s": wall_s,
        "real_time_factor": wall_s / length_s if length_s else None,
        "peak_memory_mb": max((one["peak_memory_mb"] or 0.0) for one in runs) or None,
        "stages_s": stages,
        "ceilings": ceilings,
        "wall_by_bare_detector": wall_s / ceilings["bare detector, s"],
    }


def table(document: dict[str, Any], old: dict[str, Any] | None = None) -> str:
    """The document as a Markdown table, with what another one says beside it."""
    rows = [*_rows(document)]
    before = {} if old is None else dict(_rows(old))
    head = ["", "now"] if old is None else ["", "now", "before", "now by before"]
    lines = [_line(head), _line(["---"] * len(head))]
    for name, value in rows:
        cells = [name, _number(value)]
        if old is not None:
            was = before.get(name)
            cells += [_number(was), _number(value / was if was and value is not None else None)]
        lines.append(_line(cells))
    return "\n".join(lines)


def read_old(path: Path) -> dict[str, Any]:
    """A document of an earlier measurement.

    Raises:
        InputError: the file is none.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(document, dict) or not {"stages_s", "ceilings", "wall_s"} <= set(document):
        raise InputError(f"{path}: is not what `vimoflow bench generate -o` writes")
    return document


def _rows(document: dict[str, Any]) -> list[tuple[str, float | None]]:
    beside = " (beside others)"
    return [
        ("whole, s", document["wall_s"]),
        ("real-time factor", document.get("real_time_factor")),
        ("whole by bare detector", document.get("wall_by_bare_detector")),
        ("peak memory, MB", document.get("peak_memory_mb")),
        *(
            (f"{name}{beside if name in IN_THREADS else ''}, s", seconds)
            for name, seconds in document["stages_s"].items()
        ),
        *((f"ceiling: {name}", value) for name, value in document["ceilings"].items()),
    ]


def _run(video: Path, options: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="vimoflow-bench-") as folder:
        settings = {
            "video": str(video.absolute()),
            "output": folder,
            "options": options,
            "process_start": time.time(),
        }
        command = ["-m", "vimoflow.pipeline.stage_times", json.dumps(settings)]
        run: dict[str, Any] = json.loads(_python(*command))
        return run


def _ask(code: str, *arguments: str) -> float:
    return float(_python("-c", code, *arguments))


def _python(*arguments: str) -> str:
    """The last line that Python prints, in a process of its own."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise VimoflowError(f"the measurement failed: {said}")
    return done.stdout.strip().splitlines()[-1]


def _machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_1_min": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _median(values: list[float]) -> float:
    return statistics.median(values)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"
