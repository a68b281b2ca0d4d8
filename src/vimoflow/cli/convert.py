"""``vimoflow convert``: motions from one kind of file to another."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click

from vimoflow.cli.paths import require_apart, require_input, require_output_file
from vimoflow.errors import ConfigError, InputError
from vimoflow.formats.motion_units import UnitOption, Up
from vimoflow.options import Option, require_sensible

if TYPE_CHECKING:
    from vimoflow.motion.clip import Motion


@dataclass(frozen=True)
class ConvertOptions:
    """What to change on the way.

    Attributes:
        fps: frame rate of the result, Hz; the input's own unless given.
        start_s: leave out what is before this second.
        end_s: leave out what is after this second.
        root: free lets the figure travel, inplace keeps it over one spot.
        up: axis that is up in the result, where its format leaves that open.
        unit: of length in the result, where its format leaves that open.
        preset: names, unit and axes as a program expects them (bvh, fbx, usd).
        order: of the rotation channels of a BVH, such as ZXY.
        input_fps: true frame rate of the input, where it states a false one or none, Hz.
        input_up: axis that is up in the input, where it is not found out.
        input_unit: of the input: m, cm, mm, in, or metres in a unit, such as 0.0564.
        rig: rig of a BVH: a name, or your own map in TOML.
    """

    fps: Annotated[float | None, Option(metavar="F", low=1, high=1000)] = None
    start_s: Annotated[float | None, Option(("--start",), metavar="S", low=0)] = None
    end_s: Annotated[float | None, Option(("--end",), metavar="S", low=0)] = None
    root: Literal["free", "inplace"] = "free"
    up: Literal["y", "z"] | None = None
    unit: Literal["m", "cm", "mm"] | None = None
    preset: Literal["blender", "motionbuilder", "unity", "unreal"] | None = None
    order: Literal["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"] | None = None
    input_fps: Annotated[float | None, Option(metavar="F", low=1, high=1000)] = None
    input_up: Up | None = None
    input_unit: UnitOption = None
    rig: Annotated[str | None, Option(("--map",), metavar="MAP")] = None

    def __post_init__(self) -> None:
        require_sensible(self)


def convert(input: tuple[Path, ...], output: Path, *, options: ConvertOptions) -> None:
    """Turn motion files into another format, which the output's ending names.

    A skeleton of ViMo-Flow's keeps every frame and its size; another person's is brought onto it.
    Several takes give a file each, named after the output and the take. A file that cannot be
    read is told at the end, and the others are written.

    Args:
        input: .npz, .bvh, .fbx, .glb, .vrma, .usd, .c3d, .trc, .csv, .pkl or .pt; several are a
            batch.
        output: file to write, such as walk.fbx.

    Examples:
        vimoflow convert walk/motion.npz walk.fbx
        vimoflow convert take.fbx take.bvh --preset blender
        vimoflow convert a.bvh b.bvh walks.usdz --fps 24     walks-a.usdz, walks-b.usdz
    """
    for path in input:
        require_input(path)
    require_output_file(output)
    from vimoflow.data.motion_files import load_motions
    from vimoflow.motion.clip import writer_of

    write = _writer(writer_of(output), output, options)
    found: list[tuple[str, Motion]] = []
    errors: list[InputError] = []
    for path in input:
        try:
            takes = load_motions(
                path, options.input_fps, options.rig, options.input_up, options.input_unit
            )
            changed = [_changed(take.motion, options) for take in takes]
        except InputError as error:
            errors.append(error)
            continue
        several = [path.stem] if len(input) > 1 else []
        names = ["-".join([*several, *([t.name] if len(takes) > 1 else [])]) for t in takes]
        found += zip(names, changed, strict=True)
    targets = _targets([name for name, _ in found], output, several=len(input) > 1)
    require_apart(input, targets)
    for (_, motion), target in zip(found, targets, strict=True):
        write(motion, target)
        seconds = motion.timestamps[-1] - motion.timestamps[0]
        click.echo(f"{target}: {len(motion)} frames, {seconds:.2f} s at {motion.fps:.5g} fps")
    if errors:
        raise InputError("; ".join(map(str, errors)))


def _targets(names: list[str], output: Path, several: bool) -> list[Path]:
    """A file for each take; those of one name are numbered."""
    if len(names) == 1 and not several:
        return [output]
    ending = "".join(output.suffixes[-2:]) if output.name.endswith(".npz") else output.suffix
    stem, targets = output.name[: len(output.name) - len(ending)], []  # type: str, list[Path]
    for number, name in enumerate(names, 1):
        plain = re.sub(r"[^\w.-]+", "_", name).strip("._")[:100] or f"{number:02d}"
        target = output.with_name(f"{stem}-{plain}{ending}")
        targets.append(
            target
            if target not in targets
            else output.with_name(f"{stem}-{plain}-{number}{ending}")
        )
    return targets


def _changed(motion: Motion, options: ConvertOptions) -> Motion:
    """The motion as the options want it."""
    from vimoflow.motion.clip_resampling import resample_motion, trimmed

    if options.start_s is not None or options.end_s is not None:
        motion = trimmed(motion, options.start_s, options.end_s)
    if options.fps is not None and options.fps != motion.fps:
        motion = resample_motion(motion, options.fps)
    return motion.in_place() if options.root == "inplace" else motion


def _writer(
    write: Callable[..., None], output: Path, options: ConvertOptions
) -> Callable[[Motion, Path], None]:
    """The format's writer with what it can be told.

    Raises:
        ConfigError: it is told what its format does not leave open.
    """
    from vimoflow.formats.presets import PRESETS

    known = inspect.signature(write).parameters
    told: dict[str, Any] = {}
    if options.preset is not None:
        preset = PRESETS[options.preset]
        told = {"names": preset.names, "space": preset.space}
        if preset.order is not None and "order" in known:
            told["order"] = preset.order
    if options.order is not None:
        told["order"] = options.order
    changes = {k: v for k, v in (("up", options.up), ("unit", options.unit)) if v is not None}
    if changes:
        told["space"] = told.get("space") or (known["space"].default if "space" in known else None)
    for name in told:
        if name not in known:
            raise ConfigError(
                f"{output}: its format is the same for all programs; leave out --preset, --up, "
                "--unit and --order"
            )
    if changes:
        told["space"] = dataclasses.replace(told["space"], **changes)
    return lambda motion, target: write(motion, target, **told)
