"""The simulator, imported when it is used."""

from __future__ import annotations

from typing import Any

from vimoflow.errors import ConfigError
from vimoflow.installation import install_command


def mujoco() -> Any:
    """The package ``mujoco``.

    Raises:
        ConfigError: it is not installed; the message says how to.
    """
    try:
        import mujoco
        import mujoco.rollout
    except ImportError as error:
        raise ConfigError(
            f"physics needs MuJoCo ({error}); run: {install_command('physics')}"
        ) from error
    mujoco.set_mju_user_warning(_unsaid)
    return mujoco


def _unsaid(message: str) -> None:
    """Warnings would go to a file in the current folder; who simulates looks at the counts."""
