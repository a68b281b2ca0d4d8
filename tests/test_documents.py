"""Documents to dataclasses: the base, nothing said as false, and mistakes told by their place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from vimoflow.documents import build, parse_document, plain_values, read_document
from vimoflow.errors import ConfigError, InputError


@dataclass(frozen=True)
class Wheel:
    size: float = 1.0
    kind: Literal["wood", "steel"] = "wood"


@dataclass(frozen=True)
class Cart:
    name: str
    wheels: tuple[Wheel, ...] = ()
    spare: Wheel | None = field(default_factory=Wheel)
    closed: bool = True
    load: float | Wheel = 2.0

    def __post_init__(self) -> None:
        if self.name == "hearse":
            raise ConfigError("no hearses")


def test_a_document_is_the_base_with_what_it_says() -> None:
    base = Cart("one", (Wheel(2.0),), closed=False)
    text = "closed = true\nspare = { kind = 'steel' }\nload = { size = 3 }"
    made = build(Cart, parse_document(text, "a.toml"), "a.toml", base)
    assert made == Cart("one", (Wheel(2.0),), Wheel(1.0, "steel"), True, Wheel(3.0))


def test_false_is_nothing_where_nothing_may_be_and_comes_back() -> None:
    made = build(Cart, parse_document("name = 'x'\nspare = false\nclosed = false", "t"), "t")
    assert made.spare is None and made.closed is False
    assert build(Cart, plain_values(made), "t") == made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nam = 'x'", "t: the table needs 'name'"),
        ("name = 'x'\nwheel = 3", "t: unknown field 'wheel'; did you mean 'wheels'?"),
        ("name = 'x'\n[[wheels]]\n[[wheels]]\nround = 1", "unknown field 'wheels[1].round'; known"),
        ("name = 'x'\n[[wheels]]\nsize = 'big'", "'wheels[0].size' must be a number, not text"),
        ("name = 'x'\n[spare]\nkind = 'tin'", "'spare.kind' must be one of wood, steel, not 'tin'"),
        ("name = 'x'\n[[wheels]]\nkind = 'tin'", "'wheels[0].kind' must be one of wood, steel"),
        ("name = 'x'\nclosed = 0", "'closed' must be true or false, not a whole number"),
        ("name = 'hearse'", "t: no hearses"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(Cart, parse_document(text, "t"), "t")
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"a =", b"\xff\xfe\x00", b"[" * 100_000])
@pytest.mark.parametrize("name", ["a.toml", "a.json"])
def test_what_is_no_document_is_an_input_error(tmp_path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_document(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
