"""A video to a policy that performs it in simulation, and the same in a changed world.

python examples/video_to_policy.py wave.mp4 out
"""

import sys
from pathlib import Path

import numpy as np

from vimoflow import VideoToMotion
from vimoflow.physics.bodies import bodies_of
from vimoflow.physics.clean_up import clean_up
from vimoflow.physics.humanoid import make_humanoid
from vimoflow.physics.performing import perform_trained
from vimoflow.physics.policy_files import save_policy
from vimoflow.physics.policy_options import PolicyOptions
from vimoflow.physics.policy_training import train_policy
from vimoflow.physics.worlds import World

video, folder = sys.argv[1], Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)

motion = VideoToMotion.from_pretrained()(video)
cleaned = clean_up(motion)
print(f"clean-up: assist {np.mean(cleaned.assist):.1%} of body weight")

humanoid = make_humanoid(motion.skeleton)
options = PolicyOptions(minutes=30, rounds=4)
trained = train_policy(
    {"clip": cleaned.motion}, humanoid, bodies_of(humanoid), options, print, folder
)
save_policy(trained, folder)

changed = World(friction=0.6, payload=6.0, slope=(0.0, -4.0))
for name, world, adapt in (
    ("usual", World(), False),
    ("changed", changed, False),
    ("changed_adapting", changed, True),
):
    found = perform_trained(trained, "clip", world, 10, adapt, np.random.default_rng(0))
    found.motion.save(folder / f"{name}.mp4")
    print(f"{name}: {found.reached} of 10 noisy starts came to the end")
