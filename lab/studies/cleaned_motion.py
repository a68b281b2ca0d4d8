"""What clean-up in simulation makes of captured motion: success, help, slide, penetration, time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lab.rendered.benchmark import rendered_cases
from lab.rendered.clips import RenderedClip
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.shards import Shard
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.evaluation.benchmark.prediction import predict
from vimoflow.evaluation.benchmark.scores import Posed
from vimoflow.evaluation.metrics.paired import pa_joint_errors
from vimoflow.inference.sampling import SamplingOptions
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import COCO_LIMBS, load_skeleton
from vimoflow.notes import collected_notes
from vimoflow.physics.clean_up import CleanUp, clean_up
from vimoflow.physics.humanoid import make_humanoid
from vimoflow.physics.plausibility import physics_report
from vimoflow.physics.scene_fitting import fit_scene
from vimoflow.physics.simulator import mujoco

FRAMES = 90
KINDS = {
    "everyday": ("bandai-namco", "cmu-more", "idle"),
    "dance": ("tang2018", "cmu-dance", "aistpp"),
    "hard": ("hdm05", "karate", "lafan1"),
}
COLUMNS = ("slide_mm_s", "penetration_mm", "float_mm", "residual_force_percent")


@dataclass(frozen=True)
class Cleaned:
    """One clip.

    Attributes:
        kind, name: of the clip.
        seconds: its length.
        found: what came out.
        distance_mm: mean over the joints to the input.
        before, after: the report's summaries.
        pa_mm: PA-MPJPE to the truth before and after, where the motion is from a video.
    """

    kind: str
    name: str
    seconds: float
    found: CleanUp
    distance_mm: float
    before: dict[str, float]
    after: dict[str, float]
    pa_mm: tuple[float, float] | None = None


def clips(shards: Sequence[Shard], limit: int) -> Iterator[tuple[str, str, Motion]]:
    """Of each kind so many, evenly chosen from its corpora: the middle three seconds."""
    by_name = {shard.entry.corpus: shard for shard in shards}
    for kind, corpora in KINDS.items():
        present = [by_name[name] for name in corpora if name in by_name]
        for share, shard in zip(_shares(limit, len(present)), present, strict=True):
            for at in range(share):
                row = round((at + 0.5) * len(shard.names) / share - 0.5)
                first, end = int(shard.starts[row]), int(shard.starts[row + 1])
                first += max(end - first - FRAMES, 0) * (at + 1) // (share + 1)
                span = slice(first, min(first + FRAMES, end))
                poses = shard.poses[span].reshape(-1, 24, 3)
                yield kind, shard.names[row], Motion(
                    poses, shard.trans[span], float(MODEL_FPS), shard.contacts[span]
                )  # fmt: skip


def clean_up_study(
    shards: Sequence[Shard], limit: int, fitted: bool, show: Callable[[int, int | None], None]
) -> list[Cleaned]:
    """Every clip cleaned up, and what the report says before and after."""
    found = []
    chosen = list(clips(shards, limit))
    for done, (kind, name, motion) in enumerate(chosen, start=1):
        found.append(_cleaned(kind, name, motion, fitted))
        show(done, len(chosen))
    return found


def rendered_study(
    rendered: Sequence[RenderedClip], fitted: bool, show: Callable[[int, int | None], None]
) -> list[Cleaned]:
    """Motions from rendered videos cleaned up, also compared with the truth: three seconds each."""
    cases = rendered_cases(rendered, "video")
    motions = predict(load_checkpoint(), cases, SamplingOptions())
    found = []
    for done, (case, motion) in enumerate(zip(cases, motions, strict=True), start=1):
        part = slice(0, min(FRAMES, len(motion)))
        row = _cleaned("from video", case.name, _cut(motion, part), fitted)
        truth = torch.from_numpy(case.truth_coco[part]).double()[:, list(COCO_LIMBS)]
        pair = [_pa_mm(one, truth) for one in (_cut(motion, part), row.found.motion)]
        found.append(dataclasses.replace(row, pa_mm=(pair[0], pair[1])))
        show(done, len(cases))
    return found


def _cut(motion: Motion, part: slice) -> Motion:
    return Motion(motion.poses[part], motion.trans[part], motion.fps, motion.contacts[part])


def _pa_mm(motion: Motion, truth: torch.Tensor) -> float:
    posed = Posed.of(motion).coco[:, list(COCO_LIMBS)]
    return float(pa_joint_errors(posed, truth[: len(posed)]).mean())


def _cleaned(kind: str, name: str, motion: Motion, fitted: bool) -> Cleaned:
    scene = fit_scene(motion, make_humanoid(motion.skeleton)) if fitted else None
    with collected_notes():
        cleaned = clean_up(motion, scene=scene)
    off = cleaned.motion.joint_positions - motion.joint_positions[: len(cleaned.motion)]
    return Cleaned(
        kind, name, len(motion) / MODEL_FPS, cleaned,
        1000 * float(np.linalg.norm(off, axis=-1).mean()),
        physics_report(motion, scene=scene).summary(),
        physics_report(cleaned.motion, scene=scene).summary(),
    )  # fmt: skip


def clean_up_table(rows: Sequence[Cleaned], every: bool) -> str:
    """A line a kind, or a line a clip; numbers but for the success are of what succeeded."""
    lines = [
        "| motion | clips | succeed | assist % | mm to input | slide mm/s | penetration mm "
        "| float mm | residual force % | PA-MPJPE mm | s per s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups = {row.name: [row] for row in rows} if every else {
        kind: [row for row in rows if row.kind == kind]
        for kind in dict.fromkeys(row.kind for row in rows)
    }  # fmt: skip
    for name, group in groups.items():
        good = [row for row in group if row.found.succeeded]
        line = f"| {name} | {len(group)} | {len(good) / max(len(group), 1):.0%} "
        if good:
            assist = 100 * np.mean([np.mean(row.found.assist) for row in good])
            line += f"| {assist:.1f} | {np.mean([row.distance_mm for row in good]):.0f} "
            for column in COLUMNS:
                before, after = (
                    np.mean([summary[column] for summary in side])
                    for side in ([r.before for r in good], [r.after for r in good])
                )
                line += f"| {before:.1f} -> {after:.1f} "
            truths = [row.pa_mm for row in good if row.pa_mm is not None]
            line += "| {:.1f} -> {:.1f} ".format(*np.mean(truths, axis=0)) if truths else "| "
            line += f"| {np.mean([row.found.seconds / row.seconds for row in good]):.1f} "
        lines.append(line + "|")
    return "\n".join(lines)


def steps_per_second(steps: int = 4000) -> float:
    """Of the simulator, for a body that stands, on one core."""
    engine, model = mujoco(), make_humanoid(load_skeleton()).model
    data = engine.MjData(model)
    started = time.perf_counter()
    engine.mj_step(model, data, nstep=steps)
    return steps / (time.perf_counter() - started)


def _shares(total: int, among: int) -> list[int]:
    """As even a division as there is, the larger parts first."""
    return [total // among + (at < total % among) for at in range(among)] if among else []
