"""The documentation says what is there: links lead somewhere, command lines name real options."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "src").rglob("*.md"),
    ]
)
NO_CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`\n]*`", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# Fenced and indented blocks, and commands named within the text.
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
INDENTED = re.compile(r"^ {4}(\S.*)$", re.M)
INLINE = re.compile(r"`((?:vimoflow|python -m lab)[^`\n]*)`")
OPTION = re.compile(r"(?<![\w-])(--[a-z][\w-]*|-[a-zA-Z])(?![\w-])")


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def headings(path: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and the site make them."""
    found = re.findall(r"^#+ +(.+?) *$", path.read_text("utf-8"), re.M)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower()) for text in found}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_relative_link_leads_somewhere(page):
    text = NO_CODE.sub("", page.read_text("utf-8"))
    lost = []
    for target in LINK.findall(text):
        place, _, anchor = target.partition("#")
        if "://" in place or place.startswith("mailto:"):
            continue
        path = page.parent / place if place else page
        if not path.exists() or (anchor and anchor not in headings(path)):
            lost.append(target)
    assert lost == []


def command_lines(text: str) -> Iterator[str]:
    """Command lines of ``vimoflow`` and ``python -m lab`` in a page."""
    joined = re.sub(r"\\\n\s*", "", text)
    blocks = "\n".join(BLOCK.findall(joined) + INDENTED.findall(joined))
    lines = [line.strip() for line in blocks.splitlines()]
    for line in lines + INLINE.findall(joined):
        command = re.search(r"(?:^|-m )(vimoflow|python -m lab(?:\.\w+)*)(?= |$).*", line)
        if command:
            yield re.sub(r"^-m ", "", command.group())


@functools.cache
def help_of(words: tuple[str, ...]) -> str:
    """What the command prints for --help; "" where there is no such command."""
    module, *rest = words[2:] if words[0] == "python" else words
    output, argv = io.StringIO(), sys.argv
    sys.argv = [module, *rest, "--help"]
    try:
        with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            runpy.run_module(module, run_name="__main__")
    finally:
        sys.argv = argv
    return output.getvalue()


def commands_in(text: str) -> set[str]:
    """Names of the subcommands that a help text lists."""
    if "COMMAND" not in text.partition("\n")[0]:
        return set()
    return set(re.findall(r"^  ([a-z][a-z-]+)(?:  +\S|$)", text.partition("Examples:")[0], re.M))


def program_of(words: list[str]) -> tuple[str, ...]:
    """The words that start the program: ``vimoflow``, or ``python -m lab``."""
    return tuple(words[:3] if words[0] == "python" else words[:1])


def options_of(words: list[str]) -> set[str]:
    """Options of the command that a line's words call, and of its subcommands if none is named."""
    path = program_of(words)
    for word in words[len(path) :]:
        if word not in commands_in(help_of(path)):
            break
        path = (*path, word)
    inner = [(*path, name) for name in commands_in(help_of(path))]
    return {option for each in [path, *inner] for option in OPTION.findall(help_of(each))}


def unknown_words(line: str) -> list[str]:
    """The command and the options of a line that its program does not have."""
    words = shlex.split(re.sub(r"[\[\]]", "", line), comments=True)
    program = program_of(words)
    rest, commands = words[len(program) :], commands_in(help_of(program))
    named = [word.partition("=")[0] for word in rest if re.match("-+[a-zA-Z]", word)]
    unknown = [option for option in named if option not in options_of(words)]
    if commands and rest and rest[0].isalpha() and rest[0] not in commands:
        unknown.append(rest[0])
    return unknown


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_line_names_what_exists(page):
    lines = command_lines(page.read_text("utf-8"))
    assert {line: unknown_words(line) for line in lines if unknown_words(line)} == {}


def test_command_lines_are_found_and_wrong_ones_noticed():
    """The tests above cannot pass by finding nothing."""
    lines = [line for page in PAGES for line in command_lines(page.read_text("utf-8"))]
    assert len(lines) > 100
    assert any(line.startswith("python -m lab") for line in lines)
    assert unknown_words("vimoflow generate a.mp4 -o out --samples 3  # --none") == []
    assert unknown_words("vimoflow keypoints IN OUT --to csv") == []
    assert unknown_words("vimoflow data prepare bvh IN [--samples 3] -x") == ["--samples", "-x"]
    assert unknown_words("vimoflow ablate film --data shards") == ["ablate"]
    assert unknown_words("python -m lab bench train --stepps=3") == ["--stepps"]


def test_the_readme_is_a_front_page():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


def missing_files(row: str) -> list[str]:
    """Files and folders that a row of ARCHITECTURE.md's tables names and that are not there.

    A name without a folder is beside the file named before it; what follows a dot is in the file.
    """
    missing, folder = [], Path()
    for name in re.findall(r"`([\w./-]+)`", row):
        place = re.sub(r"(\w)\.(?!py$|md$|yml$)\w+$", r"\1", name)
        folder = Path(place).parent if "/" in place else folder
        bases = [ROOT / "src/vimoflow", ROOT]
        candidates = [base / folder / Path(place).name for base in bases]
        if "." not in Path(place).name:
            candidates += [path.with_suffix(".py") for path in candidates]
        if ("/" in place or place.endswith(".py")) and not any(p.exists() for p in candidates):
            missing.append(name)
    return missing


def test_the_files_named_in_the_architecture_exist():
    rows = [line for line in (ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines()
            if line.startswith("| ")]  # fmt: skip
    assert {row: missing_files(row) for row in rows if missing_files(row)} == {}
    assert missing_files("| x | `data/quality_gates.LIMITS`, `no_file.py`, `nowhere/` |") == [
        "no_file.py", "nowhere/",
    ]  # fmt: skip
