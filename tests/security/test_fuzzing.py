"""Random edits of valid files: a reader returns or raises a VimoflowError, nothing else.

``lab/fuzzing.py`` does the same for as long as one likes; docs/security.md has its counts.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lab.rigs.rig_conventions import CONVENTIONS
from lab.rigs.rig_examples import SyntheticRig, along_x_frames, performance, to_bvh
from motion_examples import swinging_motion
from vimoflow.data.sources.bvh import read_bvh_file
from vimoflow.errors import VimoflowError
from vimoflow.formats.bvh_reader import bvh_to_source_motion, read_bvh, write_bvh
from vimoflow.formats.motion_npz import load_motion_npz, save_motion_npz
from vimoflow.formats.number_text import parse_numbers
from vimoflow.keypoints.formats import read_keypoints
from vimoflow.pickles import load

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
few = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WORDS = st.sampled_from(
    [b"nan", b"inf", b"-1", b"1e400", b"0", b"{", b"}", b"[", b"]", b'"', b",", b"\n", b"\x00",
     b"OFFSET", b"End Site", b"MOTION", b"null", b"PK\x01\x02", b"|O", b"<f2", b"(9,)", b""]
)  # fmt: skip
# Where, as a part of the file; how much goes; what comes.
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), WORDS | st.binary(max_size=4)),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for place, length, new in edits:
        at = int(place * len(content))
        content = content[:at] + new + content[at + length :]
    return content


def survives(read: Callable[[Path], Any], path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        read(path)
    except VimoflowError as error:
        assert path.name in str(error) and "\n" not in str(error)


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One small valid file of each format."""
    folder = tmp_path_factory.mktemp("valid")
    motion = swinging_motion(2)
    write_bvh(motion, folder / "bvh")
    for name, frames in (("axes from motion", 3), ("one frame", 1)):
        rig = SyntheticRig(CONVENTIONS["Mixamo, bare"].names, along_x_frames())
        poses, root = performance(frames, 0)
        (folder / name).write_text(to_bvh(rig, poses, root, 100, 30))
    save_motion_npz(motion, folder / "motion")
    np.savez(folder / "points.npz", points=np.full((2, 17, 3), 0.5), fps=25, image_size=(9, 9))
    document = {"format": "vimoflow-keypoints", "version": 1, "fps": 25.0}
    (folder / "json").write_text(json.dumps({**document, "points": [[[1.5, 2.0, 0.5]] * 17]}))
    (folder / "pickle").write_bytes(pickle.dumps({"a": np.arange(4.0), "b": [np.float32(1)]}))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def posed(path: Path) -> object:
    return bvh_to_source_motion(read_bvh(path), 0.01)


READERS: dict[str, Callable[[Path], object]] = {
    "bvh": posed,
    "axes from motion": read_bvh_file,
    "one frame": read_bvh_file,
    "motion": load_motion_npz,
    "points.npz": read_keypoints,
    "json": read_keypoints,
    "pickle": load,
}


@pytest.mark.parametrize("kind", READERS)
@few
@given(edits=EDITS)
def test_edited_files(
    tmp_path: Path, valid: dict[str, bytes], kind: str, edits: list[tuple[float, int, bytes]]
) -> None:
    survives(READERS[kind], tmp_path / "edited", edited(valid[kind], edits))


@pytest.mark.parametrize("kind", READERS)
def test_the_files_edited_are_valid(tmp_path: Path, valid: dict[str, bytes], kind: str) -> None:
    (tmp_path / "sound").write_bytes(valid[kind])
    READERS[kind](tmp_path / "sound")


JSON = st.recursive(
    st.sampled_from([None, True, 0, -1, 10**400, 0.5, float("nan"), 1e308, "", "x", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=6,
)


@few
@given(
    name=st.sampled_from(["version", "joint_names", "fps", "points", "image_size", "source"]),
    value=JSON,
)
def test_any_json_in_any_field(
    tmp_path: Path, valid: dict[str, bytes], name: str, value: object
) -> None:
    document = {**json.loads(valid["json"]), name: value}
    survives(read_keypoints, tmp_path / "k.json", json.dumps(document).encode())


NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.integers().map(str)
    | st.decimals(-1000, 1000, places=6).map(str)
    | st.from_regex(
        r"[+-]?([0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(e[+-]?[0-9]{1,3})?", fullmatch=True
    )
)


@few
@given(words=st.lists(NUMBERS, max_size=30), gap=st.sampled_from([" ", "  ", "\t", "\r\n", " \n"]))
@example(words=["1e400", "1e-400", "-0"], gap=" ")
def test_numbers_are_exactly_those_of_python(words: list[str], gap: str) -> None:
    found = parse_numbers((gap + gap.join(words) + gap).encode())
    np.testing.assert_array_equal(found, np.array([float(word) for word in words]))


@few
@given(text=st.text(alphabet="0123456789.-+eE,[]\"' naif{}:_", max_size=12))
@example(text="[1 2]")
@example(text="1,2")
def test_what_is_no_number_is_an_error(text: str) -> None:
    try:
        expected = [float(word) for word in text.split()]
    except ValueError:
        with pytest.raises(ValueError, match="could not convert"):
            parse_numbers(text.encode())
        return
    np.testing.assert_array_equal(parse_numbers(text.encode()), np.array(expected, dtype=float))
