"""One run of ``generate`` with a clock on every stage, in a process of its own.

The clocks are put around the stages' functions from outside, so that the program itself carries
none; those that need PyTorch get theirs when it has been loaded, as users load it.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vimoflow.pipeline import generation
from vimoflow.pipeline.generate_options import GenerateOptions

LOADING = "load PyTorch and the model"
# Where each stage is called from: module, name within it, and the stage.
_BEFORE_LOADING = (
    ("vimoflow.pipeline.generation", "read_views", "keypoints, all in all"),
    ("vimoflow.keypoints.mediapipe_pose", "import_mediapipe", "import MediaPipe"),
    ("vimoflow.video.reading", "FrameStream.__next__", "decode"),
    ("vimoflow.keypoints.mediapipe_pose", "PoseGraph.process", "detect"),
    ("vimoflow.video.background", "Background.add", "watch the camera"),
    ("vimoflow.keypoints.cuts", "_PictureChange.__call__", "watch for cuts"),
)
_AFTER_LOADING = (
    ("vimoflow.pipeline.video_to_motion", "resample_keypoints", "encode"),
    ("vimoflow.pipeline.video_to_motion", "upright_shot", "encode"),
    ("vimoflow.inference.sampling.condition_to_features", "denoise_features", "network"),
    ("vimoflow.inference.sampling.condition_to_features", "refined_features", "refinement"),
    ("vimoflow.inference.sampling.shots", "denoise_features", "network"),
    ("vimoflow.inference.sampling.shots", "_fitted", "refinement"),
    ("vimoflow.inference.sampling.finishing", "lock_feet", "feet"),
    ("vimoflow.pipeline.animation", "measure_quality", "measure quality"),
    ("vimoflow.pipeline.animation", "save_motion_npz", "motion.npz"),
    ("vimoflow.motion.clip", "Motion.save", "motion"),  # and the file's ending
    ("vimoflow.pipeline.animation", "write_preview_page", "preview.html"),
    ("vimoflow.viewer.video", "write_preview_video", "preview.mp4"),
)
# These run beside others: their sum is more than what a user waits.
IN_THREADS = frozenset({LOADING, "decode", "watch the camera", "watch for cuts", "preview.mp4"})


class Clocks:
    """Seconds spent in each stage, by name, in the order of their ends."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose calls count for a stage."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                ending = next((p.suffix for p in args if isinstance(p, Path)), "")
                name = stage + ending if stage == "motion" else stage
                self.seconds[name] += time.perf_counter() - begun

        return timed

    def put_on(self, places: tuple[tuple[str, str, str], ...]) -> None:
        """Put clocks around functions and methods, for the rest of this process."""
        for module, name, stage in places:
            *owners, last = name.split(".")
            owner = functools.reduce(getattr, owners, importlib.import_module(module))
            setattr(owner, last, self.timed(stage, getattr(owner, last)))


def run(inputs: list[Path], options: GenerateOptions, process_start: float) -> dict[str, Any]:
    """Generate, and say how long each stage took.

    Args:
        inputs: one video.
        options: of the run.
        process_start: ``time.time()`` when this process was started.

    Returns:
        ``stages`` (seconds by name), ``wall_s``, ``threads`` and ``peak_memory_mb``.
    """
    clocks = Clocks()
    clocks.put_on(_BEFORE_LOADING)
    load = clocks.timed(LOADING, generation._load)

    def load_then_clock(*args: Any) -> Any:
        animator = load(*args)
        clocks.put_on(_AFTER_LOADING)
        return animator

    generation._load = load_then_clock  # type: ignore[assignment]
    clocks.seconds["start Python"] = time.time() - process_start
    generation.generate(inputs, options)
    import torch

    return {
        "stages": dict(clocks.seconds),
        "wall_s": time.time() - process_start,
        "threads": torch.get_num_threads(),
        "peak_memory_mb": _peak_memory_mb(),
    }


def _peak_memory_mb() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    status = Path("/proc/self/status")
    if status.is_file():  # what getrusage says outlives exec: it would be the parent's peak
        peaks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(peaks[0].split()[1]) / (1 << 10)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    made = GenerateOptions(output=Path(settings.pop("output")), **settings.pop("options"))
    print(json.dumps(run([Path(settings["video"])], made, settings["process_start"])))
