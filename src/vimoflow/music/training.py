"""``vimoflow music train``: dances with their music in, a checkpoint out, resumable at any step."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from vimoflow import __version__
from vimoflow.data.manifest import bars_commercial_use
from vimoflow.data.shards import ShardEntry, read_manifest
from vimoflow.diffusion.checkpoint import (
    Checkpoint,
    Normalization,
    load_checkpoint,
    save_checkpoint,
)
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.diffusion.schedule import NoiseSchedule
from vimoflow.errors import OutputError
from vimoflow.music.denoiser import MusicScale, denoiser_from_video, music_config
from vimoflow.music.learning import DanceLearner, StepReport
from vimoflow.music.options import TrainOptions
from vimoflow.music.pairs import Dance
from vimoflow.music.windows import WindowSettings, draw_windows
from vimoflow.training.recipe_files import recipe_fields
from vimoflow.training.recipes import Recipe
from vimoflow.training.schedules import TimestepShares
from vimoflow.training.state import (
    STATE,
    TrainingState,
    load_state,
    require_same_settings,
    save_state,
)

_MIN_STD = 0.1  # as for video: channels that hardly move must not have their noise blown up


def music_recipe(steps: int = 4000) -> Recipe:
    """How the dance model is trained.

    Nearly all windows have one timestep for all frames, as sampling has; some have known frames,
    for constraints.
    """
    shares = TimestepShares(block=0.12, late=0.2)
    return Recipe(
        model=music_config(), frames=(150,), shares=(1.0,), batch_frames=2400, steps=steps,
        learning_rate=1e-3, warmup_steps=100, independent_timesteps=0.05, timesteps=shares,
        timesteps_alone=shares, condition_drop=0.15,
    )  # fmt: skip


def train_music(
    dances: Sequence[Dance],
    output: Path,
    name: str = "music",
    entries: Sequence[ShardEntry] = (),
    options: TrainOptions | None = None,
    recipe: Recipe | None = None,
) -> Path:
    """Train a dance model; returns the checkpoint's path.

    SIGTERM and SIGINT end the run after the step at hand, with its state saved.

    Args:
        dances: with music, see :func:`vimoflow.music.pairs.read_dances`.
        output: folder for state and checkpoint.
        name: of the checkpoint.
        entries: the shards the dances are from, for the terms.
        options: how to carry it out.
        recipe: what to train; :func:`music_recipe` by default.

    Raises:
        CheckpointError: the state or the checkpoint to start from does not fit.
        OutputError: nothing can be written.
    """
    options = options or TrainOptions()
    recipe = recipe or music_recipe(options.steps)
    run = _Run(dances, output, name, entries, options, recipe)
    train_loop(run.learner, options, run.save, lambda text: print(text, flush=True))
    return run.save()


def train_loop(
    learner: DanceLearner,
    options: TrainOptions,
    save: Callable[[], object],
    say: Callable[[str], None],
) -> None:
    """Steps until the recipe's last, the time limit or a signal; saves now and then.

    Args:
        learner: what learns.
        options: when to stop and to save.
        save: keeps what there is.
        say: told the losses in lines.
    """
    started = saved = time.monotonic()
    limit = float("inf") if options.minutes is None else 60 * options.minutes
    recent: list[StepReport] = []
    with _stopping() as stopped:
        while learner.step < learner.recipe.steps and not stopped():
            recent.append(learner.learn())
            now = time.monotonic()
            if learner.step % options.report_every == 0:
                mean = sum(r.objective for r in recent) / len(recent)
                joints = 1000 * (sum(r.joints for r in recent) / len(recent)) ** 0.5
                say(
                    f"step {learner.step}/{learner.recipe.steps}: objective {mean:.3f}, joints "
                    f"{joints:.0f} mm, {now - started:.0f} s"
                )
                recent.clear()
            if now - saved > options.save_every_s:
                save()
                saved = time.monotonic()
            if now - started > limit:
                break


def measure_motion(dances: Sequence[Dance], seed: int = 0) -> Normalization:
    """Mean and standard deviation of each feature channel over windows as training sees them."""
    generator = torch.Generator().manual_seed(seed)
    batches = [draw_windows(dances, 64, 150, generator) for _ in range(5)]
    rows = torch.cat([batch.features[batch.valid] for batch in batches]).double()
    return Normalization(rows.mean(0).float(), rows.std(0).clamp(min=_MIN_STD).float())


def terms(entries: Sequence[ShardEntry], origin: Checkpoint | None = None) -> str:
    """The terms under which weights trained on these corpora may be used."""
    licences = {e.corpus: e.licence for e in entries}
    listed = "; ".join(f"{corpus}: {licence}" for corpus, licence in sorted(licences.items()))
    if origin is not None:
        return f"{origin.terms} Then trained on {listed}."
    barred = any(map(bars_commercial_use, licences.values()))
    use = "Non-commercial use only." if barred else "No corpus bars commercial use by its licence."
    return f"{use} Trained on {listed or 'motions of the user'}."


def entries_of(data: Path, dances: Sequence[Dance]) -> list[ShardEntry]:
    """The shards that hold any of these dances' corpora: those whose terms bind."""
    from vimoflow.data.shards import read_shard

    names = {dance.name for dance in dances}
    found = []
    for entry in read_manifest(data):
        if names & set(read_shard(data, entry, verify=False).names):
            found.append(entry)
    return found


class _Run:
    """One training run and its folder."""

    def __init__(
        self, dances: Sequence[Dance], output: Path, name: str, entries: Sequence[ShardEntry],
        options: TrainOptions, recipe: Recipe,
    ) -> None:  # fmt: skip
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{output}: cannot be made ({error.strerror})") from error
        self.output, self.name, self.entries, self.recipe = output, name, entries, recipe
        self.dances = dances
        self.video = None if options.init is None else load_checkpoint(options.init)
        torch.manual_seed(recipe.seed)
        if self.video is None:
            denoiser, normalization = Denoiser(recipe.model), measure_motion(dances)
        else:
            denoiser = denoiser_from_video(self.video, recipe.model)
            given = self.video.normalization
            # Copies: loaded tensors are maps of a file, which may change while training runs.
            normalization = Normalization(given.mean.clone(), given.std.clone())
        scale = MusicScale.fit(dances)
        self.windows = WindowSettings(rematch=options.rematch)
        self.learner = DanceLearner(denoiser, dances, normalization, scale, recipe, self.windows)
        self.seconds, self.started = 0.0, time.monotonic()
        if options.resume and (output / STATE).is_file():
            self._resume()
        denoiser.train()

    def save(self) -> Path:
        """The state to go on from, and the averaged weights as a checkpoint."""
        learner = self.learner
        seconds = self.seconds + time.monotonic() - self.started
        save_state(
            TrainingState(
                step=learner.step, seconds=seconds, settings=self._settings(), origin=None,
                model=learner.model.state_dict(), average=learner.average.state_dict(),
                optimizer=learner.optimizer.state_dict(), guard={},
                mean=learner.normalization.mean, std=learner.normalization.std,
            ),
            self.output / STATE,
        )  # fmt: skip
        path = self.output / f"{self.name}.safetensors"
        denoiser = learner.average
        assert isinstance(denoiser, Denoiser)
        save_checkpoint(
            Checkpoint(
                self.name, denoiser, learner.normalization, NoiseSchedule(),
                terms(self.entries, self.video), self._record(seconds),
            ),
            path,
        )  # fmt: skip
        return path

    def _resume(self) -> None:
        state = load_state(self.output / STATE, torch.device("cpu"))
        require_same_settings(self.output / STATE, state.settings, self._settings())
        self.learner.model.load_state_dict(state.model)
        self.learner.average.load_state_dict(state.average)
        self.learner.optimizer.load_state_dict(state.optimizer)
        self.learner.normalization = Normalization(state.mean, state.std)
        self.learner.step, self.seconds = state.step, state.seconds

    def _settings(self) -> dict[str, Any]:
        """What must be the same for a run to go on. It may become longer."""
        fields = {k: v for k, v in recipe_fields(self.recipe).items() if k != "steps"}
        names = sorted(dance.name for dance in self.dances)
        return {**fields, "dances": names, "rematch": self.windows.rematch}

    def _record(self, seconds: float) -> dict[str, Any]:
        fields = recipe_fields(self.recipe)
        return {
            "recipe": "music",
            "settings": {k: v for k, v in fields.items() if k != "batches"},
            "rematch": self.windows.rematch,
            "started_from": None if self.video is None else self.video.name,
            "steps": self.learner.step,
            "hours": round(seconds / 3600, 3),
            "vimoflow": __version__,
            "torch": torch.__version__,
            "dances": sorted(dance.name for dance in self.dances),
            "music": dataclasses.asdict(self.learner.scale),
        }


@contextlib.contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or SIGINT came; a second one ends at once."""
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)
        signal.signal(number, signal.SIG_DFL)

    before: dict[int, Any] = {}
    with contextlib.suppress(ValueError):  # only the main thread may
        before = {n: signal.signal(n, note) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
