"""Motion completion: what is known stays, the rest is generated."""

from vimoflow.editing.completion import Completion, CompletionOptions, Miss, complete
from vimoflow.editing.constraints import Follow, KeepFrames, KeepJoints, PinJoint, RootPath
from vimoflow.editing.masked_denoising import DenoisingOptions
from vimoflow.editing.operations import blend, extend, inbetween, infill

__all__ = [
    "Completion", "CompletionOptions", "DenoisingOptions", "Follow", "KeepFrames", "KeepJoints",
    "Miss", "PinJoint", "RootPath", "blend", "complete", "extend", "inbetween", "infill",
]  # fmt: skip
