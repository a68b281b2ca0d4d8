"""The errors a user can cause, kept apart from programming errors."""

from __future__ import annotations


class VimoflowError(Exception):
    """A user's mistake or a bad file.

    The message is one line: what is wrong (with the file's name) and what to do. The command line
    prints it and exits with status 2; nothing else is caught there.
    """


class InputError(VimoflowError):
    """An input file cannot be read, or holds something else than it should."""


class OutputError(VimoflowError):
    """A result cannot be written."""


class CheckpointError(VimoflowError):
    """A checkpoint is missing, damaged or of another version."""


class ConfigError(VimoflowError):
    """An option or a configuration field has a value that makes no sense."""
