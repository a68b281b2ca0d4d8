"""``vimoflow retarget``: a motion onto the user's own character."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from vimoflow.characters.retarget_options import MAP_FILE, RetargetOptions
from vimoflow.cli.conclusion import report
from vimoflow.cli.paths import OutputFolder, require_input, require_output_folder
from vimoflow.formats.motion_units import UnitOption, Up
from vimoflow.options import Option


def retarget(
    motion: Path,
    character: Path,
    *,
    output: OutputFolder,
    options: RetargetOptions,
    fps: Annotated[float | None, Option(metavar="F", low=1, high=1000)] = None,
    rig: str | None = None,
    up: Up | None = None,
    unit: UnitOption = None,
) -> None:
    """Put a motion on your own character, its feet on the floor.

    Args:
        motion: what generate wrote, or any motion that `vimoflow convert` reads.
        character: a rigged figure: .glb, .gltf, .vrm, .fbx or .bvh. Its file is written to the
            folder with one animation more; everything else in it stays as it is.
        output: folder for the animated character, its joints' map and run.json.
        fps: frame rate in Hz of a motion whose file states none, or a false one.
        rig: the rig of a BVH that is not recognised as the motion, by name or as a map in TOML.
        up: axis that is up in the motion's file, where it is not found out.
        unit: of the motion's file: m, cm, mm, in, or metres in a unit, such as 0.0564.

    Examples:
        vimoflow retarget dance/motion.npz hero.glb -o hero
        vimoflow retarget walk.bvh hero.vrm -o hero --loop --root inplace
        vimoflow retarget dance/motion.npz odd.glb -o odd --map odd/map.toml
    """
    for path in (motion, character):
        require_input(path)
    require_output_folder(output)
    from vimoflow.data.motion_files import load_motion
    from vimoflow.pipeline.character_results import retarget as run

    result = run(load_motion(motion, fps, rig, up, unit), character, output, options, motion.stem)
    lines = [f"Joints found {result.found} (correct {MAP_FILE} and name it with --map):"]
    lines += [f"  {part}: {name}" for part, name in result.joints.items()]
    if result.cycle is not None:
        cycle = result.cycle
        lines.append(
            f"Loop: {cycle.start_s:.2f} s to {cycle.end_s:.2f} s, its ends {cycle.gap_mm:.0f} mm "
            "apart before it was closed"
        )
    report(f"{character.name}: animated in {output}", result.files, lines + result.report.lines())
    click.echo("  run.json holds all of it")
