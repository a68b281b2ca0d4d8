"""The ViMo-style denoiser (thesis 3.3 ii): from a noisy motion and 2D poses to the clean one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from vimoflow.diffusion.film import FiLM, TimestepEmbedding, modulate
from vimoflow.diffusion.schedule import NoiseSchedule


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of a denoiser. ``small`` and ``big`` are the thesis' two (section VI).

    Attributes:
        width: channels of a token (the thesis' d).
        heads: attention heads; they divide ``width``.
        blocks: blocks of self-attention, cross-attention and MLP.
        encoder_layers: layers of the pose encoder, which turns 2D keypoints into tokens.
        film_version: how timestep and pose modulate a block, 1 or 2 (thesis 3.3 ii).
        motion_channels: channels of a motion frame; fixed by ``motion.features``.
        condition_channels: channels of a condition frame; fixed by ``conditioning.encoding``.
        dropout: share of activations dropped in training.
        estimate_std: standard deviation, in normalised units, that the network's own estimate is
            taken to have when ``x_t`` is weighed against it; 0 for networks that were trained
            without: their output is the estimate.
    """

    width: int = 128
    heads: int = 4
    blocks: int = 3
    encoder_layers: int = 2
    film_version: int = 1
    motion_channels: int = 151
    condition_channels: int = 58
    dropout: float = 0.0
    estimate_std: float = 0.0

    @classmethod
    def small(cls, film_version: int = 1) -> DenoiserConfig:
        """d = 128, 4 heads."""
        return cls(width=128, heads=4, film_version=film_version)

    @classmethod
    def big(cls, film_version: int = 1) -> DenoiserConfig:
        """d = 256, 8 heads."""
        return cls(width=256, heads=8, film_version=film_version)


class Denoiser(nn.Module):
    """x0-prediction transformer: three blocks of self-attention, cross-attention and MLP.

    Positions enter through rotary embeddings (Su et al. 2021) in both attentions, so only distances
    in time count: any length works, and a motion frame finds its own 2D frame.
    """

    def __init__(self, config: DenoiserConfig, schedule: NoiseSchedule | None = None) -> None:
        super().__init__()
        self.config = config
        d = config.width
        self.skip: Tensor
        skip = skip_rates(schedule or NoiseSchedule(), config.estimate_std)
        self.register_buffer("skip", skip, persistent=False)
        self.motion_in = nn.Linear(config.motion_channels, d)
        self.encoder = PoseEncoder(config)
        self.timestep = TimestepEmbedding(d)
        self.blocks = nn.ModuleList(DenoiserBlock(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(d)
        self.motion_out = nn.Linear(d, config.motion_channels)

    def forward(
        self,
        x_t: Float[Tensor, "batch frames channels"],
        t: Int[Tensor, " batch"] | Int[Tensor, "batch frames"],
        condition: Float[Tensor, "batch frames c"],
        valid: Bool[Tensor, "batch frames"] | None = None,
    ) -> Float[Tensor, "batch frames channels"]:
        """Predict the clean motion.

        Args:
            x_t: noisy normalised features.
            t: timesteps, one a clip or one a frame; a vector of equal ones is the scalar. At T
                nothing is known of a frame, and ``x_t`` is a guess (``diffusion.reference``).
            condition: pose and track channels per frame, zeros where missing.
            valid: frames that exist; padding is attended to by nothing.
        """
        if t.ndim == 1:
            t = t[:, None].expand(x_t.shape[:2])
        mask = None if valid is None else valid[:, None, None, :]
        rotary = rotary_angles(x_t.shape[1], self.config.width // self.config.heads, x_t.device)
        # Earlier networks know less of a condition: its first channels.
        tokens = self.encoder(condition[..., : self.config.condition_channels], rotary, mask)
        film_condition = torch.cat((self.timestep(t).to(tokens.dtype), tokens), dim=-1)
        # Frame by frame, besides the cross-attention: at high noise the 2D pose is all there is to
        # go by, and finding one's own frame through attention takes long training.
        x = self.motion_in(x_t) + tokens
        for block in self.blocks:
            x = block(x, tokens, film_condition, rotary, mask)
        estimate = self.motion_out(self.norm(x))
        if self.config.estimate_std == 0:
            return estimate
        of_x_t, of_estimate = self.skip[t].unbind(-1)
        return of_x_t[..., None] * x_t + of_estimate[..., None] * estimate.to(x_t.dtype)


def skip_rates(schedule: NoiseSchedule, estimate_std: float) -> Float[Tensor, "timesteps 2"]:
    """Factors of ``x_t`` and of the network's output in the estimate of the clean data.

    ``x_t / signal`` is the data with Gaussian noise of variance ``noise^2 / signal^2``, and the
    network's output is taken as an estimate with the variance ``estimate_std^2``: their mean,
    weighed by the inverse variances, is the estimate. Frames that are known come out as they went
    in, and noisy ones are the network's alone (compare the preconditioning of Karras et al. 2022,
    eq. 7, whose output at high noise is the data and at low noise the noise).

    At T, where ``x_t`` is a guess, the network says what to add to it.
    """
    kept = schedule.alphas_cumprod
    noise_variance = (1 - kept) / kept
    trust = estimate_std**2 / (estimate_std**2 + noise_variance)
    rates = torch.stack((trust / kept.sqrt(), 1 - trust), dim=-1)
    return torch.cat((rates, torch.ones(1, 2, dtype=rates.dtype))).float()


class PoseEncoder(nn.Module):
    """2D poses to tokens by a light temporal transformer; a learned token where nothing is seen."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        d = config.width
        self.pose_in = nn.Linear(config.condition_channels, d)
        # Neighbouring frames together: velocities in the image tell depth changes.
        self.local = nn.Conv1d(d, d, kernel_size=5, padding=2)
        self.unseen = nn.Parameter(torch.zeros(d))
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.norm = nn.LayerNorm(d)

    def forward(self, condition: Tensor, rotary: Tensor, mask: Tensor | None) -> Tensor:
        """(batch, frames, channels) to (batch, frames, width)."""
        x = self.pose_in(condition)
        nothing = (condition == 0).all(dim=-1, keepdim=True)
        x = torch.where(nothing, self.unseen.to(x.dtype), x)
        if mask is not None:  # to the convolution padding is what lies beyond the ends: zeros
            x = x * mask[:, 0, 0, :, None]
        x = x + F.gelu(self.local(x.transpose(1, 2)).transpose(1, 2))
        for layer in self.layers:
            x = layer(x, rotary, mask)
        return self.norm(x)


class EncoderLayer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.width)
        self.attention = Attention(config)
        self.norm_mlp = nn.LayerNorm(config.width)
        self.mlp = mlp(config)

    def forward(self, x: Tensor, rotary: Tensor, mask: Tensor | None) -> Tensor:
        h = self.norm_attention(x)
        x = x + self.attention(h, h, rotary, mask)
        return x + self.mlp(self.norm_mlp(x))


class DenoiserBlock(nn.Module):
    """Self-attention, cross-attention on pose tokens and MLP, each output modulated by FiLM."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        d = config.width
        self.norm_self = nn.LayerNorm(d)
        self.self_attention = Attention(config)
        self.norm_cross = nn.LayerNorm(d)
        self.cross_attention = Attention(config)
        self.norm_mlp = nn.LayerNorm(d)
        self.mlp = mlp(config)
        self.film = FiLM(2 * d, d, config.film_version)

    def forward(
        self, x: Tensor, tokens: Tensor, condition: Tensor, rotary: Tensor, mask: Tensor | None
    ) -> Tensor:
        film_self, film_cross, film_mlp = self.film(condition)
        h = self.norm_self(x)
        x = x + modulate(self.self_attention(h, h, rotary, mask), film_self)
        x = x + modulate(self.cross_attention(self.norm_cross(x), tokens, rotary, mask), film_cross)
        return x + modulate(self.mlp(self.norm_mlp(x)), film_mlp)


class Attention(nn.Module):
    """Multi-head attention with rotary positions on queries and keys."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        d = config.width
        self.heads = config.heads
        self.query = nn.Linear(d, d)
        self.key_value = nn.Linear(d, 2 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x: Tensor, source: Tensor, rotary: Tensor, mask: Tensor | None) -> Tensor:
        """Queries from ``x``, keys and values from ``source``, both (batch, frames, width)."""
        q = self._split(self.query(x))
        k, v = (self._split(part) for part in self.key_value(source).chunk(2, dim=-1))
        attended = attend(rotate(q, rotary), rotate(k, rotary), v, mask)
        return self.out(attended.transpose(1, 2).flatten(-2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Scaled dot-product attention; ``mask`` is true where there is something to attend to.

    On the CPU two plain matrix products are three times as fast in bfloat16, forward and backward,
    as the fused kernel with a mask (150 frames, 32 channels a head, torch 2.13).
    """
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(dim=-1).to(v.dtype) @ v


def mlp(config: DenoiserConfig) -> nn.Sequential:
    """Two layers, four times as wide in the middle."""
    d = config.width
    return nn.Sequential(
        nn.Linear(d, 4 * d), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(4 * d, d)
    )


def rotary_angles(
    frames: int, head_width: int, device: torch.device | None = None
) -> Float[Tensor, "2 frames half"]:
    """Cosines and sines of the rotary embedding for positions 0 to frames - 1 (Su et al. 2021)."""
    half = head_width // 2
    # Base 1000 instead of 10,000: windows are hundreds of frames, not thousands of words.
    frequencies = 1000.0 ** (-torch.arange(half, device=device, dtype=torch.float32) / half)
    angles = torch.arange(frames, device=device, dtype=torch.float32)[:, None] * frequencies
    return torch.stack((angles.cos(), angles.sin()))


def rotate(
    x: Float[Tensor, "batch heads frames width"], rotary: Float[Tensor, "2 frames half"]
) -> Float[Tensor, "batch heads frames width"]:
    """Turn each pair of channels by the angle of its position."""
    cos, sin = rotary.to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)
