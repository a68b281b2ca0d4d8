"""What everything agrees on: a frame rate, a stature, the order of keypoints."""

import os
from typing import Literal

Figure = Literal["mannequin", "human", "skeleton"]  # that files show
MODEL_FPS = 30.0  # Hz; what the model was trained at, and what "per frame" means in metrics
ASSUMED_FPS = 30.0  # Hz; of a recording that does not say
STATURE_M = 1.7  # the canonical skeleton, standing, with its head and soles
WEIGHTS_VARIABLE = "VIMOFLOW_WEIGHTS"  # of the environment, for those who must not use the default
DEFAULT_CHECKPOINT = os.environ.get(WEIGHTS_VARIABLE) or "base"
TURNS = (0, 90, 180, 270)  # degrees clockwise by which pictures can be turned
PIECE = 1800  # frames worked on at once: what is made on the way is ten times a motion's size
COCO_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The 17 COCO keypoints, in the data set's order."""
