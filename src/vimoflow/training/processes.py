"""The processes that train together, through accelerate: one, several GPUs, several machines."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import torch
from torch import Tensor, nn

from vimoflow.errors import ConfigError
from vimoflow.installation import install_command


class Processes:
    """The group this process belongs to, started by ``torchrun`` or ``accelerate launch``.

    A process that was started by itself is a group of one.

    GPUs are used where there are any (nccl), otherwise CPUs (gloo).

    Args:
        cpu: no GPU, for what stays where it is.

    Raises:
        ConfigError: accelerate is missing.
    """

    def __init__(self, cpu: bool = False) -> None:
        try:
            from accelerate import Accelerator
        except ImportError as error:
            raise ConfigError(f"training needs accelerate: {install_command('train')}") from error
        # Precision is the learner's business, so that losses stay in float32.
        self._accelerator: Any = Accelerator(
            cpu=cpu or not torch.cuda.is_available(), mixed_precision="no"
        )

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self._accelerator.device

    @property
    def rank(self) -> int:
        """Number of this process."""
        return self._accelerator.process_index

    @property
    def count(self) -> int:
        """How many there are."""
        return self._accelerator.num_processes

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self._accelerator.is_main_process

    @property
    def on_this_machine(self) -> int:
        """How many share this machine's processors."""
        return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))

    @property
    def suitable_workers(self) -> int:
        """Worker processes that make its batches: a CPU does the training, too."""
        if self.device.type == "cpu":
            return 1
        return max(1, min(16, (os.cpu_count() or 1) // self.on_this_machine - 1))

    def share(self, model: nn.Module) -> nn.Module:
        """The model with gradients averaged over the processes; itself where there is one."""
        return self._accelerator.prepare_model(model)

    def accumulating(self, model: nn.Module, last: bool) -> contextlib.AbstractContextManager[None]:
        """Around forward and backward of a micro-batch: gradients are exchanged after the last."""
        return contextlib.nullcontext() if last else self._accelerator.no_sync(model)

    def sum(self, values: Tensor) -> Tensor:
        """Added up over the processes, on this process' device."""
        values = values.to(self.device)
        return self._accelerator.reduce(values, "sum") if self.count > 1 else values

    def from_first(self, values: Tensor) -> Tensor:
        """The first process' values."""
        if self.count == 1:
            return values
        from accelerate.utils import broadcast

        return broadcast(values.to(self.device)).to(values.device)

    def any(self, flag: bool) -> bool:
        """Whether any process says so."""
        return bool(self.sum(torch.tensor(float(flag))) > 0) if self.count > 1 else flag

    def wait(self) -> None:
        """Until all are here."""
        self._accelerator.wait_for_everyone()
