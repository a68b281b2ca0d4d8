"""Numbers that all agree on."""

MODEL_FPS = 30.0  # Hz; what the model was trained at, and what "per frame" means in metrics
STATURE_M = 1.7  # the canonical skeleton, standing, with its head and soles
TURNS = (0, 90, 180, 270)  # degrees clockwise by which pictures can be turned
