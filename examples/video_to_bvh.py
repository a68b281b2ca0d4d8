"""A video to a BVH file.

python examples/video_to_bvh.py dance.mp4 dance.bvh
"""

import sys

from vimoflow import VideoToMotion

video, bvh = sys.argv[1:]
motion = VideoToMotion.from_pretrained()(video)
motion.save(bvh)  # the ending tells the format: .bvh, .glb, .npz, .amass.npz, .html, .mp4
print(f"{bvh}: {len(motion)} frames at {motion.fps:g} fps")
