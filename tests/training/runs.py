"""Tiny training runs in processes of their own, for tests that kill, limit or multiply them.

``python runs.py MODE SHARDS OUTPUT``: everything is imported once, then runs are forked.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from vimoflow.data.shards import read_shards
from vimoflow.diffusion.checkpoint import Normalization
from vimoflow.diffusion.denoiser import DenoiserConfig
from vimoflow.errors import OutputError
from vimoflow.training import starting
from vimoflow.training.learner import Learner
from vimoflow.training.material import ShardMaterial
from vimoflow.training.options import RunOptions
from vimoflow.training.processes import Processes
from vimoflow.training.recipes import Recipe
from vimoflow.training.schedules import DivergenceRule
from vimoflow.training.step_batches import Share, StepBatches
from vimoflow.training.trainer import train

RECIPE = Recipe(
    model=DenoiserConfig(width=16, heads=2, blocks=1, encoder_layers=1, dropout=0.1),
    frames=(12, 60),  # the recordings have 50: some frames of the longer windows do not exist
    shares=(0.5, 0.5),
    batch_frames=240,
    steps=8,
    warmup_steps=2,
    weighting="normalised(min_snr(5))",
    divergence=DivergenceRule(),
)
STILL = dataclasses.replace(RECIPE, model=dataclasses.replace(RECIPE.model, dropout=0.0))
OPTIONS = RunOptions(compile=False, precision="float32", part_frames=60, workers=0, report_every=1)
PLAIN = Normalization(torch.zeros(151), torch.ones(151))


def killed(shards: Path, output: Path) -> None:
    """A run killed three times at random moments and resumed, beside an undisturbed one."""
    undisturbed = start(lambda: train(RECIPE, shards, output / "undisturbed", OPTIONS, "run"))
    folder, moments = output / "killed", []
    options = dataclasses.replace(OPTIONS, save_every_s=0.0, workers=1)
    for lines in (2, 4, 6):
        resume = dataclasses.replace(options, resume=(folder / "state.pt").is_file())
        child = start(lambda resume=resume: train(RECIPE, shards, folder, resume, "run"))
        while lines_of(folder / "log.jsonl") < lines:
            if os.waitpid(child, os.WNOHANG)[0]:
                raise SystemExit("the run ended before it could be killed")
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        moments.append(lines_of(folder / "log.jsonl"))
    finish(undisturbed)
    last = dataclasses.replace(options, resume=True)
    finish(start(lambda: train(RECIPE, shards, folder, last, "run")))
    print(json.dumps(moments))


def several(shards: Path, output: Path) -> None:
    """Gradients and weights of the same steps by one process, by two, and in micro-batches."""
    halves = dataclasses.replace(STILL, batch_frames=STILL.batch_frames // 2, accumulation=2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    children = [
        start(lambda: learn(STILL, shards, output, "one")),
        start(lambda: learn(halves, shards, output, "micro")),
    ]
    for rank in ("0", "1"):
        own = {**group, "RANK": rank, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": "2"}
        children.append(start(lambda: learn(STILL, shards, output, "two"), own))
    for child in children:
        finish(child)


def learn(recipe: Recipe, shards: Path, output: Path, name: str) -> None:
    """Two steps by hand, then a run of two steps."""
    processes = Processes()
    share = Share(processes.rank, processes.count, recipe.accumulation, OPTIONS.part_frames)
    material = ShardMaterial(read_shards(shards, "train"), recipe.batches)
    batches = StepBatches(material, recipe, 0, share)
    model = starting.new_model(recipe)
    learner = Learner(model, recipe, PLAIN, processes, "float32", compile=False)
    gradients = []
    for step in range(2):
        micro_batches = batches.at(step)
        learner.add_gradients(micro_batches)
        gradients.append({k: p.grad.clone() for k, p in learner.model.named_parameters()})
        learner.learn(micro_batches)
    report = learner.monitor.report(2, processes.sum if processes.count > 1 else None)
    content = {"gradients": gradients, "weights": learner.model.state_dict()}
    torch.save({**content, "values": report.values}, output / f"{name}-{processes.rank}.pt")
    options = dataclasses.replace(OPTIONS, steps=2, minutes=60)
    train(recipe, shards, output / name, options, "run")


def full_disk(shards: Path, output: Path) -> None:
    """A run that may not write a file as large as its state any more after the first step."""
    options = dataclasses.replace(OPTIONS, steps=3, minutes=0.0)
    train(RECIPE, shards, output, options, "run")
    size = (output / "state.pt").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size))
    try:
        train(RECIPE, shards, output, dataclasses.replace(options, resume=True), "run")
    except OutputError as error:
        print(error)


def start(work: Callable[[], object], environment: dict[str, str] | None = None) -> int:
    """Fork a process that does the work and nothing else; its id."""
    child = os.fork()
    if child:
        return child
    os.environ.update(environment or {})
    sys.stdout = sys.stderr
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def finish(child: int) -> None:
    """Wait for a process that has to end well."""
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit(f"process {child} failed")


def lines_of(path: Path) -> int:
    """How many lines a file has; none where there is no file."""
    return path.read_bytes().count(b"\n") if path.is_file() else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    starting.measure_normalization = lambda *_: PLAIN  # type: ignore[assignment]
    modes = {"killed": killed, "several": several, "full_disk": full_disk}
    modes[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
