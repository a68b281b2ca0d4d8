"""A training run: shards in, checkpoint out, resumable at any step."""

from __future__ import annotations

import copy
import dataclasses
import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from vimoflow.data.shards import Shard, read_manifest, read_shards
from vimoflow.diffusion.checkpoint import Checkpoint, Normalization, save_checkpoint
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.errors import InputError, OutputError
from vimoflow.training.held_out import HeldOut
from vimoflow.training.learner import Learner
from vimoflow.training.material import Material, ShardMaterial
from vimoflow.training.precision import resolved
from vimoflow.training.processes import Processes
from vimoflow.training.provenance import provenance, terms_of
from vimoflow.training.recipe_files import recipe_fields
from vimoflow.training.recipes import Recipe, find_recipe, recipe_name
from vimoflow.training.run_log import RunLog
from vimoflow.training.run_options import RunOptions
from vimoflow.training.starting import Taken, fresh, from_checkpoint, grown, new_model, restore
from vimoflow.training.state import (
    STATE,
    TrainingState,
    load_state,
    require_same_settings,
    save_state,
)
from vimoflow.training.step_batches import Share, StepBatches, make_loader
from vimoflow.training.stopping import stopping

_log = logging.getLogger(__name__)


def train(
    recipe: str | Path | Recipe,
    data: Path,
    output: Path,
    options: RunOptions | None = None,
    name: str | None = None,
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
    shards = _training_shards(data, options)
    material = ShardMaterial(shards, found.batches, options.shares)
    held_out = None
    if options.held_out_every and any(e.split == "validation" for e in read_manifest(data)):
        held_out = HeldOut.draw(read_shards(data, "validation"))
    return learn(name, found, material, output, options, held_out=held_out)


def learn(
    name: str,
    recipe: Recipe,
    material: Material,
    output: Path,
    options: RunOptions,
    taken: Taken = grown,
    held_out: HeldOut | None = None,
) -> Path:
    """Train on any material; returns the checkpoint's path.

    SIGTERM and SIGINT end the run after the step at hand, with its state saved.

    Args:
        name: of the checkpoint.
        recipe: what to train.
        material: what to learn from.
        output, options: as for :func:`train`.
        taken: what is taken from the checkpoint that ``options.init`` names.
        held_out: examples to measure errors on.

    Raises:
        ConfigError, CheckpointError, OutputError: as :func:`train`.
    """
    recipe = dataclasses.replace(
        recipe,
        steps=options.steps or recipe.steps,
        accumulation=options.accumulate or recipe.accumulation,
    )
    run = _Run(name, recipe, material, output, options, taken, held_out)
    run.loop()
    return run.finish()


class _Run:
    """One training run and its folder."""

    def __init__(
        self, name: str, recipe: Recipe, material: Material, output: Path, options: RunOptions,
        taken: Taken, held_out: HeldOut | None,
    ) -> None:  # fmt: skip
        self.name, self.recipe, self.output, self.options = name, recipe, output, options
        self.material, self.held_out = material, held_out
        self.processes = Processes()
        self.share = Share(
            self.processes.rank, self.processes.count, recipe.accumulation, options.part_frames
        )
        self.share.require_enough(recipe)
        self.precision = resolved(options.precision, self.processes)
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{output}: cannot be made ({error.strerror})") from error
        self.seconds = 0.0
        self.origin: dict[str, Any] | None = None
        self.learner = self._resumed() if options.resume else self._started(taken)
        self.log: RunLog | None = None
        if self.processes.first:
            self.log = RunLog(output, recipe.steps, self.learner.step, options.tensorboard)
            self._say(f"products in {self.precision}")

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same for a run to go on. It may become longer."""
        fields = {k: v for k, v in recipe_fields(self.recipe).items() if k != "steps"}
        options = {"precision": self.precision, "part_frames": self.options.part_frames}
        return {**fields, **options, **self.material.settings}

    def loop(self) -> None:
        """Train until the recipe's last step or the deadline."""
        limit = self.options.minutes
        deadline = math.inf if limit is None else time.monotonic() + 60 * limit
        workers = self.options.workers
        batches = make_loader(
            StepBatches(self.material, self.recipe, self.learner.step, self.share),
            self.processes.suitable_workers if workers is None else workers,
            pin=self.processes.device.type == "cuda",
        )
        saved = time.monotonic()
        started = saved - self.seconds
        with stopping() as stopped:
            for micro_batches in batches:
                if self.learner.learn(micro_batches):
                    self._say(f"step {self.learner.step}: diverging, so PTSS and rate reset")
                self.seconds = time.monotonic() - started
                last = self.learner.step == self.recipe.steps
                over = stopped() or time.monotonic() > deadline
                last = last or self.processes.any(over)
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
                self.name, self.recipe, self.material, self.origin, learner.step, self.seconds,
                self.processes.device.type, self.processes.count,
            )  # fmt: skip
            average = copy.deepcopy(learner.average).cpu()
            terms = terms_of(self.material.entries, self.origin)
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

    def _started(self, taken: Taken) -> Learner:
        if self.options.init is None:
            start = fresh(self.recipe, self.material, self.processes)
        else:
            start = from_checkpoint(self.options.init, self.recipe, taken)
        self.origin = start.origin
        return self._learner(start.model, start.normalization)

    def _resumed(self) -> Learner:
        path = self.output / STATE
        state = load_state(path, self.processes.device)
        if self.options.precision == "auto":
            self.precision = state.settings.get("precision", self.precision)
        require_same_settings(path, state.settings, self.settings)
        normalization = Normalization(state.mean.cpu(), state.std.cpu())
        learner = self._learner(new_model(self.recipe), normalization)
        restore(learner, state, path)
        self.seconds, self.origin = state.seconds, state.origin
        return learner

    def _learner(self, model: Denoiser, normalization: Normalization) -> Learner:
        return Learner(
            model, self.recipe, normalization, self.processes, self.precision, self.options.compile
        )

    def _report(self, last: bool) -> None:
        step, options = self.learner.step, self.options
        if step % options.report_every == 0 or step == 1 or last:
            together = self.processes.sum if self.processes.count > 1 else None
            report = self.learner.monitor.report(step, together)
            if self.log is not None:
                self._say(self.log.report(report, self.seconds))
        if self.held_out is None or self.log is None:
            return
        if step % options.held_out_every == 0 or last:
            learner = self.learner
            errors = self.held_out.measure(
                learner.average, learner.normalization, learner.schedule, self.precision
            )
            self._say(self.log.held_out(step, errors))

    def _say(self, text: str) -> None:
        if self.processes.first:
            _log.info(text)


def _training_shards(data: Path, options: RunOptions) -> list[Shard]:
    shards = read_shards(data, "train", options.without, options.commercial)
    for shard in shards:
        values = (shard.poses, shard.trans, shard.contacts, shard.keypoints)
        if not all(np.isfinite(array).all() for array in values):
            raise InputError(
                f"{data / shard.entry.file}: holds NaN or infinite values; prepare it again"
            )
    return shards
