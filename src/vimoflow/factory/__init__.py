"""``vimoflow data build``: videos to a motion data set that others can train on.

Videos are seen (decoded, detected, cut into shots) and animated (clips, gates, samples, scores) one
by one, each result a file named by the video's content and the settings; the data set is assembled
from these files alone. So it does not matter who did the work, in which order or how often it was
interrupted.
"""
