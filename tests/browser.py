"""Headless Chromium for tests that carry the marker ``browser``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic", "--hide-scrollbars",
    "--enable-logging=stderr", "--window-size=800,600",
)  # fmt: skip


def find_chromium() -> str:
    """The program, or the test is left out."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("needs Chromium or Chrome")


def run_page(
    chromium: str, url: str, profile: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    """Open a page; it ends when the page's (virtual) time is over."""
    return subprocess.run(
        [chromium, *FLAGS, f"--user-data-dir={profile}", *options, url],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def answer_of(done: subprocess.CompletedProcess[str]) -> Any:
    """What a page left in the element ``answer`` of its dumped document, without any error."""
    errors = [
        line for line in done.stderr.splitlines() if "CONSOLE" in line and "GPU stall" not in line
    ]
    assert not errors, errors
    found = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.S)
    assert found, done.stderr[-2000:]
    answer = json.loads(unescape(found[1]))
    assert "error" not in answer, answer
    return answer
