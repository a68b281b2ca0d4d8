"""Motion completion: what is known stays, the rest is generated.

What is offered here is imported on use, so that the options need no PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vimoflow.editing.completion import Completion, Miss, complete
    from vimoflow.editing.completion_options import CompletionOptions, DenoisingOptions
    from vimoflow.editing.constraints import Follow, KeepFrames, KeepJoints, PinJoint, RootPath
    from vimoflow.editing.operations import blend, extend, inbetween, infill

__all__ = [
    "Completion", "CompletionOptions", "DenoisingOptions", "Follow", "KeepFrames", "KeepJoints",
    "Miss", "PinJoint", "RootPath", "blend", "complete", "extend", "inbetween", "infill",
]  # fmt: skip
_MODULES = ("completion_options", "constraints", "completion", "operations")


def __getattr__(name: str) -> Any:
    """What is offered, from the module that has it (PEP 562)."""
    for module in _MODULES if name in __all__ else ():
        found = getattr(import_module(f"{__name__}.{module}"), name, None)
        if found is not None:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
