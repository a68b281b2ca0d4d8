"""``vimoflow doctor``: is everything that generating needs there, and what to do when not."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import click

from vimoflow import __version__
from vimoflow.cli.conclusion import terms_in_short
from vimoflow.installation import install_command, missing_packages, version_of

VERSIONS_OF = ("torch", "numpy", "mediapipe", "av", "safetensors")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found and, when it is not usable, what to do."""

    subject: str
    found: str
    remedy: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is nothing to be done."""
        return not self.remedy


def doctor() -> None:
    """Check that all that is needed is there.

    Exit code 1 when something is not usable; extras that are missing are listed with the command
    that adds them here.
    """
    click.echo(f"vimoflow {__version__}, Python {platform.python_version()}, {platform.platform()}")
    click.echo(", ".join(f"{name} {_version(name)}" for name in VERSIONS_OF))
    findings = examine()
    for finding in findings:
        click.echo(f"{'ok  ' if finding.usable else 'FAIL'} {finding.subject}: {finding.found}")
        if not finding.usable:
            click.echo(f"     -> {finding.remedy}")
    for extra, packages in missing_packages().items():
        click.echo(f"  -  extra {extra}: {', '.join(packages)} not installed")
        click.echo(f"     -> {install_command(extra)}")
    if not all(finding.usable for finding in findings):
        raise SystemExit(1)


def examine() -> tuple[Finding, ...]:
    """Look at the device, the pose model, the video encoder and the checkpoints that ship."""
    checks: tuple[tuple[str, Callable[[str], Finding]], ...] = (
        ("device", _device),
        ("2D pose model (MediaPipe)", _pose_model),
        ("video encoder (H.264)", _encoder),
        ("checkpoint", _checkpoint),
    )
    return tuple(_examined(subject, check) for subject, check in checks)


def _examined(subject: str, check: Callable[[str], Finding]) -> Finding:
    try:
        return check(subject)
    except Exception as error:  # whatever is broken is what the user came to hear about
        found = " ".join(f"{type(error).__name__}: {error}".split())
        return Finding(subject, found, "install vimoflow again")


def _device(subject: str) -> Finding:
    """Processors that are free to this process now, accelerators, and the precision used."""
    import torch

    devices = [
        f"CPU, threads used: {torch.get_num_threads()}, processors idle: {_idle_processors()}"
    ]
    devices += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("Apple GPU")
    from vimoflow.training.precision import measured_rates, said

    best = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Finding(
        subject,
        f"{'; '.join(devices)}; motions are computed in float32 on the CPU; training computes in "
        + said(measured_rates(best)),
    )


def _idle_processors() -> int:
    """Processors that this process may use, less what runs on the machine already."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(0, round((usable or 1) - busy))


def _pose_model(subject: str) -> Finding:
    try:
        import mediapipe
    except ImportError as error:
        # MediaPipe asks for OpenCV's desktop build, which needs libraries a server may lack.
        return Finding(
            subject,
            " ".join(str(error).split()),
            "pip install --force-reinstall --no-deps opencv-contrib-python-headless==4.11.0.86",
        )
    folder = Path(mediapipe.__file__).parent / "modules"
    model = folder / "pose_landmark" / "pose_landmark_full.tflite"
    if not model.is_file():
        return Finding(
            subject,
            f"{model.name} is not in mediapipe {_version('mediapipe')}",
            "pip install --force-reinstall mediapipe==0.10.21 (its wheel carries the model)",
        )
    return Finding(subject, f"{model.name}, {model.stat().st_size / 1e6:.1f} MB")


def _encoder(subject: str) -> Finding:
    import av

    try:
        codec = av.codec.Codec("libx264", "w")
    except av.codec.codec.UnknownCodecError:
        return Finding(
            subject,
            f"libx264 is not in av {_version('av')}",
            "pip install --force-reinstall --only-binary av av, or generate with --no-preview",
        )
    return Finding(subject, codec.name)


def _checkpoint(subject: str) -> Finding:
    from safetensors import SafetensorError, safe_open

    package = resources.files("vimoflow")
    files = sorted(Path(str(package)).rglob("*.safetensors"))
    reinstall = "install vimoflow again: its files are incomplete"
    if not files:
        return Finding(subject, "none in the package", reinstall)
    sizes = []
    for path in files:
        try:
            with safe_open(path, framework="numpy") as tensors:
                terms = (tensors.metadata() or {}).get("terms", "")
            if terms:
                sizes.append(f"{path.stem} ({terms_in_short(terms)})")
        except SafetensorError as error:
            return Finding(subject, f"{path.name} is damaged ({error})", reinstall)
    return Finding(subject, ", ".join(sizes))


def _version(package: str) -> str:
    return version_of(package) or "not installed"
