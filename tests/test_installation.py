"""Advice on installing fits how the package was installed."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from vimoflow import installation
from vimoflow.installation import install_command, missing_packages


class Installed:
    """Metadata of a distribution, as pip leaves it."""

    def __init__(self, url: str) -> None:
        self.record = json.dumps({"url": url})

    def read_text(self, name: str) -> str | None:
        return self.record if name == "direct_url.json" else None


def test_a_clone_is_installed_from_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my clone").mkdir()
    (tmp_path / "my clone" / "pyproject.toml").write_text("")
    url = (tmp_path / "my clone").as_uri()
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Installed(url))
    assert install_command("train") == f"cd '{tmp_path}/my clone' && pip install '.[train]'"
    monkeypatch.chdir(tmp_path / "my clone")
    assert install_command("train") == "pip install '.[train]'"


def test_an_installed_wheel_is_added_to_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://example.org/vimoflow.whl"
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Installed(url))
    monkeypatch.setattr(installation, "__file__", "/usr/lib/python3/vimoflow/installation.py")
    assert install_command("music") == "pip install 'vimoflow[music]'"


def test_what_is_missing_is_told_by_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    requires = [
        "numpy>=1", 'numpy>=2; extra == "train"', 'no-such-package-x[a]>=1; extra == "train"',
        'no-such-package-y; python_version > "3" and extra == "dev"',
    ]  # fmt: skip
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: requires)
    assert missing_packages() == {"train": ("no-such-package-x",)}
