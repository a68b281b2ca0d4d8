"""``python -m lab evaluate completion``: gaps in held-out motion, filled in several ways."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import click

from vimoflow.cli.paths import DataFolder, OutputFolder, require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.conventions import DEFAULT_CHECKPOINT
from vimoflow.editing.completion_options import CompletionOptions, DenoisingOptions, Method
from vimoflow.errors import ConfigError
from vimoflow.options import Option


def completion(
    *,
    data: DataFolder,
    output: OutputFolder,
    gaps: Annotated[tuple[int, ...], Option(metavar="LIST")] = (15, 30, 60),
    limit: Annotated[int, Option(metavar="N", low=1, high=1e9)] = 4,
    seed: Annotated[int, Option(metavar="N", low=0, high=2**63 - 1)] = 0,
    checkpoint: Annotated[str, Option(metavar="NAME|PATH")] = DEFAULT_CHECKPOINT,
    steps: Annotated[int, Option(metavar="N", low=1, high=1000)] = 20,
    priors: Annotated[tuple[float, ...], Option(metavar="LIST")] = (0.5,),
    methods: Annotated[tuple[Method, ...], Option(metavar="LIST")] = (
        "one-pass", "timesteps", "repaint",
    ),
    nearest: bool = True,
) -> None:  # fmt: skip
    """Fill gaps in validation motion and compare with the truth; the table is printed, too.

    Args:
        data: folder of shards made by `vimoflow data prepare`.
        output: writes completion.md and completion.json there.
        gaps: lengths, in frames at 30 fps.
        limit: recordings of each corpus at most.
        seed: of the clips and of the noise.
        checkpoint: a checkpoint that ships, or a file.
        steps: denoising steps.
        priors: weights of the interpolation to try.
        methods: ways to denoise.
        nearest: also the nearest training clip.
    """
    require_input(data)
    require_output_folder(output)
    if min(gaps) < 4:
        raise ConfigError("--gaps: a gap is 4 frames or more, for a third derivative inside")
    from lab.studies import gap_scores as c
    from lab.studies.gap_filling import NearestClip, interpolated
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.editing import inbetween as fill
    from vimoflow.files import write_text

    model = load_checkpoint(checkpoint)
    held_out, training = read_shards(data, "validation"), read_shards(data, "train")

    def model_filler(method: Method, prior: float) -> c.Filler:
        denoising = DenoisingOptions(method=method, steps=steps, seed=seed, prior=prior)
        options = CompletionOptions(denoising)
        return lambda motion, a, b: fill(model, motion, a, b, options=options).motion

    scores = []
    for gap in gaps:
        clips = c.gap_clips(held_out, gap, limit, seed)
        scale = c.position_scale(training, gap, seed)
        fillers: dict[str, c.Filler] = {
            "truth": lambda motion, a, b: motion, "interpolation": interpolated,
        }  # fmt: skip
        if nearest:
            fillers["nearest clip"] = NearestClip(training, gap)
        for method in methods:
            for prior in priors if method != "one-pass" else priors[:1]:
                name = method if method == "one-pass" else f"{method}, prior {prior:g}"
                fillers[name] = model_filler(method, prior)
        for name, filler in fillers.items():
            with progress(f"{gap} frames, {name}") as show:
                scores.append(c.score_filler(name, filler, clips, scale, show))
    table = c.markdown_table(scores)
    click.echo(table)
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "completion.md", table)
    document = {
        "checkpoint": model.name, "seed": seed, "limit": limit, "steps": steps,
        "scores": [dataclasses.asdict(s) for s in scores],
    }  # fmt: skip
    write_text(output / "completion.json", json.dumps(document, indent=1) + "\n")
