"""``vimoflow physics train`` and ``run``: a policy that tracks motions, and what it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import click
import numpy as np

from vimoflow.cli.paths import OutputFolder, require_input, require_output_folder
from vimoflow.errors import ConfigError, InputError
from vimoflow.options import Option
from vimoflow.physics.policy_options import PolicyOptions
from vimoflow.physics.worlds import World
from vimoflow.pipeline.generate_options import Formats


def train(
    motions: Annotated[tuple[Path, ...], Option(metavar="MOTION...")],
    *,
    output: OutputFolder,
    mass: Annotated[float | None, Option(metavar="KG")] = None,
    terms: str = "",
    options: PolicyOptions,
) -> None:
    """Train a policy that performs motions in simulation without help (experimental).

    The body is that of the first motion's person. A motion for which no way is found to perform it
    is left out, with a note; clips of 2 to 4 s of one person on a flat floor are what it is for.
    How each motion is performed is kept beside the output, so that a training can be begun again.

    Args:
        motions: .npz (ours or AMASS) or .bvh of a person.
        output: folder for weights, ONNX network, body and card.
        mass: of the person, kg; without it, that of a usual build of the height.
        terms: under which the motions were given, for the card.
    """
    from vimoflow.data.motion_files import load_motion
    from vimoflow.physics.bodies import bodies_of
    from vimoflow.physics.humanoid import make_humanoid
    from vimoflow.physics.policy_files import DEMONSTRATIONS, save_policy
    from vimoflow.physics.policy_training import train_policy
    from vimoflow.pipeline.folders import all_or_nothing

    for path in motions:
        require_input(path)
    if len({path.stem for path in motions}) < len(motions):
        raise ConfigError("two motions have one name; rename one of the files")
    require_output_folder(output)
    given = {path.stem: load_motion(path) for path in motions}
    humanoid = make_humanoid(next(iter(given.values())).skeleton, mass)
    kept = output.with_name(f"{output.name}_{DEMONSTRATIONS}")
    trained = train_policy(given, humanoid, bodies_of(humanoid), options, click.echo, kept)
    with all_or_nothing(output) as partial:
        save_policy(trained, partial, terms)
    click.echo(f"a policy for {', '.join(trained.motions)}: {output}")


def run(
    policy: Annotated[Path, Option(metavar="POLICY")],
    *,
    output: OutputFolder,
    motion: str = "",
    starts: Annotated[int, Option(metavar="N", low=1, high=10000)] = 1,
    adapt: bool = True,
    formats: Formats = ("npz", "bvh", "glb", "html"),
    seed: int = 0,
    world: World,
) -> None:
    """Let a policy perform a motion it was trained on, in this world or a changed one.

    The first start's motion is written as far as it came, and run.json tells how many starts came
    to the end.

    Args:
        policy: folder that `vimoflow physics train` wrote.
        output: folder the results go to.
        motion: name of the motion; needed where the policy knows several.
        starts: how many noisy starts.
        adapt: find out what the world is like from the last second, and act on it.
        formats: which files to write, separated by commas.
        seed: of the starts, and of the sensors' noise.
        world: what is changed.
    """
    from vimoflow.physics.performing import perform_trained
    from vimoflow.physics.policy_files import load_policy
    from vimoflow.pipeline.folders import all_or_nothing

    require_output_folder(output)
    trained = load_policy(policy)
    if not motion and len(trained.motions) == 1:
        motion = next(iter(trained.motions))
    if motion not in trained.motions:
        raise InputError(f"--motion {motion}: the policy knows {', '.join(trained.motions)}")
    found = perform_trained(trained, motion, world, starts, adapt, np.random.default_rng(seed))
    with all_or_nothing(output) as partial:
        for name in formats:
            found.motion.save(partial / f"motion.{name}")
        text = json.dumps(found.document(), indent=1) + "\n"
        (partial / "run.json").write_text(text, "utf-8")
    click.echo(f"{found.reached} of {starts} came to the end; {output}")
