"""How this copy of the package was installed, for advice that works here."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlparse

_NAME = "vimoflow"


def install_command(extra: str) -> str:
    """The command that adds an extra: in a clone out of the clone, else from the package index."""
    clone = _clone()
    if clone is None:
        return f"pip install '{_NAME}[{extra}]'"
    if clone == Path.cwd():
        return f"pip install '.[{extra}]'"
    return f"cd '{clone}' && pip install '.[{extra}]'"


def cache_folder() -> Path:
    """The package's folder of the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / _NAME


def missing_packages() -> dict[str, tuple[str, ...]]:
    """Packages that are not there, by the extra that brings them."""
    missing: dict[str, tuple[str, ...]] = {}
    for extra, packages in _extras().items():
        lacking = tuple(name for name in packages if not is_installed(name))
        if lacking:
            missing[extra] = lacking
    return missing


def is_installed(package: str) -> bool:
    """Whether a distribution of that name is there."""
    return version_of(package) is not None


def version_of(package: str) -> str | None:
    """Its version, None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extras() -> dict[str, list[str]]:
    """The packages of each extra that adds something for users."""
    extras: dict[str, list[str]] = {}
    try:
        requirements = importlib.metadata.requires(_NAME) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    for requirement in requirements:
        match = re.match(r"([\w.-]+)[^;]*;.*extra == ['\"](\w+)['\"]", requirement)
        if match and match[2] != "dev":
            extras.setdefault(match[2], []).append(match[1])
    return extras


def _clone() -> Path | None:
    """The folder that the package was installed from, if it is one."""
    try:
        record = importlib.metadata.distribution(_NAME).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        record = None
    url = urlparse(json.loads(record or "{}").get("url", ""))
    folder = Path(unquote(url.path)) if url.scheme == "file" else Path(__file__).parents[2]
    return folder if (folder / "pyproject.toml").is_file() else None
