"""How much code there is: lines without blanks, comments and docstrings, and the longest pieces.

Counted are the lines that a token of code touches, as Python's own tokenizer and parser see them; a
string that is data, not a docstring, counts.
"""

from __future__ import annotations

import ast
import io
import token
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "vimoflow"
MOST_FILE_LINES = 300
MOST_FUNCTION_LINES = 60
SHORT_FUNCTION_LINES = 25
_NO_CODE = {
    token.NEWLINE, token.INDENT, token.DEDENT, token.ENDMARKER, tokenize.NL, tokenize.COMMENT,
}  # fmt: skip
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """A function's place and size.

    Attributes:
        name: module and qualified name, as in ``pipeline/views.py:align``.
        lines: code in its body; signature (a command's list of options) and inner functions aside.
    """

    name: str
    lines: int


@dataclass(frozen=True)
class SourceFile:
    """A file's name, its lines of code, all its lines, and its functions."""

    name: str
    lines: int
    whole: int
    functions: tuple[Function, ...]


@dataclass(frozen=True)
class CodeSize:
    """The files of a package."""

    files: tuple[SourceFile, ...]

    @property
    def lines(self) -> int:
        """Lines of code in all files."""
        return sum(file.lines for file in self.files)

    @property
    def functions(self) -> tuple[Function, ...]:
        """All functions and methods, those within others included."""
        return tuple(function for file in self.files for function in file.functions)

    @property
    def share_short(self) -> float:
        """Share of the functions whose bodies have at most 25 lines of code."""
        functions = self.functions
        return sum(f.lines <= SHORT_FUNCTION_LINES for f in functions) / max(len(functions), 1)


def code_size(folder: Path = PACKAGE) -> CodeSize:
    """Count the Python files in a folder and in those below it.

    Raises:
        SyntaxError: a file is not Python.
    """
    paths = sorted(folder.rglob("*.py"))
    return CodeSize(tuple(_file(path, path.relative_to(folder).as_posix()) for path in paths))


def code_size_report(size: CodeSize) -> str:
    """Text: totals, the longest file and function, and all that are longer than they may be."""
    longest_file = max(size.files, key=lambda file: file.whole)
    longest = max(size.functions, key=lambda function: function.lines)
    rows = [
        f"{size.lines} lines of code in {len(size.files)} files"
        " (without blank lines, comments, docstrings)",
        f"longest file: {longest_file.name}, {longest_file.whole} lines",
        f"longest function: {longest.name}, {longest.lines} lines of code in its body",
        f"{size.share_short:.1%} of {len(size.functions)} functions have at most"
        f" {SHORT_FUNCTION_LINES} lines",
    ]
    return "\n".join([*rows, *(f"too long: {name}" for name in too_long(size))])


def too_long(size: CodeSize) -> tuple[str, ...]:
    """Files and functions beyond `MOST_FILE_LINES` and `MOST_FUNCTION_LINES`, with their lines."""
    files = [(f.name, f.whole) for f in size.files if f.whole > MOST_FILE_LINES]
    functions = [(f.name, f.lines) for f in size.functions if f.lines > MOST_FUNCTION_LINES]
    return tuple(f"{name}, {lines} lines" for name, lines in (*files, *functions))


def _file(path: Path, name: str) -> SourceFile:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    code = _code_lines(text) - _docstring_lines(tree)
    functions = tuple(
        Function(f"{name}:{qualified}", len(code & _body_lines(node)))
        for qualified, node in _functions(tree)
    )
    return SourceFile(name, len(code), len(text.splitlines()), functions)


def _code_lines(text: str) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        line
        for part in tokens
        if part.type not in _NO_CODE
        for line in range(part.start[0], part.end[0] + 1)
    }


def _docstring_lines(tree: ast.AST) -> set[int]:
    """Lines of strings that stand alone: docstrings, also those of attributes and constants."""
    alone = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
    return {line for node in alone for line in range(node.lineno, (node.end_lineno or 0) + 1)}


def _functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, _Function]]:
    for node in ast.iter_child_nodes(tree):
        name = within
        if isinstance(node, _Function | ast.ClassDef):
            name = f"{within}.{node.name}".lstrip(".")
        if isinstance(node, _Function):
            yield name, node
        yield from _functions(node, name)


def _body_lines(node: _Function) -> set[int]:
    inner = [line for _, part in _functions(node) for line in _span(part.lineno, part)]
    return set(_span(node.body[0].lineno, node)) - set(inner)


def _span(first: int, node: _Function) -> Sequence[int]:
    return range(first, (node.end_lineno or first) + 1)
