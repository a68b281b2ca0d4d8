"use strict";
// Playback, camera and controls. The drawing is in scene.js, which comes before this file.
(() => {
  const byId = (id) => document.getElementById(id);
  const clip = decodeClip(JSON.parse(byId("data").textContent));
  const canvas = byId("view");
  const home = { yaw: 0, pitch: 0.17, distance: 4.4, panX: 0, panY: 0, panZ: 0 };
  const camera = { ...home };
  const state = { time: clip.times[0], playing: false, last: 0, dirty: true };
  const scene = createScene(canvas, clip);
  const sound = byId("sound"); // null in pages without
  const viewer = {
    get frame() { return frameAt(state.time); },
    get playing() { return state.playing; },
    get frames() { return clip.frames; },
    get camera() { return { ...camera }; },
    get supported() { return scene !== null; },
    get sample() { return clip.shown; },
    setFrame, showSample, play: () => setPlaying(true), pause: () => setPlaying(false),
    radii: () => (clip.radii === null ? null : [...clip.radiiAt(frameAt(state.time))]),
    jointPositions: () => poseAt(clip, state.time).map((m) => [m[12], m[13], m[14]]),
  };
  window.vimoflowViewer = viewer;

  if (!scene) {
    byId("message").textContent =
      "This page draws with WebGL 2, which is switched off or missing in this browser. " +
      "Switch on hardware acceleration, try another browser, or play preview.mp4 instead.";
    byId("message").hidden = false;
    byId("controls").hidden = true;
    return;
  }

  function frameAt(time) {
    let low = 0, high = clip.frames - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (clip.times[middle] <= time + 1e-6) low = middle; else high = middle - 1;
    }
    return low;
  }

  function setFrame(index) {
    const frame = Math.max(0, Math.min(clip.frames - 1, Math.round(index)));
    state.time = clip.times[frame];
    refresh();
  }

  function setPlaying(playing) {
    if (playing && !byId("loop").checked && frameAt(state.time) === clip.frames - 1) setFrame(0);
    state.playing = playing && clip.frames > 1;
    state.last = performance.now();
    byId("play").classList.toggle("playing", state.playing);
    byId("play").setAttribute("aria-label", state.playing ? "Pause" : "Play");
    playSound();
    requestDraw();
  }

  // The sound from where the motion is; browsers refuse it until the page has been touched.
  function playSound() {
    if (!sound) return;
    if (!state.playing || !byId("hear").checked) { sound.pause(); return; }
    sound.currentTime = Math.min(state.time, sound.duration || state.time);
    sound.playbackRate = Number(byId("speed").value);
    sound.play().catch(() => {});
  }

  function heard() { return sound && !sound.paused && !sound.ended && sound.readyState > 2; }

  function refresh() {
    const frame = frameAt(state.time), scrub = byId("scrub");
    const seconds = clip.times[frame].toFixed(2), total = clip.times[clip.frames - 1].toFixed(2);
    scrub.value = frame;
    scrub.setAttribute("aria-valuetext", `frame ${frame + 1} of ${clip.frames}, ${seconds} seconds`);
    const marked = clip.marks.filter(([start, end]) => start <= state.time + 1e-3 && state.time <= end + 1e-3);
    byId("doubt").textContent = marked.map((mark) => mark[2]).join(" · ");
    byId("readout").textContent = `${frame + 1} / ${clip.frames} · ${seconds} / ${total} s`;
    requestDraw();
  }

  function requestDraw() {
    if (state.pending) return;
    state.pending = true;
    requestAnimationFrame(tick);
  }

  function tick(now) {
    state.pending = false;
    if (state.playing) {
      const step = Math.min(0.1, (now - state.last) / 1000) * Number(byId("speed").value);
      const end = clip.times[clip.frames - 1] + clip.period;
      // The ear hears a gap sooner than the eye sees a jump: the sound is the clock.
      if (heard()) state.time = sound.currentTime; else state.time += Math.max(0, step);
      if (state.time >= end) {
        if (byId("loop").checked) { state.time %= end; playSound(); }
        else { state.time = clip.times[clip.frames - 1]; setPlaying(false); }
      }
      refresh();
    }
    state.last = now;
    draw();
  }

  function draw() {
    const center = byId("follow").checked ? followedPoint(clip, state.time) : clip.middle;
    scene.draw(poseAt(clip, state.time), {
      camera, center,
      contacts: byId("contacts").checked ? clip.contactsAt(frameAt(state.time)) : null,
      radii: uncertain() ? clip.radiiAt(frameAt(state.time)) : null,
    });
  }

  // The spheres are around the result's joints, not around another sample's.
  function uncertain() { return clip.radii !== null && clip.shown === 0 && byId("uncertainty").checked; }

  function showSample(number) {
    clip.show(number % clip.samples.length);
    byId("sample").value = clip.shown;
    byId("scale").hidden = !uncertain();
    requestDraw();
  }

  function drawStrip() {
    const strip = byId("strip"), width = Math.max(1, Math.round(strip.clientWidth * devicePixelRatio));
    strip.width = width;
    const brush = strip.getContext("2d"), style = getComputedStyle(document.documentElement);
    const seen = style.getPropertyValue("--seen"), filled = style.getPropertyValue("--filled");
    for (let x = 0; x < width; x++) {
      const share = clip.seen[Math.min(clip.frames - 1, Math.floor((x / width) * clip.frames))] / 255;
      brush.globalAlpha = 1; brush.fillStyle = filled; brush.fillRect(x, 0, 1, 6);
      brush.globalAlpha = share; brush.fillStyle = seen; brush.fillRect(x, 0, 1, 6);
    }
    brush.globalAlpha = 1; brush.fillStyle = style.getPropertyValue("--doubt");
    for (const [start, end] of clip.marks) {
      const from = (frameAt(start) / clip.frames) * width, to = ((frameAt(end) + 1) / clip.frames) * width;
      brush.fillRect(from, 0, Math.max(2, to - from), 3);
    }
  }

  function orbit(dx, dy) {
    camera.yaw -= dx * 0.006;
    camera.pitch = Math.max(-0.05, Math.min(1.5, camera.pitch + dy * 0.006));
  }

  function pan(dx, dy) {
    const scale = (camera.distance * 0.72) / canvas.clientHeight;
    camera.panX -= dx * scale * Math.cos(camera.yaw);
    camera.panZ += dx * scale * Math.sin(camera.yaw);
    camera.panY = Math.max(-1, Math.min(3, camera.panY + dy * scale));
  }

  function zoom(factor) { camera.distance = Math.max(1, Math.min(25, camera.distance * factor)); }

  const pointers = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone already */ }
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    canvas.classList.add("dragging");
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before[0], dy = event.clientY - before[1];
    const other = [...pointers.entries()].find(([id]) => id !== event.pointerId);
    if (other) {
      const gap = (p) => Math.hypot(p[0] - other[1][0], p[1] - other[1][1]);
      zoom(gap(before) / Math.max(1, gap([event.clientX, event.clientY])));
      pan(dx / 2, dy / 2);
    } else if (event.buttons & 6 || event.shiftKey) pan(dx, dy);
    else orbit(dx, dy);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    requestDraw();
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, (event) => {
      pointers.delete(event.pointerId);
      if (!pointers.size) canvas.classList.remove("dragging");
    });
  }
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(Math.max(-80, Math.min(80, event.deltaY)) * 0.0018));
    requestDraw();
  }, { passive: false });

  function step(by) { setPlaying(false); setFrame(viewer.frame + by); }
  function resetView() { Object.assign(camera, home); requestDraw(); }
  function toggle(id) { byId(id).checked = !byId(id).checked; requestDraw(); }

  byId("play").addEventListener("click", () => setPlaying(!state.playing));
  byId("back").addEventListener("click", () => step(-1));
  byId("forward").addEventListener("click", () => step(1));
  byId("reset").addEventListener("click", resetView);
  byId("scrub").addEventListener("input", (event) => { setPlaying(false); setFrame(+event.target.value); });
  for (const id of ["follow", "contacts", "uncertainty"]) byId(id).addEventListener("change", requestDraw);
  byId("uncertainty").addEventListener("change", () => { byId("scale").hidden = !uncertain(); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.target;
    if (on instanceof HTMLSelectElement) return;
    if (event.key === " " && !(on.closest && on.closest("button, summary, input[type=checkbox]"))) {
      setPlaying(!state.playing);
    } else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key.toLowerCase() === "f") toggle("follow");
    else if (event.key.toLowerCase() === "r") resetView();
    else if (event.key.toLowerCase() === "s") showSample(clip.shown + 1);
    else return;
    event.preventDefault();
  });

  clip.samples.forEach((_, number) => {
    byId("sample").add(new Option(number ? `sample ${number}` : "result", number));
  });
  byId("choice").hidden = clip.samples.length < 2;
  byId("sample").addEventListener("change", () => showSample(Number(byId("sample").value)));
  byId("speed").addEventListener("change", playSound);
  byId("hear").addEventListener("change", playSound);
  byId("audible").hidden = !sound;
  for (const kind of sound ? ["pointerup", "keyup"] : []) {
    document.addEventListener(kind, () => { if (state.playing && sound.paused) playSound(); });
  }

  byId("scrub").max = clip.frames - 1;
  byId("uncertain").hidden = clip.radii === null;
  byId("scale").hidden = !uncertain();
  const hasSeen = clip.seen !== null;
  byId("strip").hidden = byId("legend").hidden = !hasSeen;
  if (hasSeen) {
    new ResizeObserver(drawStrip).observe(byId("strip"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawStrip);
  }
  new ResizeObserver(draw).observe(canvas); // at once: a stretched picture would flash otherwise
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", requestDraw);
  setFrame(0);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) setPlaying(true);
})();
