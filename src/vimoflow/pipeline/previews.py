"""Preview videos drawn in a thread, while the other files are there and other inputs are read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from vimoflow.errors import OutputError, VimoflowError
from vimoflow.video import Footage

if TYPE_CHECKING:
    from vimoflow.motion.clip import Motion


class PreviewDrawing:
    """Draws one preview after another; leaving the block early gives up those not yet complete."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vimoflow-preview")
        self._stop = threading.Event()
        self._drawn: list[tuple[Future[None], Path]] = []
        self._frames = self._frames_done = 0
        self._show: Callable[[int, int | None], None] = lambda done, total: None

    def __enter__(self) -> PreviewDrawing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.shutdown(cancel_futures=True)

    def __len__(self) -> int:
        return len(self._drawn)

    def add(
        self,
        motion: Motion,
        video: Path | Footage | None,
        path: Path,
        start_s: float,
        end_s: float | None,
    ) -> None:
        """Have ``path`` drawn, from the part of the video that the motion was made from.

        A file of that name goes at once: it would show another motion.

        Raises:
            OutputError: it cannot be removed.
        """
        from vimoflow.viewer.video import write_preview_video

        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: cannot be replaced ({error.strerror})") from error
        self._frames += len(motion)

        def draw() -> None:
            write_preview_video(motion, path, video, start_s or None, end_s, self._tell)
            self._frames_done += len(motion)

        self._drawn.append((self._thread.submit(draw), path))

    def finish(self, show: Callable[[int, int | None], None]) -> list[VimoflowError]:
        """Wait for all of them, and say how far they are; what went wrong, by file."""
        self._show = show
        errors: list[VimoflowError] = []
        for future, path in self._drawn:
            try:
                future.result()
            except VimoflowError as error:
                errors.append(type(error)(f"{error}; all files but {path} are complete"))
        return errors

    def _tell(self, done: int) -> None:
        """Show the progress of all of them, from within one."""
        if self._stop.is_set():
            raise InterruptedError("the drawing was given up")
        self._show(self._frames_done + done, self._frames)
