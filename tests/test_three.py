"""three.js plays the GLB and the FBX, three-vrm a VRM model with the VRMA, in headless Chromium.

Part of ``make test-browser``; npm fetches both libraries into a temporary folder. Joints are read
back in the page and compared with motion.npz, metres, +Y up.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from browser import answer_of, find_chromium, run_page
from lab.rigs.rig_conventions import CONVENTIONS
from lab.rigs.rigged_figures import Figure, as_vrm, document_of, pack
from motion_examples import swinging_motion
from vimoflow.formats.vrma import HUMAN_BONES
from vimoflow.motion.clip import Motion
from vimoflow.motion.contacts import standing_heights
from vimoflow.motion.skeleton import JOINT_NAMES

pytestmark = pytest.mark.browser

PACKAGES = ("three@0.180.0", "@pixiv/three-vrm@3.5.5", "@pixiv/three-vrm-animation@3.5.5")
PAGE = """<!doctype html><link rel="icon" href="data:,"><body>
<script type="importmap">{"imports": {
  "three": "/node_modules/three/build/three.module.js",
  "three/addons/": "/node_modules/three/examples/jsm/",
  "@pixiv/three-vrm": "/node_modules/@pixiv/three-vrm/lib/three-vrm.module.js",
  "@pixiv/three-vrm-animation":
    "/node_modules/@pixiv/three-vrm-animation/lib/three-vrm-animation.module.js"
}}</script>
<script type="module">
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { FBXLoader } from "three/addons/loaders/FBXLoader.js";
import { VRMLoaderPlugin, VRMUtils } from "@pixiv/three-vrm";
import { VRMAnimationLoaderPlugin, createVRMAnimationClip } from "@pixiv/three-vrm-animation";

async function played(file) {
  if (!file.endsWith(".fbx")) {
    const made = await new GLTFLoader().loadAsync(file);
    return { root: made.scene, clips: made.animations };
  }
  const root = await new FBXLoader().loadAsync(file);
  root.scale.multiplyScalar(root.userData.unitScaleFactor / 100);
  return { root, clips: root.animations };
}

async function vrmPlayed(file, motion) {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  loader.register((parser) => new VRMAnimationLoaderPlugin(parser));
  const { vrm } = (await loader.loadAsync(file)).userData;
  const [animation] = (await loader.loadAsync(motion)).userData.vrmAnimations;
  VRMUtils.rotateVRM0(vrm);
  return { root: vrm.scene, clips: [createVRMAnimationClip(animation, vrm)], vrm };
}

const note = document.createElement("pre");
note.id = "answer";
try {
  const { file, motion, names, times } = ASKED;
  const { root, clips, vrm } = motion ? await vrmPlayed(file, motion) : await played(file);
  const scene = new THREE.Scene();
  scene.add(root, new THREE.HemisphereLight(0xffffff, 0x888888, 3));
  const camera = new THREE.PerspectiveCamera(30, 4 / 3);
  camera.position.set(1.5, 1.4, 5); camera.lookAt(0, 0.9, 0);
  const renderer = new THREE.WebGLRenderer();
  const mixer = new THREE.AnimationMixer(root), clip = clips[clips.length - 1];
  const action = mixer.clipAction(clip);
  action.setLoop(THREE.LoopOnce);  // else the last moment is the first
  action.clampWhenFinished = true;
  action.play();
  const joints = times.map((seconds) => {
    mixer.setTime(seconds);
    vrm?.update(0);
    renderer.render(scene, camera);
    return names.map((name) => {
      const bone = vrm ? vrm.humanoid.getRawBoneNode(name) : root.getObjectByName(name);
      return bone.getWorldPosition(new THREE.Vector3()).toArray();
    });
  });
  let skinned = 0;
  root.traverse((one) => { skinned += one.isSkinnedMesh ? 1 : 0; });
  note.textContent = JSON.stringify(
    { joints, skinned, seconds: clip.duration, triangles: renderer.info.render.triangles });
} catch (error) { note.textContent = JSON.stringify({ error: String(error.stack) }); }
document.body.append(note);
</script></body>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    return find_chromium()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with the libraries, and its address."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm, which fetches three.js (Debian: apt-get install npm)")
    folder = tmp_path_factory.mktemp("served")
    fetched = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch three.js: {fetched.stderr.strip().splitlines()[-1]}")
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _played(
    chromium: str, served: tuple[Path, str], motion: Motion, file: Path, names: list[str],
    vrma: Path | None = None,
) -> dict:  # fmt: skip
    """Joints of all frames as the page has them."""
    folder, address = served
    for path in (file, vrma):
        if path is not None:
            shutil.copy(path, folder / path.name)
    asked = {"file": file.name, "motion": vrma and vrma.name, "names": names,
             "times": motion.timestamps.tolist()}  # fmt: skip
    (folder / "page.html").write_text(PAGE.replace("ASKED", json.dumps(asked)), "utf-8")
    answer = answer_of(
        run_page(chromium, f"{address}/page.html", folder / "profile",
                 "--virtual-time-budget=60000", "--dump-dom")
    )  # fmt: skip
    assert answer["seconds"] == pytest.approx(motion.timestamps[-1], abs=1e-4)
    return answer


@pytest.mark.parametrize("kind", ["glb", "fbx"])
def test_three_plays_it(chromium: str, served: tuple[Path, str], tmp_path: Path, kind: str) -> None:
    motion = swinging_motion(31, 30.0)
    path = tmp_path / f"motion.{kind}"
    motion.save(path)
    answer = _played(chromium, served, motion, path, list(JOINT_NAMES))
    assert answer["skinned"] >= 1 and answer["triangles"] > 1000
    assert np.abs(np.array(answer["joints"]) - motion.joint_positions).max() < 1e-3


@pytest.mark.parametrize("version", [0, 1])
def test_three_vrm_plays_it(
    chromium: str, served: tuple[Path, str], tmp_path: Path, version: int
) -> None:
    """A model of our proportions with the VRMA has our joints. Models of VRM 0.x face -Z."""
    motion = swinging_motion(31, 30.0)
    motion.save(tmp_path / "motion.vrma")
    figure = Figure(CONVENTIONS["VRM"], sole=float(standing_heights()[0]))
    document, binary = document_of(figure)
    if version == 0:
        document["nodes"][0]["rotation"] = [0.0, 1.0, 0.0, 0.0]
    hero = tmp_path / "hero.vrm"
    hero.write_bytes(pack(as_vrm(version, document), binary))
    names = [HUMAN_BONES[name] for name in JOINT_NAMES if name in HUMAN_BONES]
    ours = [k for k, name in enumerate(JOINT_NAMES) if name in HUMAN_BONES]
    answer = _played(chromium, served, motion, hero, names, tmp_path / "motion.vrma")
    found = np.array(answer["joints"])
    assert np.abs(found - motion.joint_positions[:, ours]).max() < 1e-3
