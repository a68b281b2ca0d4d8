"""2D keypoints of your own detector to motion; here they are read from a CSV file for brevity.

python examples/own_keypoints.py points.csv out.npz

Each line holds a frame's time in seconds and then x, y (pixels) and confidence of COCO's 17 points.
"""

import sys

import numpy as np

from vimoflow import Keypoints2D, VideoToMotion

table, result = sys.argv[1:]
rows = np.loadtxt(table, delimiter=",")
points = rows[:, 1:].reshape(-1, 17, 3)
keypoints = Keypoints2D(points, timestamps=rows[:, 0], image_size=(1280, 720))
motion = VideoToMotion.from_pretrained()(keypoints)
motion.save(result)
print(f"{result}: the pelvis went {np.ptp(motion.trans[:, 0]):.2f} m sideways")
