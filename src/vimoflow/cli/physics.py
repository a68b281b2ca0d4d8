"""``vimoflow physics``: a body for simulators, and what physics says of a motion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import click
import numpy as np

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import (
    OutputFile,
    OutputFolder,
    require_input,
    require_output_file,
    require_output_folder,
)
from vimoflow.cli.progress import progress
from vimoflow.options import Option
from vimoflow.pipeline.generate_options import Formats

PHYSICS = CommandGroup(
    "physics",
    "Motion and the laws of physics, by MuJoCo (experimental).",
    {
        "Commands": {
            "report": "vimoflow.cli.physics:report",
            "clean": "vimoflow.cli.physics:clean",
            "model": "vimoflow.cli.physics:model",
            "train": "vimoflow.cli.physics_policy:train",
            "run": "vimoflow.cli.physics_policy:run",
        }
    },
    examples="""
    vimoflow physics report result/motion.npz -o report.json
    vimoflow physics clean result/motion.npz -o cleaned
    vimoflow physics model -o humanoid.xml
    vimoflow physics train cleaned/motion.npz -o policy --minutes 30
    vimoflow physics run policy -o performed --friction 0.6
    """,
)

Mass = Annotated[float | None, Option(metavar="KG")]


def report(
    motion: Annotated[Path, Option(metavar="MOTION")],
    *,
    output: Annotated[Path | None, Option(("-o", "--output"), metavar="FILE")] = None,
    mass: Mass = None,
) -> None:
    """Say how far a motion obeys the laws of physics: forces out of nowhere, floating, sliding.

    Args:
        motion: .npz (ours or AMASS) or .bvh of a person.
        output: a .json file for every frame's numbers.
        mass: of the person, kg; without it, that of a usual build of the height.
    """
    from vimoflow.data.motion_files import load_motion
    from vimoflow.files import output_errors, write_text
    from vimoflow.physics.plausibility import physics_report

    require_input(motion)
    if output is not None:
        require_output_file(output)
    found = physics_report(load_motion(motion), mass)
    for name, value in found.summary().items():
        click.echo(f"{name.replace('_', ' '):26} {value:8.2f}")
    for name, share in found.over_strength_by_joint.items():
        click.echo(f"  {name}: stronger than a person in {share:.0%} of the frames")
    if output is not None:
        with output_errors(output):
            write_text(output, json.dumps(found.document(), indent=1) + "\n")


def clean(
    motion: Annotated[Path, Option(metavar="MOTION")],
    *,
    output: OutputFolder,
    formats: Formats = ("npz", "bvh", "glb", "html"),
    mass: Mass = None,
) -> None:
    """Track a motion in simulation on a flat floor, so that nothing sinks, floats or slides.

    What help it still needed is told by second; where the body falls, the motion is left as it was.

    Args:
        motion: .npz (ours or AMASS) or .bvh of a person.
        output: folder the results go to.
        mass: of the person, kg; without it, that of a usual build of the height.
        formats: which files to write, separated by commas.
    """
    from vimoflow.data.motion_files import load_motion
    from vimoflow.physics.clean_up import clean_up
    from vimoflow.physics.plausibility import physics_report
    from vimoflow.pipeline.folders import all_or_nothing

    require_input(motion)
    require_output_folder(output)
    given = load_motion(motion)
    with progress("simulating") as show:
        found = clean_up(given, mass, show)
    record = found.document() | {
        "before": physics_report(given, mass).summary(),
        "after": physics_report(found.motion, mass).summary(),
    }
    with all_or_nothing(output) as partial:
        for name in formats:
            found.motion.save(partial / f"motion.{name}")
        (partial / "physics.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    share = f"assist {np.mean(found.assist):.1%} of body weight" if found.succeeded else "it fell"
    click.echo(f"{'cleaned' if found.succeeded else 'left as it was'}: {share}; {output}")


def model(
    motion: Annotated[Path | None, Option(metavar="MOTION")] = None,
    *,
    output: OutputFile,
    height: Annotated[float | None, Option(metavar="M")] = None,
    mass: Mass = None,
) -> None:
    """Write a person's body as MJCF, for MuJoCo and everything that reads it.

    Args:
        motion: whose proportions it has; without one, the mean skeleton's.
        output: the .xml file to write.
        height: standing height, metres; without it, the skeleton's own.
        mass: in kg; without it, that of a usual build of this height.
    """
    from vimoflow.data.motion_files import load_motion
    from vimoflow.files import output_errors, write_text
    from vimoflow.motion.skeleton import load_skeleton
    from vimoflow.physics.humanoid import make_humanoid

    require_output_file(output)
    if motion is not None:
        require_input(motion)
    skeleton = load_skeleton() if motion is None else load_motion(motion).skeleton
    if height is not None:
        skeleton = skeleton.scaled(height / skeleton.stature)
    humanoid = make_humanoid(skeleton, mass)
    with output_errors(output):
        write_text(output, humanoid.xml)
    click.echo(f"a body of {skeleton.stature:.2f} m and {humanoid.mass_kg:.1f} kg: {output}")
