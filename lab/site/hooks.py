"""Hooks that mkdocs calls: pages from outside docs/, links between them, the recipe's keys.

Pages are written so that their links work in the repository; here they are turned into the site's.
Files that are no page of the site are named, not linked.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from lab.site.recipe_keys import recipe_markdown

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = {
    "architecture.md": "ARCHITECTURE.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "model-card.md": "src/vimoflow/diffusion/weights/small.md",
    "model-card-music.md": "src/vimoflow/diffusion/weights/music.md",
}
"""Pages whose source lies outside docs/, by their place on the site."""

RECIPE_KEYS = "<!-- recipe keys -->"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_SOURCES = {source: page for page, source in OUTSIDE.items()}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from outside docs/."""
    for page, source in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links and put in the recipe's keys."""
    if RECIPE_KEYS in markdown:
        markdown = markdown.replace(RECIPE_KEYS, recipe_markdown())
    return site_links(markdown, page.file.src_uri)


def site_links(markdown: str, page: str) -> str:
    """The page's Markdown with links between repository files turned into the site's."""
    folder = posixpath.dirname(OUTSIDE.get(page, f"docs/{page}"))

    def turned(link: re.Match[str]) -> str:
        image, text, target = link.groups()
        place, hash_, anchor = target.partition("#")
        if not place or "://" in place or place.startswith("mailto:"):
            return link.group()
        source = posixpath.normpath(posixpath.join(folder, place))
        on_site = _SOURCES.get(source) or source.removeprefix("docs/")
        if source not in _SOURCES and not source.startswith("docs/"):
            return text
        relative = os.path.relpath(on_site, posixpath.dirname(page) or ".").replace(os.sep, "/")
        return f"{image}[{text}]({relative}{hash_}{anchor})"

    return _LINK.sub(turned, markdown)
