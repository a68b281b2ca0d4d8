"""How a training run is carried out, apart from what its recipe says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from vimoflow.errors import ConfigError
from vimoflow.options import PYTHON_ONLY, Option, require_sensible

Precision = Literal["bf16", "float32"]
PrecisionChoice = Literal["auto", "bf16", "float32"]


def parse_share(text: str) -> dict[str, float]:
    """``CORPUS=SHARE``; ``ValueError`` for anything else."""
    corpus, _, number = text.rpartition("=")
    try:
        if corpus.strip():
            return {corpus.strip(): float(number)}
    except ValueError:
        pass
    raise ValueError("is not CORPUS=SHARE, such as dances=0.2")


@dataclass(frozen=True)
class RunOptions:
    """What one run does; the recipe decides what is learnt.

    Attributes:
        steps: optimizer steps instead of the recipe's.
        accumulate: micro-batches of a step instead of the recipe's accumulation.
        minutes: stop after this time at the latest, but not before one step.
        resume: go on from the newest state in the output folder.
        init: a checkpoint to start from, by name or path, instead of random weights; its
            normalisation stays.
        without: corpora not to train on.
        commercial: train only on corpora that state terms which do not bar commercial use.
        shares: of the windows, 0 to 1, that come from a corpus; can be repeated.
        compile: fuse the network by torch.compile. It takes a minute or two for each window length
            (less when its cache is warm) and makes every step after faster, so it pays from
            hundreds of steps on.
        precision: of the network's products; losses and weights are float32 always. auto takes what
            this machine multiplies fastest, by measuring.
        held_out_every: steps between two measurements on validation shards; 0 is never.
        tensorboard: write TensorBoard events beside the log.
        workers: processes that make batches; None takes what suits the device, 0 the run's own.
        part_frames: the global batch is drawn in parts of about this many frames, each from a seed
            of its own, so that processes and micro-batches can share the parts out between them.
        save_every_s: seconds between two states.
        report_every: steps between two reports.

    Raises:
        ConfigError: a value that makes no sense.
    """

    steps: Annotated[int | None, Option(metavar="N", low=1, high=1e9)] = None
    accumulate: Annotated[int | None, Option(metavar="N", low=1, high=1e6)] = None
    minutes: Annotated[float | None, Option(metavar="M", low=0)] = None
    resume: bool = False
    init: Annotated[str | Path | None, Option(metavar="NAME|PATH", parse=str)] = None
    without: Annotated[tuple[str, ...], Option(metavar="CORPUS")] = ()
    commercial: bool = False
    shares: Annotated[
        Mapping[str, float], Option(("--share",), metavar="CORPUS=SHARE", parse=parse_share)
    ] = field(default_factory=dict)
    compile: bool = True
    precision: PrecisionChoice = "auto"
    workers: Annotated[int | None, PYTHON_ONLY] = None
    part_frames: Annotated[int, Option(low=1, hidden=True)] = 1200
    save_every_s: Annotated[float, PYTHON_ONLY] = 240.0
    report_every: Annotated[int, Option(low=1, hidden=True)] = 50
    held_out_every: Annotated[int, Option(metavar="N", low=0)] = 0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        require_sensible(self)
        if self.resume and self.init is not None:
            raise ConfigError("a run is resumed or started from a checkpoint, not both")
