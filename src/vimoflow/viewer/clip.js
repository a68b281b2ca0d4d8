"use strict";
// The motion that the page carries, and where the joints are at a time.

function decodeClip(data) {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const clip = {
    frames: data.frames, period: 1 / data.fps, parents: data.parents, offsets: data.offsets,
    colors: data.colors, contactJoints: data.contact_joints,
    times: new Float32Array(bytes(data.times)),
    samples: data.samples.map((one) => ({
      root: new Float32Array(bytes(one.root)),
      turns: new Int16Array(bytes(one.turns)), // local quaternions x y z w, times 32767
      contacts: new Uint8Array(bytes(one.contacts)),
    })),
    radii: data.radii === null ? null : new Uint16Array(bytes(data.radii)), // mm
    marks: data.marks,
    seen: data.seen === null ? null : new Uint8Array(bytes(data.seen)),
    mesh: {
      scale: data.mesh.scale,
      positions: new Int16Array(bytes(data.mesh.positions)), // metres times 32767 / scale
      normals: new Int8Array(bytes(data.mesh.normals)),
      joints: new Uint8Array(bytes(data.mesh.joints)),
      weights: new Uint8Array(bytes(data.mesh.weights)),
      materials: new Uint8Array(bytes(data.mesh.materials)),
      indices: new Uint16Array(bytes(data.mesh.indices)),
    },
  };
  clip.rest = restPositions(clip);
  clip.show = (number) => {
    Object.assign(clip, clip.samples[number], { shown: number });
    clip.middle = middleOfPath(clip);
  };
  clip.show(0);
  clip.contactsAt = (frame) => {
    const glow = new Float32Array(clip.parents.length);
    clip.contactJoints.forEach((joint, k) => { glow[joint] = clip.contacts[frame * 4 + k] / 255; });
    return glow;
  };
  // Of each joint, in metres: a sphere that holds the truth in half of all cases.
  clip.radiiAt = (frame) => {
    const joints = clip.parents.length;
    return Float32Array.from(clip.radii.subarray(frame * joints, (frame + 1) * joints), (r) => r / 1000);
  };
  return clip;
}

function restPositions(clip) {
  const rest = [];
  clip.parents.forEach((parent, j) => {
    rest.push(parent < 0 ? [0, 0, 0] : clip.offsets[j].map((v, k) => v + rest[parent][k]));
  });
  return rest;
}

function middleOfPath(clip) {
  let x = 0, z = 0;
  for (let i = 0; i < clip.frames; i++) { x += clip.root[3 * i]; z += clip.root[3 * i + 2]; }
  return [x / clip.frames, z / clip.frames];
}

// The frames on both sides of a time and how far it is between them.
function bracket(clip, time) {
  let low = 0, high = clip.frames - 1;
  if (time >= clip.times[high]) return [high, high, 0];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (clip.times[middle] <= time) low = middle; else high = middle;
  }
  const share = (time - clip.times[low]) / (clip.times[high] - clip.times[low]);
  return [low, high, Math.max(0, Math.min(1, share))];
}

// World matrices (column-major) of all joints.
function poseAt(clip, time) {
  const [a, b, share] = bracket(clip, time), world = [];
  const joints = clip.parents.length;
  clip.parents.forEach((parent, j) => {
    const at = 4 * (a * joints + j), to = 4 * (b * joints + j), q = [0, 0, 0, 0];
    let dot = 0;
    for (let k = 0; k < 4; k++) dot += clip.turns[at + k] * clip.turns[to + k];
    for (let k = 0; k < 4; k++) {
      q[k] = (1 - share) * clip.turns[at + k] + (dot < 0 ? -share : share) * clip.turns[to + k];
    }
    const local = rotationMatrix(q);
    for (let k = 0; k < 3; k++) {
      local[12 + k] = parent >= 0 ? clip.offsets[j][k]
        : (1 - share) * clip.root[3 * a + k] + share * clip.root[3 * b + k];
    }
    world.push(parent < 0 ? local : multiply(world[parent], local));
  });
  return world;
}

// Where the camera looks on the floor: the root, averaged over a second.
function followedPoint(clip, time) {
  let x = 0, z = 0, sum = 0;
  const reach = 0.6;
  for (let i = bracket(clip, time - reach)[0]; i < clip.frames; i++) {
    const gap = (clip.times[i] - time) / reach;
    if (gap > 1) break;
    const weight = Math.max(1e-3, 1 - gap * gap);
    x += weight * clip.root[3 * i]; z += weight * clip.root[3 * i + 2]; sum += weight;
  }
  return [x / sum, z / sum];
}

function rotationMatrix([x, y, z, w]) {
  const s = 2 / (x * x + y * y + z * z + w * w);
  return [
    1 - s * (y * y + z * z), s * (x * y + z * w), s * (x * z - y * w), 0,
    s * (x * y - z * w), 1 - s * (x * x + z * z), s * (y * z + x * w), 0,
    s * (x * z + y * w), s * (y * z - x * w), 1 - s * (x * x + y * y), 0,
    0, 0, 0, 1,
  ];
}

function multiply(a, b) {
  const out = new Array(16);
  for (let c = 0; c < 4; c++) for (let r = 0; r < 4; r++) {
    out[4 * c + r] = a[r] * b[4 * c] + a[4 + r] * b[4 * c + 1] + a[8 + r] * b[4 * c + 2] + a[12 + r] * b[4 * c + 3];
  }
  return out;
}
