"""``python -m vimoflow``, for launchers such as ``torchrun -m``."""

from vimoflow.cli.main import main

main()
