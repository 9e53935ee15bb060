"""What can go wrong for the person at the terminal, in a sentence with what to do next."""


class LaunchError(Exception):
    """Stops the command with its sentence; no traceback."""
