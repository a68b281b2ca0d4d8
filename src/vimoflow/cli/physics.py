"""``vimoflow physics``: a body for simulators, and what physics says of a motion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import click
import numpy as np

from vimoflow.cli.commands import CommandGroup
from vimoflow.cli.paths import (
    OutputFile,
    OutputFolder,
    require_apart,
    require_input,
    require_output_file,
    require_output_folder,
)
from vimoflow.cli.progress import progress
from vimoflow.errors import ConfigError
from vimoflow.options import Option
from vimoflow.pipeline.generate_options import Formats

if TYPE_CHECKING:
    from vimoflow.motion.clip import Motion
    from vimoflow.physics.scene import Scene

PHYSICS = CommandGroup(
    "physics",
    "Motion and the laws of physics, by MuJoCo (experimental).",
    {
        "Commands": {
            "report": "vimoflow.cli.physics:report",
            "clean": "vimoflow.cli.physics:clean",
            "model": "vimoflow.cli.physics:model",
            "export": "vimoflow.cli.physics:export",
            "train": "vimoflow.cli.physics_policy:train",
            "run": "vimoflow.cli.physics_policy:run",
        }
    },
    examples="""
    vimoflow physics report result/motion.npz -o report.json
    vimoflow physics clean result/motion.npz -o cleaned
    vimoflow physics model -o humanoid.xml
    vimoflow physics export cleaned/motion.npz -o walk.npz --to mujoco
    vimoflow physics train cleaned/motion.npz -o policy --minutes 30
    vimoflow physics run policy -o performed --friction 0.6
    """,
)

Mass = Annotated[float | None, Option(metavar="KG")]
SceneName = Annotated[str | None, Option(("--scene",), metavar="FILE|fit")]


def report(
    motion: Annotated[Path, Option(metavar="MOTION")],
    *,
    output: Annotated[Path | None, Option(("-o", "--output"), metavar="FILE")] = None,
    mass: Mass = None,
    scene: SceneName = None,
) -> None:
    """Say how far a motion obeys the laws of physics: forces out of nowhere, floating, sliding.

    Args:
        motion: .npz (ours or AMASS) or .bvh of a person.
        output: a .json file for every frame's numbers.
        mass: of the person, kg; without it, that of a usual build of the height.
        scene: what stands on the floor: .json, .xml (MJCF) or .glb; fit puts slabs under what rests
            in the air.
    """
    from vimoflow.data.motion_files import load_motion
    from vimoflow.files import output_errors, write_text
    from vimoflow.physics.plausibility import physics_report

    require_input(motion)
    if output is not None:
        require_output_file(output)
    given = load_motion(motion)
    found = physics_report(given, mass, _scene(scene, given))
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
    scene: SceneName = None,
) -> None:
    """Track a motion in simulation, so that nothing sinks, floats or slides.

    What help it still needed is told by second; where the body falls, the motion is left as it was.

    Args:
        motion: .npz (ours or AMASS) or .bvh of a person.
        output: folder the results go to.
        mass: of the person, kg; without it, that of a usual build of the height.
        formats: which files to write, separated by commas.
        scene: what stands on the floor: .json, .xml (MJCF) or .glb; fit puts slabs under what rests
            in the air.
    """
    from vimoflow.data.motion_files import load_motion
    from vimoflow.physics.clean_up import clean_up
    from vimoflow.physics.plausibility import physics_report
    from vimoflow.pipeline.folders import all_or_nothing

    require_input(motion)
    require_output_folder(output)
    require_apart([motion], [output / f"motion.{ending}" for ending in formats])
    given = load_motion(motion)
    things = _scene(scene, given)
    with progress("simulating") as show:
        found = clean_up(given, mass, things, show)
    record = found.document() | {
        "before": physics_report(given, mass, things).summary(),
        "after": physics_report(found.motion, mass, things).summary(),
    }
    with all_or_nothing(output) as partial:
        for name in formats:
            found.motion.save(partial / f"motion.{name}")
        (partial / "physics.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    share = f"assist {np.mean(found.assist):.1%} of body weight" if found.succeeded else "it fell"
    click.echo(f"{'cleaned' if found.succeeded else 'left as it was'}: {share}; {output}")


def export(
    motion: Annotated[Path, Option(metavar="MOTION")],
    *,
    output: OutputFile,
    to: Literal["mujoco", "protomotions", "gmr"],
) -> None:
    """Write a motion for other simulators and trackers.

    Args:
        motion: .npz (ours or AMASS) or .bvh of a person.
        output: the file to write; ProtoMotions' end in .motion, the others in .npz.
        to: mujoco is qpos and qvel of our body, protomotions a motion of its SMPL humanoid, gmr
            what GMR puts onto robots.
    """
    from vimoflow.data.motion_files import load_motion
    from vimoflow.physics.exports import EXPORTS

    require_input(motion)
    require_output_file(output)
    ending = ".motion" if to == "protomotions" else ".npz"
    if output.suffix != ending:
        raise ConfigError(f"--output: a file for {to} ends in {ending}, not '{output.suffix}'")
    EXPORTS[to](load_motion(motion), output)
    click.echo(f"for {to}: {output}")


def _scene(name: str | None, motion: Motion) -> Scene | None:
    """What an option says that stands on the floor; what was fitted is told."""
    if name is None:
        return None
    from vimoflow.physics.humanoid import make_humanoid
    from vimoflow.physics.scene_files import read_scene
    from vimoflow.physics.scene_fitting import fit_scene, require_within_reach

    humanoid = make_humanoid(motion.skeleton)
    if name == "fit":
        found = fit_scene(motion, humanoid)
        for box in found.boxes:
            x, y, z = box.centre
            wide, deep, _ = 2 * box.half
            click.echo(
                f"a slab of {wide:.2f} x {deep:.2f} m at height {z + box.half[2]:.2f} m, "
                f"x {x:.2f}, z {-y:.2f}"
            )
        return found
    require_input(Path(name))
    found = read_scene(Path(name))
    require_within_reach(found, motion, humanoid)
    return found


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
