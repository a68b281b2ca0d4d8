"""Rigs made to the conventions of other programs: names, joints, rest poses, proportions."""
