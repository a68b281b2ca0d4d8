"""A style from a few motions: an adapter trained beside the frozen backbone, or fine-tuning."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from vimoflow import __version__
from vimoflow.diffusion.denoiser import Denoiser
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.music_beats import music_of
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.geometry.rotations import matrix_to_axis_angle, slerp_resample
from vimoflow.geometry.signals import linear_resample
from vimoflow.motion.clip import Motion
from vimoflow.music.adapters import Adapter, Branch, beside, new_adapter
from vimoflow.music.audio_features import FPS, music_features
from vimoflow.music.dance_options import StyleOptions
from vimoflow.music.dance_windows import WindowSettings
from vimoflow.music.music_model import MusicModel
from vimoflow.music.pairs import Dance, dance_of
from vimoflow.music.training import DanceMaterial, music_recipe
from vimoflow.training.learner import Learner
from vimoflow.training.processes import Processes
from vimoflow.training.recipes import Recipe
from vimoflow.training.run_log import report_line
from vimoflow.training.step_batches import Share, StepBatches

LEAST_FRAMES = 30  # a second at 30 fps


def train_style(
    model: MusicModel,
    dances: Sequence[Dance],
    name: str,
    terms: str,
    options: StyleOptions | None = None,
    say: Callable[[str], None] | None = None,
) -> Adapter:
    """An adapter for these dances; the backbone is not changed.

    Args:
        model: the backbone, without adapters.
        dances: from about five clips on; those without music teach how to move, not when.
        name: of the style.
        terms: under which the motions may be used.
        options: how to learn it.
        say: told the losses in lines.

    Raises:
        InputError: there are no dances.
    """
    options = options or StyleOptions()
    torch.manual_seed(options.seed)
    adapter = new_adapter(model, name)
    network = beside(model.checkpoint.denoiser, [(adapter, 1.0)])
    branches = _branches(taught(model, network, dances, options, 1.0, say))
    return dataclasses.replace(
        adapter,
        branches=branches,
        terms=f"Style {name!r}: {terms}",
        provenance={
            "settings": dataclasses.asdict(options),
            "clips": [{"name": d.name, "seconds": round(len(d) / FPS, 2),
                       "music": d.music is not None} for d in dances],
            "vimoflow": __version__,
            "torch": torch.__version__,
        },
    )  # fmt: skip


def read_motions(folder: Path) -> list[Dance]:
    """The motions (npz of ``vimoflow generate``) in a folder and its folders, as dances.

    A sound file of the same name beside one is its music.

    Raises:
        InputError: there are none, or one cannot be read or is shorter than a second.
    """
    paths = sorted(folder.rglob("*.npz"))
    if not paths:
        raise InputError(f"{folder}: holds no motions (.npz); make some with `vimoflow generate`")
    dances = []
    for path in paths:
        sound = music_of(path.parent, path.stem)
        music = None if sound is None else music_features(sound)
        dances.append(style_dance(load_motion_npz(path), str(path.relative_to(folder)), music))
    return dances


def style_dance(
    motion: Motion, name: str, music: Float[np.ndarray, "frames c"] | None = None
) -> Dance:
    """A motion of any rate and size as a dance of the model's rate and skeleton.

    Raises:
        InputError: it lasts less than a second.
    """
    dance = dance_of(_canonical(motion), name, music)
    if len(dance) < LEAST_FRAMES:
        raise InputError(f"{name}: {len(dance) / FPS:.1f} s are too short to learn from")
    return dance


def _canonical(motion: Motion) -> Motion:
    """At 30 fps on the canonical skeleton."""
    motion = motion.scaled(1 / motion.skeleton.scale)
    times = torch.from_numpy(motion.timestamps - motion.timestamps[0])
    new = torch.arange(int(float(times[-1]) * FPS + 1e-6) + 1, dtype=times.dtype) / FPS
    R = slerp_resample(torch.from_numpy(motion.local_rotations), times, new)
    root = linear_resample(torch.from_numpy(motion.trans).double(), times, new)
    contacts = linear_resample(torch.from_numpy(motion.contacts).double(), times, new)
    poses = matrix_to_axis_angle(R).float().numpy()
    return Motion(poses, root.float().numpy(), FPS, contacts.float().numpy())


def taught(
    model: MusicModel, network: Denoiser, dances: Sequence[Dance], options: StyleOptions,
    rate: float, say: Callable[[str], None] | None,
) -> Denoiser:  # fmt: skip
    """The averaged network after all steps."""
    if not dances:
        raise InputError("a style needs a clip at least; five or more are better")
    recipe = dataclasses.replace(
        _recipe(options), learning_rate=rate * options.learning_rate,
        model=model.checkpoint.denoiser.config,
    )  # fmt: skip
    # The backbone stays in evaluation mode, and on the CPU: it is the other model's, too.
    for module in network.modules():
        if isinstance(module, Branch):
            module.train()
    normalization = model.checkpoint.normalization
    learner = Learner(network, recipe, normalization, Processes(cpu=True), compile=False)
    material = DanceMaterial(dances, model.scale, WindowSettings(rematch=options.rematch))
    started = time.monotonic()
    for micro_batches in StepBatches(material, recipe, 0, Share()):
        learner.learn(micro_batches)
        if say is not None and learner.step % options.report_every == 0:
            report = learner.monitor.report(learner.step)
            say(report_line(report, recipe.steps, time.monotonic() - started))
    return learner.average


def _recipe(options: StyleOptions) -> Recipe:
    return dataclasses.replace(
        music_recipe(options.steps), frames=(options.window,), shares=(1.0,),
        batch_frames=options.batch_frames, warmup_steps=min(30, options.steps), ema=0.98,
        weight_decay=0.0, seed=options.seed,
    )  # fmt: skip


def _branches(network: torch.nn.Module) -> tuple[Branch, ...]:
    found = tuple(m for m in network.modules() if isinstance(m, Branch))
    for branch in found:
        branch.eval().requires_grad_(False)
    return found
