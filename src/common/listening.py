"""A port for a server of this project."""

import os
import socket

from src.common.errors import PipelineError


def listen(host: str, port: int, other: str) -> socket.socket:
    """Return a socket that accepts connections to a port.

    Args:
        other: a command with another port, for the message.

    Raises:
        PipelineError: the port cannot be used.
    """
    try:
        return socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)  # Python adds the address to the text
        reason = os.strerror(number) if number and number > 0 else error
        raise PipelineError(
            f"cannot listen on {host}:{port} ({reason}); try another port: {other}"
        ) from None
