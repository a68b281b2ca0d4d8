"""A trained policy as a folder: weights, an ONNX network, the body, and a card."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vimoflow.errors import CheckpointError, ConfigError
from vimoflow.files import output_errors, replacing
from vimoflow.installation import install_command
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import load_skeleton
from vimoflow.physics.closed_loop import Demonstration
from vimoflow.physics.humanoid import Humanoid, make_humanoid
from vimoflow.physics.policy import AHEAD, Policy, PolicySizes, Trained

WEIGHTS, NETWORK, BODY, CARD = "policy.safetensors", "policy.onnx", "humanoid.xml", "README.md"
DEMONSTRATIONS = "demonstrations"  # of a folder that outlives a training
_FORMAT, _VERSION = "vimoflow-policy", "3"


def save_policy(trained: Trained, folder: Path, terms: str = "") -> None:
    """Write a policy into a folder that is there.

    Args:
        trained: the policy.
        folder: for its files.
        terms: under which the motions were given, for the card.

    Raises:
        ConfigError: the ONNX network cannot be written without a package.
    """
    humanoid = trained.humanoid
    tensors = {f"policy.{k}": v.contiguous() for k, v in trained.policy.state_dict().items()}
    tensors["offsets"] = torch.from_numpy(humanoid.skeleton.offsets.copy())
    for at, motion in enumerate(trained.motions.values()):
        for key, value in vars(motion).items():
            tensors[f"motions.{at}.{key}"] = torch.from_numpy(value.copy())
    header = {
        "format": _FORMAT, "version": _VERSION,
        "sizes": json.dumps(asdict(trained.policy.sizes)),
        "body": json.dumps([humanoid.skeleton.scale, humanoid.mass_kg]),
        "motions": json.dumps(list(trained.motions)),
        "provenance": json.dumps(trained.provenance),
    }  # fmt: skip
    save_file(tensors, folder / WEIGHTS, metadata=header)
    write_onnx(trained.policy, folder / NETWORK)
    (folder / BODY).write_text(humanoid.xml, "utf-8")
    (folder / CARD).write_text(_card(trained, terms), "utf-8")


def write_onnx(policy: Policy, path: Path) -> None:
    """The network with inputs ``motion`` and ``off`` and the output ``added``, any batch.

    Raises:
        ConfigError: a package is missing.
    """
    batch = {"motion": {0: "batch"}, "off": {0: "batch"}, "added": {0: "batch"}}
    example = torch.zeros(1, policy.sizes.motion), torch.zeros(1, policy.sizes.off)
    try:
        torch.onnx.export(
            policy.eval(), example, path, input_names=["motion", "off"], output_names=["added"],
            dynamic_axes=batch, opset_version=17, dynamo=False,
        )  # fmt: skip
    except (ImportError, torch.onnx.errors.OnnxExporterError) as error:
        raise ConfigError(
            f"the ONNX network needs the package onnx ({error}); run: {install_command('physics')}"
        ) from error


def kept_demonstration(
    folder: Path | None, name: str, motion: Motion, seed: int, found: Callable[[], Demonstration]
) -> Demonstration:
    """A motion's demonstration, out of a folder if it is there, else found and written to it.

    Args:
        folder: for demonstrations; None keeps nothing.
        name: of the motion.
        motion: which the file is for, and no other of this name.
        seed: that it was found with.
        found: finds it.
    """
    if folder is None:
        return found()
    content = motion.poses.tobytes() + motion.trans.tobytes() + f"{seed} {_VERSION}".encode()
    path = folder / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}.npz"
    if path.is_file():
        with np.load(path) as file:
            return Demonstration(**{key: file[key] for key in file.files})
    demonstration = found()
    with output_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            np.savez_compressed(partial, **vars(demonstration))
    return demonstration


def load_policy(folder: Path) -> Trained:
    """Read a policy from its folder or its weights.

    Raises:
        CheckpointError: it is missing, damaged or of another version.
        ConfigError: MuJoCo is not installed.
    """
    path = folder / WEIGHTS if folder.is_dir() else folder
    if not path.is_file():
        raise CheckpointError(f"{path}: no such policy; make one with `vimoflow physics train`")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: damaged or not a policy ({error})") from error
    if (header.get("format"), header.get("version")) != (_FORMAT, _VERSION):
        raise CheckpointError(f"{path}: not a policy of this version of ViMo-Flow; train it again")
    try:
        return _built(header, tensors)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: the policy does not fit itself ({reason})") from error


def _built(header: Mapping[str, str], tensors: dict[str, Tensor]) -> Trained:
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise ValueError("values that are not finite")
    policy = Policy(PolicySizes(**json.loads(header["sizes"])))
    own = "policy."
    policy.load_state_dict({k[len(own) :]: v for k, v in tensors.items() if k.startswith(own)})
    scale, mass = json.loads(header["body"])
    offsets = tensors["offsets"].numpy()
    skeleton = dataclasses.replace(load_skeleton(), offsets=offsets, scale=float(scale))
    fields = [field.name for field in dataclasses.fields(Demonstration)]
    motions: dict[str, Demonstration] = {}
    for at, name in enumerate(json.loads(header["motions"])):
        parts = [np.array(tensors[f"motions.{at}.{key}"]) for key in fields]
        motions[str(name)] = Demonstration(*parts)
    humanoid: Humanoid = make_humanoid(skeleton, float(mass))
    provenance: dict[str, Any] = json.loads(header["provenance"])
    return Trained(policy.eval(), humanoid, motions, provenance)


def _card(trained: Trained, terms: str) -> str:
    humanoid, sizes = trained.humanoid, trained.policy.sizes
    motions = "\n".join(f"- {name}: {len(m) / 30:.1f} s" for name, m in trained.motions.items())
    weights = sum(value.numel() for value in trained.policy.parameters())
    return f"""# A policy of ViMo-Flow

Tracks motions in MuJoCo by PD targets, 30 times a second, without help from outside.

Motions:

{motions}

Body: {humanoid.skeleton.stature:.2f} m, {humanoid.mass_kg:.1f} kg ({BODY}).
Network: {weights} weights, learnt by imitation (DAgger) of linear feedback, or of steps.
Training: {json.dumps(trained.provenance)}.
Terms of the motions: {terms or "not stated"}.

## Files

- {WEIGHTS}: weights, the motions as they are performed, the body's proportions.
- {NETWORK}: inputs `motion` ({sizes.motion}) and `off` ({sizes.off}), output `added`
  ({sizes.motors}): radians to add to the next pose's rotation vectors to get the motors' targets.
  `motion` holds root height, up, speeds and joints {", ".join(map(str, AHEAD))} frames ahead; `off`
  is how far the body is off, in the wanted root's frame, then what is known of the world, zeros
  if nothing (`vimoflow.physics.policy.seen_motion`, `turned`; `worlds.told_of`).

## Limits

Flat floor, this body, these motions. It knows of no obstacles and nothing of self-collision.
"""
