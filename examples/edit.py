"""Some frames of a motion generated anew; all others stay exactly as they are.

python examples/edit.py motion.npz 40 60 better.bvh
"""

import sys

from vimoflow import inbetween, load_checkpoint, load_motion

source, first, end, result = sys.argv[1:]
completion = inbetween(load_checkpoint(), load_motion(source), int(first), int(end))
completion.motion.save(result)
print(f"{result}: frames {first} to {int(end) - 1} are new")
