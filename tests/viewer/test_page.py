"""preview.html without a browser: what it holds and what it must not."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from motion_examples import swinging_motion
from vimoflow.errors import OutputError
from vimoflow.viewer.page import Detail, write_preview_page

HOSTILE = '</title><script>alert("x")</script> {{data}} & <b>'


def _page(tmp_path: Path, title: str = "a clip") -> str:
    details = (Detail("Frame rate", "30 fps"), Detail(HOSTILE, HOSTILE))
    write_preview_page(swinging_motion(20), tmp_path / "preview.html", title, details)
    return (tmp_path / "preview.html").read_text("utf-8")


def _data(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_loads_nothing(tmp_path: Path) -> None:
    page = _page(tmp_path)
    elements = _Elements()
    elements.feed(page)
    for _, attributes in elements.tags:
        assert "src" not in attributes
        assert attributes.get("href", "data:,").startswith("data:")
    assert not re.search(r"https?://|@import|fetch\(|XMLHttpRequest|import\(", page)
    assert "default-src 'none'" in page


def test_user_s_text_stays_text(tmp_path: Path) -> None:
    elements = _Elements()
    elements.feed(_page(tmp_path, HOSTILE))
    assert [tag for tag, _ in elements.tags].count("script") == 2
    assert "b" not in [tag for tag, _ in elements.tags]
    assert HOSTILE in elements.text


def test_every_control_has_a_name(tmp_path: Path) -> None:
    page = _page(tmp_path)
    for control in re.findall(r"<(?:button|select|canvas)[^>]*>", page):
        assert "aria-label=" in control or "aria-hidden" in control, control


def test_the_motion_in_the_page_is_the_motion(tmp_path: Path) -> None:
    """FK with SciPy on the embedded values gives the joints within half a millimetre."""
    motion, data = swinging_motion(20), _data(_page(tmp_path))

    def array(name: str, kind: str, *shape: int) -> np.ndarray:
        return np.frombuffer(base64.b64decode(str(data[name])), kind).reshape(shape)

    offsets = np.array(data["offsets"])
    data |= data["samples"][0]  # type: ignore[index]
    turns, root = array("turns", "<i2", 20, 24, 4).astype(float), array("root", "<f4", 20, 3)
    R: list[Rotation] = []
    p: list[np.ndarray] = []
    for joint, parent in enumerate(data["parents"]):  # type: ignore[call-overload]
        local = Rotation.from_quat(turns[:, joint])
        R.append(local if parent < 0 else R[parent] * local)
        p.append(root if parent < 0 else p[parent] + R[parent].apply(offsets[joint]))
    assert np.abs(np.stack(p, axis=1) - motion.joint_positions).max() < 5e-4
    np.testing.assert_allclose(array("times", "<f4", 20), motion.timestamps, atol=1e-6)
    seen = array("seen", "u1", 20) / 255
    assert motion.observed is not None
    np.testing.assert_allclose(seen, motion.observed.mean(axis=1), atol=1 / 255)


def test_other_samples_are_in_the_page_as_well(tmp_path: Path) -> None:
    motions = [swinging_motion(20), swinging_motion(20).in_place()]
    write_preview_page(motions[0], tmp_path / "p.html", others=motions[1:])
    kept = _data((tmp_path / "p.html").read_text("utf-8"))["samples"]
    assert isinstance(kept, list)
    for motion, one in zip(motions, kept, strict=True):
        root = np.frombuffer(base64.b64decode(one["root"]), "<f4").reshape(-1, 3)
        np.testing.assert_allclose(root, motion.trans, atol=1e-6)


def test_an_unwritable_place_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write_preview_page(swinging_motion(2), tmp_path / "nowhere" / "p.html", "x")
    assert not list(tmp_path.iterdir())


def test_the_sound_is_in_the_page_and_pages_without_have_none(tmp_path):
    from benchmark_examples import swaying
    from vimoflow.viewer.page import Sound

    motion = swaying(30, 0)
    write_preview_page(motion, tmp_path / "a.html", "a", sound=Sound(b"\x00\xff</audio>"))
    write_preview_page(motion, tmp_path / "b.html", "b")
    with_it, without = ((tmp_path / f"{n}.html").read_text("utf-8") for n in "ab")
    assert 'src="data:audio/mpeg;base64,AP88L2F1ZGlvPg=="' in with_it
    assert "<audio" not in without and "{{" not in without
