"""Random cameras around a motion, as a person with a phone or a tripod would place them.

Cameras stand at a random azimuth, mostly at eye level and looking slightly down, at the distance
where the person fills the wished share of the image. Most stand still; the others pan after the
person, travel along, orbit, zoom or shake in the hand.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.conventions import MODEL_FPS, STATURE_M
from vimoflow.data.camera_placement import camera_turn, look_at, smooth_path, toward_camera
from vimoflow.geometry.cameras import Camera
from vimoflow.motion.skeleton import joint

_UP_AXIS = 1


@dataclass(frozen=True)
class CameraSettings:
    """Distribution of virtual cameras; shares are probabilities per clip.

    Attributes:
        image_sizes: (width, height) in pixels, one is drawn per clip.
        vertical_fov_deg: range of the vertical field of view.
        fill: range of the share of the image's height that the person standing would fill.
        pitch_deg: mean and standard deviation of the usual downward pitch.
        wide_pitch_share: share of cameras with any pitch in ``wide_pitch_deg`` instead.
        wide_pitch_deg: range of those pitches.
        roll_deg: standard deviation of the usual roll.
        wide_roll_share: share of cameras with any roll in ``wide_roll_deg`` instead.
        wide_roll_deg: range of those rolls.
        offset: the person's path may be off the image's centre by up to this share of its half.
        truncation_share: share of clips where the camera stays so near that parts of the person
            may leave the image; the others step back until all joints fit.
        pan_share: cameras on a spot that turn after the person.
        travel_share: cameras that travel beside the person.
        orbit_share: cameras that circle the person, up to ``orbit_deg_per_s``.
        orbit_deg_per_s: standard deviation of the speed.
        zoom_share: cameras whose focal length drifts.
        handheld_share: cameras that shake, with ``shake_deg`` of standard deviation.
        shake_deg: size of the shake.
        roam_m: a path that strays farther than this from its middle is mostly followed, or the
            person would be tiny in the image.
        roam_followed: share of such clips, among those with a static camera, that become pans.
        fps: frame rate of the clips in Hz.
    """

    image_sizes: tuple[tuple[int, int], ...] = ((1280, 720), (1920, 1080), (720, 1280), (960, 720))
    vertical_fov_deg: tuple[float, float] = (18.0, 80.0)
    fill: tuple[float, float] = (0.25, 0.95)
    pitch_deg: tuple[float, float] = (8.0, 8.0)
    wide_pitch_share: float = 0.45
    wide_pitch_deg: tuple[float, float] = (-45.0, 60.0)
    roll_deg: float = 2.0
    wide_roll_share: float = 0.35
    wide_roll_deg: tuple[float, float] = (-35.0, 35.0)
    offset: float = 0.4
    truncation_share: float = 0.2
    pan_share: float = 0.15
    travel_share: float = 0.1
    orbit_share: float = 0.08
    orbit_deg_per_s: float = 12.0
    zoom_share: float = 0.06
    handheld_share: float = 0.3
    shake_deg: float = 0.4
    roam_m: float = 1.5
    roam_followed: float = 0.7
    fps: float = MODEL_FPS


# On a tripod or in a steady hand: what validation clips without real 2D are filmed with.
LEVEL_CAMERAS = CameraSettings(
    vertical_fov_deg=(25.0, 75.0),
    wide_pitch_share=0.15,
    wide_pitch_deg=(-20.0, 60.0),
    roll_deg=1.5,
    wide_roll_share=0.0,
    truncation_share=0.0,
)
# High and rolled, as held over a crowd or propped against something.
TILTED_CAMERAS = dataclasses.replace(
    LEVEL_CAMERAS, pitch_deg=(30.0, 5.0), wide_pitch_share=0.0, wide_roll_share=1.0,
    wide_roll_deg=(5.0, 30.0),
)  # fmt: skip


@torch.no_grad()
def sample_cameras(
    p_world: Float[Tensor, "batch frames 24 3"],
    generator: torch.Generator,
    settings: CameraSettings | None = None,
) -> Camera:
    """One camera a clip, filming the given joints (metres, world +Y up, floor at y = 0).

    Returns a ``Camera`` with batch shape (batch, frames): the pose and the focal length of moving
    and zooming cameras change from frame to frame. The same generator state gives the same cameras.
    """
    return _sample_shot(p_world, generator, settings or CameraSettings())


def image_size_px(camera: Camera) -> Float[Tensor, "*batch 2"]:
    """Width and height in pixels; virtual cameras have their principal point in the middle."""
    return camera.center_px * 2


@dataclass(frozen=True)
class _Draw:
    """Random numbers of one generator, on the device and of the type of ``like``."""

    generator: torch.Generator
    like: Tensor

    def uniform(self, shape: int | tuple[int, ...], low: float, high: float) -> Tensor:
        size = (shape,) if isinstance(shape, int) else shape
        unit = torch.rand(
            size, generator=self.generator, device=self.like.device, dtype=self.like.dtype
        )
        return low + (high - low) * unit

    def normal(self, shape: int | tuple[int, ...], mean: float, std: float) -> Tensor:
        size = (shape,) if isinstance(shape, int) else shape
        unit = torch.randn(
            size, generator=self.generator, device=self.like.device, dtype=self.like.dtype
        )
        return mean + std * unit

    def chance(self, shape: int | tuple[int, ...], share: float) -> Tensor:
        return self.uniform(shape, 0.0, 1.0) < share

    def index(self, size: int, high: int) -> Tensor:
        return torch.randint(high, (size,), generator=self.generator, device=self.like.device)


@dataclass(frozen=True)
class _Behaviour:
    """How each clip's camera moves; weights are 0 or 1, speeds are per second."""

    follow: Tensor
    travel: Tensor
    orbit: Tensor
    zoom: Tensor
    shake: Tensor


@dataclass(frozen=True)
class _Lens:
    """Focal length, half the image's size and where in it the aimed point goes, pixels."""

    focal_px: Tensor
    half_px: Tensor
    offset_px: Tensor


def _sample_shot(
    p_world: Tensor,
    generator: torch.Generator,
    settings: CameraSettings,
) -> Camera:
    draw = _Draw(generator, p_world)
    clips, frames = p_world.shape[:2]
    lens = _sample_lens(draw, clips, settings)
    seconds = torch.arange(frames, device=p_world.device, dtype=p_world.dtype) / settings.fps
    seconds = seconds - seconds[-1] / 2

    path = smooth_path(p_world[:, :, joint("pelvis")], settings.fps)
    centre = path.mean(1, keepdim=True)
    roams = (path - centre).norm(dim=-1).amax(1) > settings.roam_m
    behaviour = _sample_behaviour(draw, roams, settings)
    aim = torch.lerp(centre, path, behaviour.follow[:, None, None])
    anchor = torch.lerp(centre, path, behaviour.travel[:, None, None])

    azimuth = draw.uniform(clips, -math.pi, math.pi)
    pitch = _sample_pitch(draw, clips, settings)
    backward = toward_camera(azimuth, pitch)
    some = p_world[:, ::5]  # a sixth of a second apart: nobody leaves the image in between
    fitting = _fitting_distance(some - aim[:, ::5, None], backward, lens)
    near = _nearest_distance(some - anchor[:, ::5, None], backward, behaviour.follow)
    distance = torch.maximum(_wished_distance(draw, lens, fitting, settings), near)
    # A camera cannot stand below the floor: it looks down from wherever that would put it.
    lowest = (0.2 - centre[:, 0, _UP_AXIS]) / distance
    pitch = torch.maximum(pitch, lowest.clamp(-1, 1).asin())

    azimuth_now = azimuth[:, None] + behaviour.orbit[:, None] * seconds
    backward_now = toward_camera(azimuth_now, pitch[:, None].expand(-1, frames))
    position = anchor + distance[:, None, None] * backward_now
    # Aiming a little off the path puts the person off the image's centre.
    right, down = torch.atan2(lens.offset_px, lens.focal_px[:, None]).unbind(-1)
    roll = _sample_roll(draw, clips, settings)
    turn = torch.stack([-down, right, roll], -1)[:, None]
    turn = turn + _shake(draw, behaviour.shake, seconds)
    R_camera_world = camera_turn(turn) @ look_at(position, aim)
    return Camera(
        R_camera_world=R_camera_world,
        t_camera_world=-(R_camera_world * position[..., None, :]).sum(-1),
        focal_px=lens.focal_px[:, None] * torch.exp(behaviour.zoom[:, None] * seconds),
        center_px=lens.half_px[:, None].expand(-1, frames, -1).contiguous(),
    )


def _sample_lens(draw: _Draw, clips: int, settings: CameraSettings) -> _Lens:
    sizes = draw.like.new_tensor(settings.image_sizes)
    size_px = sizes[draw.index(clips, len(sizes))]
    half_px = size_px / 2
    fov = draw.uniform(clips, *settings.vertical_fov_deg).deg2rad()
    offset = draw.uniform((clips, 2), -settings.offset, settings.offset)
    return _Lens(half_px[:, 1] / torch.tan(fov / 2), half_px, offset * half_px)


def _sample_behaviour(draw: _Draw, roams: Tensor, settings: CameraSettings) -> _Behaviour:
    clips = len(roams)
    kind = draw.uniform(clips, 0.0, 1.0)
    travel_end = settings.travel_share
    orbit_end = travel_end + settings.orbit_share
    pan_end = orbit_end + settings.pan_share
    orbits = (kind >= travel_end) & (kind < orbit_end)
    follows = (kind < pan_end) | (roams & draw.chance(clips, settings.roam_followed))
    speed = math.radians(settings.orbit_deg_per_s)
    drift = draw.chance(clips, settings.zoom_share) * draw.normal(clips, 0.0, 0.08)
    shaken = draw.chance(clips, settings.handheld_share) * draw.uniform(clips, 0.3, 2.0)
    return _Behaviour(
        follow=follows.to(draw.like.dtype),
        travel=(kind < orbit_end).to(draw.like.dtype),
        orbit=orbits * draw.normal(clips, 0.0, speed),
        zoom=drift.clamp(-0.16, 0.16),
        shake=shaken * math.radians(settings.shake_deg),
    )


def _sample_pitch(draw: _Draw, clips: int, settings: CameraSettings) -> Tensor:
    usual = draw.normal(clips, *settings.pitch_deg)
    wide = draw.uniform(clips, *settings.wide_pitch_deg)
    chosen = torch.where(draw.chance(clips, settings.wide_pitch_share), wide, usual)
    return chosen.clamp(-45, 80).deg2rad()


def _sample_roll(draw: _Draw, clips: int, settings: CameraSettings) -> Tensor:
    usual = draw.normal(clips, 0.0, settings.roll_deg)
    if settings.wide_roll_share > 0:
        wide = draw.uniform(clips, *settings.wide_roll_deg)
        usual = torch.where(draw.chance(clips, settings.wide_roll_share), wide, usual)
    return usual.deg2rad()


def _wished_distance(draw: _Draw, lens: _Lens, fitting: Tensor, settings: CameraSettings) -> Tensor:
    """Metres at which the person standing fills the drawn share of the image, or a fitting one."""
    fill = draw.uniform(len(fitting), *settings.fill)
    wished = lens.focal_px * STATURE_M / (fill * 2 * lens.half_px[:, 1])
    truncates = draw.chance(len(fitting), settings.truncation_share)
    return torch.where(truncates, wished, torch.maximum(wished, fitting))


def _fitting_distance(p_aim: Tensor, backward: Tensor, lens: _Lens) -> Tensor:
    """Metres from the aimed point at which all joints lie in the image."""
    q = _in_view(p_aim, backward)
    # A joint is in the image when focal * |x| <= (room at its side) * (distance + depth); joints
    # are not skin, so a tenth of the half image stays free.
    slope = lens.focal_px[:, None] / (0.9 * lens.half_px - lens.offset_px.abs())
    needed = q[..., :2].abs() * slope[:, None, None]
    return (needed.amax(-1) - q[..., 2]).flatten(1).amax(-1)


def _nearest_distance(p_anchor: Tensor, backward: Tensor, follow: Tensor) -> Tensor:
    """Metres that keep the lens away from the body; a camera that turns needs room all round."""
    toward = (-_in_view(p_anchor, backward)[..., 2]).flatten(1).amax(-1)
    around = p_anchor.norm(dim=-1).flatten(1).amax(-1)
    return 0.7 + torch.where(follow > 0, around, toward)


def _in_view(p_aim: Tensor, backward: Tensor) -> Tensor:
    """Joints in the axes of a camera that looks at the aimed point."""
    R_camera_world = look_at(backward, torch.zeros_like(backward))
    return p_aim @ R_camera_world.transpose(-1, -2)[:, None]


def _shake(draw: _Draw, std: Tensor, seconds: Tensor) -> Tensor:
    """Hand shake about three axes: a few sines between slow sway and tremor, falling as 1/f."""
    waves = 5
    hertz = 0.25 * 2 ** draw.uniform((len(std), waves, 3), 0.0, 4.0)
    phase = draw.uniform((len(std), waves, 3), 0.0, 2 * math.pi)
    size = 1 / hertz
    size = size / size.square().sum(1, keepdim=True).div(2).sqrt()
    angle = 2 * math.pi * hertz[:, None] * seconds[:, None, None] + phase[:, None]
    return std[:, None, None] * (angle.sin() * size[:, None]).sum(2)
