"""``vimoflow generate``: every input to a folder of results.

PyTorch and the model load in a thread, while the first input's keypoints are found: detectors need
neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from vimoflow.errors import VimoflowError
from vimoflow.pipeline.folders import result_folders
from vimoflow.pipeline.generate_options import EVERYBODY, GenerateOptions, require_views
from vimoflow.pipeline.inputs import Progress, read_everybody, read_views
from vimoflow.pipeline.previews import PreviewDrawing
from vimoflow.pipeline.threads import CpuUse, free_cores, use_threads, wait_without_spinning

if TYPE_CHECKING:
    from vimoflow.pipeline.animation import Animator, Result


def generate(
    inputs: Sequence[Path], options: GenerateOptions, progress: Progress | None = None
) -> list[Result]:
    """Animate every input: one into the output folder itself, several into folders of their names.

    Without an output folder, each goes into a folder beside it, see ``folders.result_folders``.

    With the option ``person="all"`` an input's folder gets a folder ``person_1`` and so on a
    person, ``people.png``, which shows who is who, and ``people.json``, where everybody stands.
    With ``options.views`` all inputs are one performance, and the first one's clock counts.

    Files appear complete or not at all; preview videos come last, in a thread, while the others are
    there and the next input is read. A bad one among several does not stop the others; its error is
    raised at the end.

    Raises:
        VimoflowError: an input, the output folder or the checkpoint cannot be used.
    """
    wait_without_spinning()
    progress = progress or _quiet
    if options.views:
        require_views(len(inputs), options.offsets_s)  # before a long detection
    groups = [tuple(inputs)] if options.views else [(path,) for path in inputs]
    folders = result_folders(inputs, options.output, options.views, options.force)
    results: list[Result] = []
    errors: list[VimoflowError] = []
    with PreviewDrawing() as previews, ThreadPoolExecutor(1) as thread:
        loading = thread.submit(_load, options, progress, previews)
        watched = _watching(loading, progress)
        for paths, folder in zip(groups, folders, strict=True):
            try:
                results += _animate(paths, folder, options, watched, loading)
            except VimoflowError as error:
                errors.append(error)
            if loading.done():
                loading.result()  # without a model there is nothing to go on with
        if len(previews):
            with progress("drawing the preview") as show:
                errors += previews.finish(show)
    if errors:
        raise type(errors[0])("; ".join(str(error) for error in errors))
    return results


def _load(options: GenerateOptions, progress: Progress, previews: PreviewDrawing) -> Animator:
    before = CpuUse.now()
    from vimoflow.pipeline.animation import Animator
    from vimoflow.pipeline.video_to_motion import VideoToMotion

    if options.character is not None:
        from vimoflow.pipeline.character_results import require_character

        require_character(options.character)
    if options.physics:
        from vimoflow.physics.simulator import mujoco

        mujoco()  # what is missing is told before the work
    model = VideoToMotion.from_pretrained(options.checkpoint)
    use_threads(options.threads or free_cores(before, CpuUse.now()))
    return Animator(model, options, progress, previews)


def _animate(
    paths: tuple[Path, ...],
    folder: Path,
    options: GenerateOptions,
    progress: Progress,
    loading: Future[Animator],
) -> list[Result]:
    started = time.perf_counter()
    if options.person == EVERYBODY and not options.views:
        sources = read_everybody(paths[0], options, progress)
        spent = time.perf_counter() - started
        return loading.result().animate_everybody(sources, folder, spent)
    source = read_views(paths, options, progress)
    spent = time.perf_counter() - started
    return [loading.result().animate(source, folder, spent)]


def _watching(loading: Future[Animator], progress: Progress) -> Progress:
    """Progress that raises what went wrong in loading, rather than let a long detection end."""

    @contextmanager
    def watched(label: str) -> Iterator[Callable[[int, int | None], None]]:
        with progress(label) as show:

            def show_unless_failed(done: int, total: int | None) -> None:
                if loading.done():
                    loading.result()
                show(done, total)

            yield show_unless_failed

    return watched


def _quiet(_: str) -> AbstractContextManager[Callable[[int, int | None], None]]:
    return nullcontext(lambda done, total: None)
