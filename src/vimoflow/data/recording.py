"""What every corpus reader yields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.data.prepare_options import Split
from vimoflow.motion.clip import Motion
from vimoflow.motion.retarget import RetargetReport


@dataclass(frozen=True)
class Recording:
    """One recording of a corpus on the canonical skeleton at 30 fps, its floor at y = 0.

    Attributes:
        name: file stem, unique within the corpus.
        corpus: short name of the corpus, such as "bandai-namco".
        split: by file, so that nothing leaks.
        motion: canonical size (scaled by leg length), 30 fps, contacts labelled.
        keypoints_px: real detections (x, y in pixels, confidence; confidence 0 where missing), one
            set a view, where the corpus has them.
        coco_truth: triangulated 3D COCO points in metres, where the corpus has them, placed
            like ``motion``; it is what published figures compare with.
        heading_of_view: yaw in radians of each view's camera (see ``geometry.cameras``).
        lens_of_view: focal length and principal point in pixels, and the direction of gravity in
            the camera's frame, of each view; zeros where the camera is not known.
        group: a part of the corpus reported on its own, such as a held-out style ("" otherwise).
        retarget: how well the motion follows its source, where it was on another skeleton.
    """

    name: str
    corpus: str
    split: Split
    motion: Motion
    keypoints_px: Float[np.ndarray, "views frames 17 3"] | None = None
    heading_of_view: Float[np.ndarray, " views"] | None = None
    group: str = ""
    coco_truth: Float[np.ndarray, "frames 17 3"] | None = None
    retarget: RetargetReport | None = None
    lens_of_view: Float[np.ndarray, "views 6"] | None = None
