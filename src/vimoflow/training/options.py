"""How a training run is carried out, apart from what its recipe says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vimoflow.errors import ConfigError

PRECISIONS = ("bf16", "float32")


@dataclass(frozen=True)
class RunOptions:
    """What one run does; the recipe decides what is learnt.

    Attributes:
        steps: optimizer steps instead of the recipe's.
        accumulate: micro-batches of a step instead of the recipe's ``accumulation``.
        minutes: stop after this time at the latest, but not before one step.
        resume: go on from the state in the output folder.
        init: a checkpoint to start from, by name or path, instead of random weights; its
            normalisation stays.
        without: corpora not to train on.
        shares: of the windows, by corpus; see ``data.batches.corpus_shares``.
        compile: let ``torch.compile`` fuse the network. It takes a minute or two for each window
            length (less when its cache is warm) and makes every step after faster, so it pays in
            runs of hundreds of steps, not in tests; `python -m lab bench train` tells both times.
        precision: of the network's products, one of :data:`PRECISIONS`; losses and weights are
            float32 always.
        workers: processes that make batches; None takes what suits the device, 0 the run's own.
        part_frames: the global batch is drawn in parts of about this many frames, each from a seed
            of its own, so that processes and micro-batches can share the parts out between them.
        save_every_s: seconds between two states.
        report_every: steps between two reports.
        held_out_every: steps between two measurements on validation shards; 0 is never.
        tensorboard: write TensorBoard events beside the log.
    """

    steps: int | None = None
    accumulate: int | None = None
    minutes: float | None = None
    resume: bool = False
    init: str | Path | None = None
    without: tuple[str, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    compile: bool = True
    precision: str = "bf16"
    workers: int | None = None
    part_frames: int = 1200
    save_every_s: float = 240.0
    report_every: int = 50
    held_out_every: int = 0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ConfigError(f"the precision is one of {known}, not '{self.precision}'")
        for name in ("steps", "accumulate", "part_frames", "report_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be 1 or more, not {value}")
        if self.resume and self.init is not None:
            raise ConfigError("a run is resumed or started from a checkpoint, not both")
