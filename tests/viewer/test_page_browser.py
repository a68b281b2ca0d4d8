"""preview.html in headless Chromium: it draws, plays and answers (``make test-browser``)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from browser import answer_of, find_chromium, run_page
from motion_examples import swinging_motion
from music_examples import tone
from vimoflow.evaluation.benchmark.music_beats import read_audio
from vimoflow.motion.clip import Motion
from vimoflow.motion.uncertainty import JointUncertainty
from vimoflow.music.song_to_dance import compressed
from vimoflow.viewer.page import Detail, Sound, write_preview_page

pytestmark = pytest.mark.browser

# Headless Chromium draws when it likes; this clock makes every frame 16 ms long.
STEADY = """<body><script>
let steady = performance.now();
window.requestAnimationFrame = (draw) => setTimeout(() => draw(steady += 16), 0);
</script>"""
# Appended to the page: runs in it and leaves its answer in an element of the dumped document.
ASK = """<script>(async () => {
  const viewer = window.vimoflowViewer, byId = (id) => document.getElementById(id);
  let answer;
  try { answer = await (async () => { %s })(); }
  catch (error) { answer = { error: String(error) }; }
  const note = document.createElement("pre");
  note.id = "answer"; note.textContent = JSON.stringify(answer);
  document.body.append(note);
})();</script></body>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    return find_chromium()


def _ask(
    chromium: str,
    folder: Path,
    motion: Motion,
    script: str,
    *options: str,
    uncertainty: JointUncertainty | None = None,
    others: Sequence[Motion] = (),
) -> dict:
    page = folder / "preview.html"
    details = [Detail("Frames", str(len(motion)))]
    write_preview_page(motion, page, "a <clip>", details, uncertainty, others=others)
    text = page.read_text("utf-8").replace("<body>", STEADY).replace("</body>", ASK % script)
    page.write_text(text, "utf-8")
    profile = folder / "profile"
    return answer_of(
        run_page(chromium, page.as_uri(), profile, "--virtual-time-budget=30000", "--dump-dom",
                 *options)
    )  # fmt: skip


def test_joints_in_the_page_are_those_of_the_motion(chromium: str, tmp_path: Path) -> None:
    motion = swinging_motion(30)
    answer = _ask(
        chromium, tmp_path, motion,
        "viewer.pause(); const joints = [];"
        "for (const i of [0, 11, 29]) { viewer.setFrame(i); joints.push(viewer.jointPositions()); }"
        "return { joints, frames: viewer.frames };",
    )  # fmt: skip
    assert answer["frames"] == 30
    for frame, joints in zip((0, 11, 29), answer["joints"], strict=True):
        assert np.abs(np.array(joints) - motion.joint_positions[frame]).max() < 1e-3


def test_controls_do_what_they_say(chromium: str, tmp_path: Path) -> None:
    answer = _ask(
        chromium, tmp_path, swinging_motion(30, fps=60.0),
        """
        const log = { autoplay: viewer.playing };
        byId("play").click(); log.paused = !viewer.playing; log.label = byId("play").ariaLabel;
        const press = (key) => document.body.dispatchEvent(
          new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        viewer.setFrame(5); press("ArrowRight"); log.right = viewer.frame;
        press("ArrowLeft"); press("ArrowLeft"); log.left = viewer.frame;
        byId("scrub").value = 20; byId("scrub").dispatchEvent(new Event("input"));
        log.scrub = viewer.frame;
        log.text = byId("readout").textContent;
        viewer.setFrame(999); log.end = viewer.frame; viewer.setFrame(-5); log.start = viewer.frame;
        const canvas = byId("view"), move = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(
          kind, { pointerId: 1, clientX: x, clientY: y, buttons: 1, bubbles: true }));
        const before = viewer.camera; move("pointerdown", 300, 200); move("pointermove", 380, 230);
        move("pointerup", 380, 230); log.turned = viewer.camera.yaw !== before.yaw;
        canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -100, cancelable: true }));
        log.closer = viewer.camera.distance < before.distance;
        press("r"); log.reset = viewer.camera.yaw === before.yaw;
        byId("loop").checked = false; viewer.setFrame(29); press(" "); log.restart = viewer.frame;
        log.playing = viewer.playing;  
        for (let i = 0; i < 400 && viewer.playing; i++)
          await new Promise((done) => requestAnimationFrame(done));
        log.stopped = !viewer.playing; log.last = viewer.frame;
        return log;
        """,
    )  # fmt: skip
    assert answer.pop("text").startswith("21 / 30")
    assert answer == {
        "autoplay": True, "paused": True, "label": "Play", "right": 6, "left": 4, "scrub": 20,
        "end": 29, "start": 0, "turned": True, "closer": True, "reset": True, "restart": 0,
        "playing": True, "stopped": True, "last": 29,
    }  # fmt: skip


def test_uncertainty_is_shown_where_it_is_known_and_can_be_switched_off(
    chromium: str, tmp_path: Path
) -> None:
    script = """
        viewer.pause(); viewer.setFrame(1);
        const shown = () => !byId("scale").hidden, log = { radii: viewer.radii(), shown: shown() };
        log.toggle = !byId("uncertain").hidden;
        byId("uncertainty").click(); log.off = shown(); byId("uncertainty").click();
        log.on = shown(); return log;
    """
    radius = np.random.default_rng(0).uniform(0, 0.2, (3, 24))
    known = JointUncertainty(radius, radius, 2 * radius)
    answer = _ask(chromium, tmp_path, swinging_motion(3), script, uncertainty=known)
    np.testing.assert_allclose(answer.pop("radii"), radius[1], atol=6e-4)
    assert answer == {"shown": True, "toggle": True, "off": False, "on": True}
    unknown = _ask(chromium, tmp_path, swinging_motion(3), script)
    assert unknown == {"radii": None, "shown": False, "toggle": False, "off": False, "on": False}


def test_samples_can_be_switched(chromium: str, tmp_path: Path) -> None:
    motions = swinging_motion(5), swinging_motion(5).in_place()
    script = """
        viewer.pause(); viewer.setFrame(4);
        const press = () => document.body.dispatchEvent(
          new KeyboardEvent("keydown", { key: "s", bubbles: true }));
        const log = { hidden: byId("choice").hidden, joints: [viewer.jointPositions()] };
        byId("sample").value = 1; byId("sample").dispatchEvent(new Event("change"));
        log.joints.push(viewer.jointPositions()); log.chosen = viewer.sample;
        press(); log.after = viewer.sample; return log;
    """
    answer = _ask(chromium, tmp_path, motions[0], script, others=motions[1:])
    for motion, joints in zip(motions, answer.pop("joints"), strict=True):
        assert np.abs(np.array(joints) - motion.joint_positions[4]).max() < 1e-3
    assert answer == {"hidden": False, "chosen": 1, "after": 0}
    alone = _ask(chromium, tmp_path, motions[0], "viewer.pause(); return [byId('choice').hidden];")
    assert alone == [True]


def test_sound_is_the_songs_and_motion_is_where_the_sound_is(chromium: str, tmp_path: Path) -> None:
    """In real time, which sound needs: an image that never comes keeps the page from being done."""
    script = """
        const sound = byId("sound"), rows = [];
        const bytes = Uint8Array.from(atob(sound.src.split(",")[1]), (c) => c.charCodeAt(0));
        const heard = await new OfflineAudioContext(1, 1, 32000).decodeAudioData(bytes.buffer);
        const samples = Array.from(heard.getChannelData(0), (x) => Math.round(1000 * x));
        for (let i = 0; i < 400 && sound.currentTime < 0.5; i++) {
          await new Promise((done) => requestAnimationFrame(done));
          if (sound.currentTime > 0) rows.push([sound.currentTime, viewer.frame]);
        }
        setTimeout(() => { byId("held").src = "data:,"; });
        return { samples, rows };
    """
    song, page = tone(tmp_path / "song.wav", 3.0), tmp_path / "preview.html"
    write_preview_page(swinging_motion(90), page, "song", sound=Sound(compressed(song)))
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        held = f'<body><img id="held" src="http://127.0.0.1:{nobody.getsockname()[1]}">'
        text = page.read_text("utf-8").replace("img-src data:", "img-src data: http:")
        text = text.replace("<body>", held).replace("</body>", ASK % script)
        page.write_text(text, "utf-8")
        done = run_page(
            chromium, page.as_uri(), tmp_path / "profile", "--dump-dom",
            "--autoplay-policy=no-user-gesture-required", "--window-size=64,64",
        )  # fmt: skip
    answer = answer_of(done)
    sounds = read_audio(song, 32000), np.array(answer["samples"]) / 1000
    loud = [np.abs(x[:89600]).reshape(-1, 32).mean(1) for x in sounds]
    song_ms, page_ms = (np.flatnonzero(np.diff((x > x.max() / 3).astype(int)) == 1) for x in loud)
    np.testing.assert_allclose(page_ms, song_ms, atol=2)
    at_s, frame = np.array(answer["rows"]).T
    assert at_s.max() >= 0.5 and np.abs(np.floor(30 * at_s) - frame).max() <= 1


def test_without_webgl_it_says_so(chromium: str, tmp_path: Path) -> None:
    answer = _ask(
        chromium, tmp_path, swinging_motion(3),
        "return { supported: viewer.supported, hidden: byId('controls').hidden,"
        " message: byId('message').textContent };",
        "--disable-3d-apis",
    )  # fmt: skip
    assert answer["supported"] is False and answer["hidden"] is True
    assert "WebGL 2" in answer["message"]


def test_the_figure_is_drawn_with_its_left_on_the_right(chromium: str, tmp_path: Path) -> None:
    """A standing figure that faces the camera, in a screenshot: blue (left) is on the right."""
    from PIL import Image

    still = replace(
        swinging_motion(2, keypoints=False),
        poses=np.zeros((2, 24, 3)), trans=np.array([[2.0, 0.958, 5.0]] * 2),
    )  # fmt: skip
    page, shot = tmp_path / "preview.html", tmp_path / "shot.png"
    write_preview_page(still, page, "still")
    pause = "<script>vimoflowViewer.pause()</script></body>"
    page.write_text(page.read_text("utf-8").replace("</body>", pause), "utf-8")
    run_page(chromium, page.as_uri(), tmp_path / "profile", "--virtual-time-budget=2000",
             f"--screenshot={shot}")  # fmt: skip
    rgb = np.asarray(Image.open(shot).convert("RGB")).astype(int)[60:460]
    blue = np.argwhere(rgb[..., 2] - rgb[..., 0] > 60)
    red = np.argwhere(rgb[..., 0] - rgb[..., 2] > 60)
    assert len(blue) > 800 and len(red) > 800
    assert blue[:, 1].mean() > 420 and red[:, 1].mean() < 380
    assert abs(len(blue) / len(red) - 1) < 0.3
    # The arms' span is 1.2 times what lies between shoulder and sole: nothing is stretched.
    span, rise = blue[:, 1].max() - red[:, 1].min(), np.ptp(blue[:, 0])
    assert span / rise == pytest.approx(1.753 / 1.48, rel=0.12)
