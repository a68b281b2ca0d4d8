"""A training run: shards in, checkpoint out, resumable at any step."""

from __future__ import annotations

import copy
import dataclasses
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from vimoflow.data.batches import WindowSource
from vimoflow.data.shards import Shard, read_manifest, read_shards
from vimoflow.diffusion.checkpoint import Checkpoint, Normalization, save_checkpoint
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.errors import InputError, OutputError
from vimoflow.training.held_out import HeldOut
from vimoflow.training.processes import Processes
from vimoflow.training.provenance import provenance, terms_of
from vimoflow.training.recipe_files import recipe_fields
from vimoflow.training.recipes import Recipe, find_recipe, recipe_name
from vimoflow.training.run_log import RunLog
from vimoflow.training.run_options import RunOptions
from vimoflow.training.starting import Start, fresh, from_checkpoint, resumed
from vimoflow.training.state import STATE, TrainingState, save_state
from vimoflow.training.step_batches import Share, StepBatches, make_loader

_log = logging.getLogger(__name__)

Painter = Callable[[Denoiser, Normalization], UInt8[np.ndarray, "height width 3"]]
"""Draws what a network predicts, for the log."""


def train(
    recipe: str | Path | Recipe,
    data: Path,
    output: Path,
    options: RunOptions | None = None,
    name: str | None = None,
    strips: Painter | None = None,
) -> Path:
    """Train on the training shards of a folder; returns the checkpoint's path.

    Every step draws its batch and noise from seeds of its own, so a run that was stopped and
    resumed goes on as if it had not been.

    Args:
        recipe: its name, its file, or itself.
        data: folder of shards.
        output: folder for state, log and checkpoint; several machines must share it.
        options: how the run is carried out.
        name: of the checkpoint; the recipe's if None.
        strips: paints what is logged as an image whenever held-out errors are measured.

    Raises:
        ConfigError: the recipe or an option makes no sense, or a package is missing.
        InputError: there are no shards, or a torn one.
        CheckpointError: the state or the checkpoint to start from does not fit.
        OutputError: nothing can be written.
    """
    options = options or RunOptions()
    if name is None:
        name = "recipe" if isinstance(recipe, Recipe) else recipe_name(recipe)
    found = recipe if isinstance(recipe, Recipe) else find_recipe(recipe)
    run = _Run(name, _adapted(found, options), data, output, options, strips)
    run.loop()
    return run.finish()


class _Run:
    """One training run and its folder."""

    def __init__(
        self, name: str, recipe: Recipe, data: Path, output: Path, options: RunOptions,
        strips: Painter | None,
    ) -> None:  # fmt: skip
        self.name, self.recipe, self.output, self.options = name, recipe, output, options
        self.strips = strips
        self.processes = Processes()
        self.share = Share(
            self.processes.rank, self.processes.count, recipe.accumulation, options.part_frames
        )
        self.share.require_enough(recipe)
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{output}: cannot be made ({error.strerror})") from error
        self.shards = _training_shards(data, options.without)
        self.source = WindowSource(self.shards, options.shares)
        start = self._start()
        self.learner, self.seconds, self.origin = start.learner, start.seconds, start.origin
        self.held_out = self._held_out(data)
        self.log: RunLog | None = None
        if self.processes.first:
            self.log = RunLog(output, recipe.steps, self.learner.step, options.tensorboard)

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same for a run to go on. It may become longer."""
        fields = {k: v for k, v in recipe_fields(self.recipe).items() if k != "steps"}
        files = {s.entry.file: s.entry.sha256 for s in self.shards}
        options: dict[str, Any] = {
            "precision": self.options.precision, "part_frames": self.options.part_frames
        }  # fmt: skip
        if self.options.shares:
            options["corpus_shares"] = dict(self.options.shares)
        return {**fields, **options, "data": files}

    def loop(self) -> None:
        """Train until the recipe's last step or the deadline."""
        limit = self.options.minutes
        deadline = math.inf if limit is None else time.monotonic() + 60 * limit
        workers = self.options.workers
        batches = make_loader(
            StepBatches(self.source, self.recipe, self.learner.step, self.share),
            self.processes.suitable_workers if workers is None else workers,
            pin=self.processes.device.type == "cuda",
        )
        self.learner.model.train()
        saved = time.monotonic()
        started = saved - self.seconds
        for micro_batches in batches:
            if self.learner.learn(micro_batches):
                self._say(f"step {self.learner.step}: diverging, so PTSS and learning rate reset")
            self.seconds = time.monotonic() - started
            last = self.learner.step == self.recipe.steps
            if limit is not None:
                last = last or self.processes.any(time.monotonic() > deadline)
            self._report(last)
            if last:
                break
            if time.monotonic() - saved > self.options.save_every_s:
                self.save()
                saved = time.monotonic()
        self.save()

    def save(self) -> None:
        """Everything needed to go on, complete or not at all."""
        if not self.processes.first:
            return
        learner = self.learner
        state = TrainingState(
            step=learner.step,
            seconds=self.seconds,
            settings=self.settings,
            origin=self.origin,
            model=learner.model.state_dict(),
            average=learner.average.state_dict(),
            optimizer=learner.optimizer.state_dict(),
            guard=learner.guard.state_dict(),
            mean=learner.normalization.mean,
            std=learner.normalization.std,
        )
        save_state(state, self.output / STATE)

    def finish(self) -> Path:
        """Write the averaged weights as a checkpoint with its provenance."""
        path = self.output / f"{self.name}.safetensors"
        if self.processes.first:
            learner = self.learner
            record = provenance(
                self.name, self.recipe, self.source, self.origin, learner.step, self.seconds,
                self.processes.device.type, self.processes.count,
            )  # fmt: skip
            average = copy.deepcopy(learner.average).cpu()
            terms = terms_of(self.shards, self.origin)
            save_checkpoint(
                Checkpoint(
                    self.name, average, learner.normalization, learner.schedule, terms, record
                ),
                path,
            )
            self._say(f"checkpoint: {path}")
        if self.log is not None:
            self.log.close()
        self.processes.wait()
        return path

    def _start(self) -> Start:
        recipe, processes, options = self.recipe, self.processes, self.options
        if options.resume:
            return resumed(self.output / STATE, self.settings, recipe, processes, options)
        if options.init is not None:
            return from_checkpoint(options.init, recipe, processes, options)
        return fresh(recipe, self.source, processes, options)

    def _held_out(self, data: Path) -> HeldOut | None:
        wanted = self.options.held_out_every and self.processes.first
        if not wanted or all(entry.split != "validation" for entry in read_manifest(data)):
            return None
        return HeldOut.draw(read_shards(data, "validation"))

    def _report(self, last: bool) -> None:
        step, options = self.learner.step, self.options
        if step % options.report_every == 0 or last:
            together = self.processes.sum if self.processes.count > 1 else None
            report = self.learner.monitor.report(step, together)
            if self.log is not None:
                self._say(self.log.report(report, self.seconds))
        if self.held_out is None or self.log is None:
            return
        if step % options.held_out_every == 0 or last:
            average, normalization = self.learner.average, self.learner.normalization
            errors = self.held_out.measure(average, normalization, self.learner.schedule)
            self._say(self.log.held_out(step, errors))
            if self.strips is not None:
                self.log.image("strips", self.strips(average, normalization), step)

    def _say(self, text: str) -> None:
        if self.processes.first:
            _log.info(text)


def _adapted(recipe: Recipe, options: RunOptions) -> Recipe:
    return dataclasses.replace(
        recipe,
        steps=options.steps or recipe.steps,
        accumulation=options.accumulate or recipe.accumulation,
    )


def _training_shards(data: Path, without: Sequence[str]) -> list[Shard]:
    shards = read_shards(data, "train", without=without)
    for shard in shards:
        values = (shard.poses, shard.trans, shard.contacts, shard.keypoints)
        if not all(np.isfinite(array).all() for array in values):
            raise InputError(
                f"{data / shard.entry.file}: holds NaN or infinite values; prepare it again"
            )
    return shards
