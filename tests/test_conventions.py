"""Whoever must not use the default weights says so once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vimoflow.conventions import WEIGHTS_VARIABLE

PROGRAM = """
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.pipeline.generate_options import GenerateOptions
print(load_checkpoint().name, GenerateOptions().checkpoint)
"""


@pytest.mark.parametrize(("value", "used"), [("small", "small"), ("", "base")])
def test_the_environment_names_the_default_weights(value, used):
    environment = {**os.environ, WEIGHTS_VARIABLE: value}
    run = [sys.executable, "-c", PROGRAM]
    printed = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout.split() == [used, used]
