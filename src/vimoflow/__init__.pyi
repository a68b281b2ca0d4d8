from vimoflow.characters.retarget_options import RetargetOptions as RetargetOptions
from vimoflow.data.motion_files import load_motion as load_motion
from vimoflow.diffusion.checkpoint import load_checkpoint as load_checkpoint
from vimoflow.editing.operations import blend as blend
from vimoflow.editing.operations import extend as extend
from vimoflow.editing.operations import inbetween as inbetween
from vimoflow.editing.operations import infill as infill
from vimoflow.errors import VimoflowError as VimoflowError
from vimoflow.inference.sampling.sampling_options import SamplingOptions as SamplingOptions
from vimoflow.keypoints.estimators import extract_keypoints as find_keypoints
from vimoflow.keypoints.formats import read_keypoints as load_keypoints
from vimoflow.keypoints.keypoint_writers import write_keypoints as save_keypoints
from vimoflow.keypoints.sequence import Keypoints2D as Keypoints2D
from vimoflow.motion.clip import Motion as Motion
from vimoflow.pipeline import generate as generate
from vimoflow.pipeline.character_results import retarget as retarget
from vimoflow.pipeline.generate_options import GenerateOptions as GenerateOptions
from vimoflow.pipeline.video_to_motion import VideoToMotion as VideoToMotion
from vimoflow.viewer.page import write_preview_page as save_page

__version__: str

__all__ = [
    "GenerateOptions",
    "Keypoints2D",
    "Motion",
    "RetargetOptions",
    "SamplingOptions",
    "VideoToMotion",
    "VimoflowError",
    "blend",
    "extend",
    "find_keypoints",
    "generate",
    "inbetween",
    "infill",
    "load_checkpoint",
    "load_keypoints",
    "load_motion",
    "retarget",
    "save_keypoints",
    "save_page",
]
