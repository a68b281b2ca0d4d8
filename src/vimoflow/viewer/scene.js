"use strict";
// Drawing with WebGL 2: the skinned mannequin, a floor with a fading grid, and a soft shadow.

const SKIN_GLSL = `#version 300 es
precision highp float;
layout(location=0) in vec3 position; layout(location=1) in vec3 normal;
layout(location=2) in uvec4 joints; layout(location=3) in vec4 weights;
layout(location=4) in uint material;
uniform mat4 bones[24]; uniform float glow[24]; uniform float scale; uniform vec3 palette[4];
uniform mat4 view_projection;
mat4 blend() {
  mat4 m = bones[joints.x] * weights.x + bones[joints.y] * weights.y
         + bones[joints.z] * weights.z + bones[joints.w] * weights.w;
  return m / dot(weights, vec4(1.0));
}
`;
const BODY_VERTEX = SKIN_GLSL + `
out vec3 world, facing, albedo; out float lit;
void main() {
  mat4 m = blend();
  world = (m * vec4(position * scale, 1.0)).xyz;
  facing = mat3(m) * normal;
  albedo = pow(palette[material], vec3(2.2));
  lit = glow[joints.x];
  gl_Position = view_projection * vec4(world, 1.0);
}`;
const BODY_FRAGMENT = `#version 300 es
precision highp float;
in vec3 world, facing, albedo; in float lit; out vec4 color;
uniform vec3 eye, key; uniform float sky;
void main() {
  vec3 n = normalize(facing), v = normalize(eye - world);
  float diffuse = clamp((dot(n, key) + 0.25) / 1.25, 0.0, 1.0);
  float ambient = mix(0.20, 0.32, sky) + 0.13 * n.y;
  float rim = pow(1.0 - clamp(dot(n, v), 0.0, 1.0), 3.0);
  float shine = pow(clamp(dot(n, normalize(key + v)), 0.0, 1.0), 40.0);
  float grounded = 0.75 + 0.25 * clamp(world.y / 0.5, 0.0, 1.0);
  vec3 c = albedo * (ambient + 0.78 * diffuse) * grounded + 0.10 * rim + 0.10 * shine;
  c = mix(c, vec3(0.25, 0.80, 0.30) * (0.55 + 0.45 * diffuse), 0.85 * lit);
  color = vec4(pow(clamp(c, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
}`;
// The shadow is the body flattened along the light onto a square of the floor around "center".
const SHADOW_VERTEX = SKIN_GLSL + `
uniform vec3 fall; uniform vec2 center; uniform float reach; out float dark;
void main() {
  vec3 p = (blend() * vec4(position * scale, 1.0)).xyz;
  float h = max(p.y, 0.0);
  vec2 ground = p.xz - h * fall.xz / fall.y;
  dark = mix(1.0, 0.45, clamp(h / 1.2, 0.0, 1.0));
  gl_Position = vec4((ground - center) / reach, 0.0, 1.0);
}`;
const SHADOW_FRAGMENT = `#version 300 es
precision highp float; in float dark; out vec4 color; void main() { color = vec4(dark); }`;
const FLOOR_VERTEX = `#version 300 es
precision highp float; uniform mat4 view_projection; uniform vec2 center; out vec2 ground;
void main() {
  ground = center + 60.0 * vec2(gl_VertexID & 1, gl_VertexID >> 1) - 30.0;
  gl_Position = view_projection * vec4(ground.x, 0.0, ground.y, 1.0);
}`;
const FLOOR_FRAGMENT = `#version 300 es
precision highp float; in vec2 ground; out vec4 color;
uniform vec2 center; uniform float reach; uniform sampler2D shadow;
uniform vec3 back, floor_color, line_color, eye;
float grid(float cell, float width) {
  vec2 p = ground / cell, d = abs(p - round(p)) * cell, w = fwidth(ground) * width;
  vec2 line = clamp(1.5 - d / max(w, vec2(1e-4)), 0.0, 1.0) * min(vec2(1.0), cell / (w * 6.0));
  return max(line.x, line.y);
}
void main() {
  float away = length(ground - center), near = 1.0 / (1.0 + pow(away / 6.5, 4.0));
  float lines = max(0.45 * grid(0.5, 0.7), grid(1.0, 0.9));
  vec3 c = mix(floor_color, line_color, lines);
  vec2 at = (ground - center) / reach * 0.5 + 0.5;
  float dark = 0.0;
  for (int i = 0; i < 24; i++) {
    float r = sqrt((float(i) + 0.5) / 24.0), a = float(i) * 2.39996;
    dark += textureLod(shadow, at + r * 0.011 * vec2(cos(a), sin(a)), 1.5).r;
  }
  vec2 border = smoothstep(0.5, 0.42, abs(at - 0.5));
  c *= 1.0 - 0.42 * dark / 24.0 * border.x * border.y;
  color = vec4(mix(back, c, near), 1.0);
}`;
// Spheres are squares that face the eye; the fragment cuts them round.
const SPHERE_VERTEX = `#version 300 es
precision highp float;
uniform vec3 centers[24]; uniform float radii[24]; uniform mat4 view_projection; uniform vec3 eye;
out vec2 at; out float size;
void main() {
  at = 2.0 * vec2(gl_VertexID & 1, gl_VertexID >> 1) - 1.0;
  vec3 center = centers[gl_InstanceID];
  vec3 back = normalize(eye - center), right = normalize(cross(vec3(0.0, 1.0, 0.0), back));
  size = radii[gl_InstanceID];
  vec3 p = center + size * (at.x * right + at.y * cross(back, right));
  gl_Position = view_projection * vec4(p, 1.0);
}`;
const SPHERE_FRAGMENT = `#version 300 es
precision highp float; in vec2 at; in float size; out vec4 color;
// The legend in page.css shows the same colours: 0, 75 and 150 mm.
const vec3 SURE = vec3(0.18, 0.66, 0.62), DOUBTFUL = vec3(0.95, 0.70, 0.20), OPEN = vec3(0.85, 0.20, 0.30);
void main() {
  float r = length(at), w = fwidth(r), share = clamp(size / 0.15, 0.0, 1.0);
  vec3 c = share < 0.5 ? mix(SURE, DOUBTFUL, 2.0 * share) : mix(DOUBTFUL, OPEN, 2.0 * share - 1.0);
  float ring = smoothstep(0.80, 1.0 - w, r), inside = 1.0 - smoothstep(1.0 - w, 1.0, r);
  color = vec4(c, (0.34 + 0.5 * ring) * inside);
}`;

function createScene(canvas, clip) {
  const gl = canvas.getContext("webgl2", { antialias: true, alpha: false });
  if (!gl) return null;
  const body = program(gl, BODY_VERTEX, BODY_FRAGMENT);
  const caster = program(gl, SHADOW_VERTEX, SHADOW_FRAGMENT);
  const ground = program(gl, FLOOR_VERTEX, FLOOR_FRAGMENT);
  const sphere = program(gl, SPHERE_VERTEX, SPHERE_FRAGMENT);
  const mesh = uploadMesh(gl, clip.mesh), empty = gl.createVertexArray();
  const shadow = shadowTarget(gl, 512);
  const key = unit([-0.42, 0.76, 0.5]), fall = [-0.23, 0.76, 0.27], reach = 2.4;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const none = new Float32Array(clip.parents.length);

  function draw(world, { camera, center, contacts, radii }) {
    const bones = new Float32Array(world.flatMap((m, j) => afterRest(m, clip.rest[j])));
    const target = [center[0] + camera.panX, 0.92 + camera.panY, center[1] + camera.panZ];
    const eye = eyeOf(camera, target);
    const width = Math.max(1, Math.round(canvas.clientWidth * Math.min(2, devicePixelRatio)));
    const height = Math.max(1, Math.round(canvas.clientHeight * Math.min(2, devicePixelRatio)));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const view_projection = multiply(perspective(width / height), lookAt(eye, target));
    const skinned = { "bones[0]": bones, "glow[0]": contacts || none, scale: clip.mesh.scale };
    const root = [world[0][12], world[0][14]];

    gl.bindFramebuffer(gl.FRAMEBUFFER, shadow.frame);
    gl.viewport(0, 0, shadow.size, shadow.size);
    gl.disable(gl.DEPTH_TEST); gl.disable(gl.CULL_FACE);
    gl.enable(gl.BLEND); gl.blendEquation(gl.MAX);
    clear(gl, [0, 0, 0]);
    drawWith(gl, caster, { ...skinned, fall, center: root, reach });
    gl.bindVertexArray(mesh.array); gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_SHORT, 0);
    gl.bindTexture(gl.TEXTURE_2D, shadow.texture); gl.generateMipmap(gl.TEXTURE_2D);

    const look = dark.matches
      ? { back: [0.09, 0.106, 0.133], floor_color: [0.16, 0.18, 0.22], line_color: [0.27, 0.31, 0.37], sky: 0 }
      : { back: [0.894, 0.914, 0.941], floor_color: [0.80, 0.825, 0.86], line_color: [0.66, 0.70, 0.755], sky: 1 };
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.disable(gl.BLEND); gl.enable(gl.DEPTH_TEST);
    clear(gl, look.back);
    drawWith(gl, ground, { view_projection, center: root, reach, shadow: 0, eye, ...look });
    gl.bindVertexArray(empty); gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.enable(gl.CULL_FACE);
    drawWith(gl, body, { ...skinned, view_projection, eye, key, sky: look.sky, "palette[0]": clip.colors.flat() });
    gl.bindVertexArray(mesh.array); gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_SHORT, 0);
    if (radii) drawSpheres(world, radii, { view_projection, eye });
  }

  // Over the figure, because most of them lie inside it.
  function drawSpheres(world, radii, view) {
    const centers = world.flatMap((m) => [m[12], m[13], m[14]]);
    gl.disable(gl.DEPTH_TEST); gl.disable(gl.CULL_FACE);
    gl.enable(gl.BLEND); gl.blendEquation(gl.FUNC_ADD); gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    drawWith(gl, sphere, { ...view, "centers[0]": centers, "radii[0]": radii });
    gl.bindVertexArray(empty); gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, world.length);
    gl.blendFunc(gl.ONE, gl.ZERO);
  }
  return { draw };
}

function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text); gl.compileShader(shader); gl.attachShader(made, shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  const uniforms = {};
  for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS); i++) {
    const info = gl.getActiveUniform(made, i);
    uniforms[info.name] = { type: info.type, at: gl.getUniformLocation(made, info.name) };
  }
  return { made, uniforms };
}

// Use a program and set those of the values that it has uniforms for.
function drawWith(gl, { made, uniforms }, values) {
  gl.useProgram(made);
  for (const [name, { type, at }] of Object.entries(uniforms)) {
    const value = values[name];
    if (type === gl.FLOAT_MAT4) gl.uniformMatrix4fv(at, false, value);
    else if (type === gl.FLOAT_VEC3) gl.uniform3fv(at, value);
    else if (type === gl.FLOAT_VEC2) gl.uniform2fv(at, value);
    else if (type === gl.SAMPLER_2D) gl.uniform1i(at, value);
    else gl.uniform1fv(at, typeof value === "number" ? [value] : value);
  }
}

function uploadMesh(gl, mesh) {
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  const attribute = (at, data, size, type, whole, normalized) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(at);
    if (whole) gl.vertexAttribIPointer(at, size, type, 0, 0);
    else gl.vertexAttribPointer(at, size, type, normalized, 0, 0);
  };
  attribute(0, mesh.positions, 4, gl.SHORT, false, true);
  attribute(1, mesh.normals, 4, gl.BYTE, false, true);
  attribute(2, mesh.joints, 4, gl.UNSIGNED_BYTE, true);
  attribute(3, mesh.weights, 4, gl.UNSIGNED_BYTE, false, true);
  attribute(4, mesh.materials, 1, gl.UNSIGNED_BYTE, true);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, mesh.indices, gl.STATIC_DRAW);
  return { array, count: mesh.indices.length };
}

function shadowTarget(gl, size) {
  const texture = gl.createTexture(), frame = gl.createFramebuffer();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texStorage2D(gl.TEXTURE_2D, 5, gl.RGBA8, size, size);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  return { texture, frame, size };
}

function clear(gl, [r, g, b]) { gl.clearColor(r, g, b, 1); gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT); }

// A joint's matrix times the translation that takes its rest position to the origin.
function afterRest(m, [x, y, z]) {
  const out = m.slice();
  for (let r = 0; r < 3; r++) out[12 + r] -= m[r] * x + m[4 + r] * y + m[8 + r] * z;
  return out;
}

function eyeOf({ yaw, pitch, distance }, target) {
  const flat = Math.cos(pitch) * distance;
  const eye = [target[0] + Math.sin(yaw) * flat, target[1] + Math.sin(pitch) * distance, target[2] + Math.cos(yaw) * flat];
  eye[1] = Math.max(0.03, eye[1]);
  return eye;
}

function perspective(aspect) {
  // A narrow window widens its view, so that a phone held upright still shows the arms.
  const f = (1 / Math.tan(0.34)) * Math.min(1, Math.max(0.55, aspect * 1.25)), near = 0.05, far = 120;
  return [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0, (2 * far * near) / (near - far), 0];
}

function lookAt(eye, target) {
  const z = unit(eye.map((v, k) => v - target[k])), x = unit([z[2], 0, -z[0]]);
  const y = [z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]];
  const dot = (a) => -(a[0] * eye[0] + a[1] * eye[1] + a[2] * eye[2]);
  return [x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, dot(x), dot(y), dot(z), 1];
}

function unit(v) { const n = Math.hypot(...v); return v.map((c) => c / n); }
