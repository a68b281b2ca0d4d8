"""ViMo-Flow: video of a person in, 3D animation out.

>>> from vimoflow import VideoToMotion
>>> VideoToMotion.from_pretrained()("dance.mp4").save("dance.bvh")  # doctest: +SKIP

What is offered is imported on use (PEP 562): `import vimoflow` loads neither PyTorch nor NumPy.
``__init__.pyi`` says the same to type checkers and editors.
"""

from importlib import import_module as _import_module

__version__ = "0.1.0"

_HOMES = {
    "GenerateOptions": "pipeline.generate_options:GenerateOptions",
    "Keypoints2D": "keypoints.sequence:Keypoints2D",
    "Motion": "motion.clip:Motion",
    "RetargetOptions": "characters.retarget_options:RetargetOptions",
    "SamplingOptions": "inference.sampling.sampling_options:SamplingOptions",
    "VideoToMotion": "pipeline.video_to_motion:VideoToMotion",
    "VimoflowError": "errors:VimoflowError",
    "blend": "editing.operations:blend",
    "extend": "editing.operations:extend",
    "find_keypoints": "keypoints.estimators:extract_keypoints",
    "generate": "pipeline:generate",
    "inbetween": "editing.operations:inbetween",
    "infill": "editing.operations:infill",
    "load_checkpoint": "diffusion.checkpoint:load_checkpoint",
    "load_keypoints": "keypoints.formats:read_keypoints",
    "load_motion": "data.motion_files:load_motion",
    "retarget": "pipeline.character_results:retarget",
    "save_keypoints": "keypoints.keypoint_writers:write_keypoints",
    "save_page": "viewer.page:write_preview_page",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(_import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
