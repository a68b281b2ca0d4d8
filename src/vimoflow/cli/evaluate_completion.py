"""``vimoflow evaluate-completion``: gaps in held-out motion, filled in several ways."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from vimoflow.cli.paths import require_input, require_output_folder
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError


def evaluate_completion(
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of shards made by `vimoflow data prepare`.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Writes completion.md and .json.")
    ],
    gaps: Annotated[str, typer.Option(metavar="LIST", help="Frames at 30 fps.")] = "15,30,60",
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="Recordings of each corpus at most.")
    ] = 4,
    seed: Annotated[int, typer.Option(help="Of the clips and of the noise.")] = 0,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A checkpoint that ships, or a file.")
    ] = "small",
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Denoising steps.")] = 20,
    priors: Annotated[
        str, typer.Option(metavar="LIST", help="Weights of the interpolation to try.")
    ] = "0.5",
    methods: Annotated[
        str, typer.Option(metavar="LIST", help="Ways to denoise.")
    ] = "one-pass,timesteps,repaint",
    nearest: Annotated[bool, typer.Option(help="Also the nearest training clip.")] = True,
) -> None:
    """Fill gaps in validation motion and compare with the truth; the table is printed, too."""
    require_input(data)
    require_output_folder(output)
    try:
        lengths = [int(part) for part in gaps.split(",")]
        weights = [float(part) for part in priors.split(",")]
    except ValueError:
        raise ConfigError("--gaps and --priors are lists of numbers, such as 15,30,60") from None
    if min(lengths) < 4:
        raise ConfigError("--gaps: a gap is 4 frames or more, for a third derivative inside")
    from vimoflow.data.shards import read_shards
    from vimoflow.diffusion.checkpoint import load_checkpoint
    from vimoflow.editing import CompletionOptions, DenoisingOptions
    from vimoflow.editing import inbetween as fill
    from vimoflow.evaluation.studies import completion as c
    from vimoflow.evaluation.studies.gap_filling import NearestClip, interpolated
    from vimoflow.files import write_text

    model = load_checkpoint(checkpoint)
    held_out, training = read_shards(data, "validation"), read_shards(data, "train")

    def model_filler(method: str, prior: float) -> c.Filler:
        denoising = DenoisingOptions(method=method, steps=steps, seed=seed, prior=prior)
        options = CompletionOptions(denoising)
        return lambda motion, a, b: fill(model, motion, a, b, options=options).motion

    scores = []
    for gap in lengths:
        clips = c.gap_clips(held_out, gap, limit, seed)
        scale = c.position_scale(training, gap, seed)
        fillers: dict[str, c.Filler] = {
            "truth": lambda motion, a, b: motion, "interpolation": interpolated,
        }  # fmt: skip
        if nearest:
            fillers["nearest clip"] = NearestClip(training, gap)
        for method in methods.split(","):
            for prior in weights if method != "one-pass" else weights[:1]:
                name = method if method == "one-pass" else f"{method}, prior {prior:g}"
                fillers[name] = model_filler(method, prior)
        for name, filler in fillers.items():
            with progress(f"{gap} frames, {name}") as show:
                scores.append(c.score_filler(name, filler, clips, scale, show))
    table = c.markdown_table(scores)
    typer.echo(table)
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "completion.md", table)
    document = {
        "checkpoint": model.name, "seed": seed, "limit": limit, "steps": steps,
        "scores": [dataclasses.asdict(s) for s in scores],
    }  # fmt: skip
    write_text(output / "completion.json", json.dumps(document, indent=1) + "\n")
