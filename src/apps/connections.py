"""Connections of a web server, which are closed if no request arrives on them."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10  # until all headers of a request must have arrived
READ_SECONDS = 10  # until the client must have read a part of a response
MOST = 32  # connections at the same time; more get the status 503


class ImpatientProtocol(H11Protocol):
    """Uvicorn's protocol, which alone would wait for a client for ever."""

    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._wait_for_request(None)

    def on_response_complete(self) -> None:
        """A response was sent; the client can send another request on the same connection."""
        answered = self.cycle  # each request has a cycle of its own
        super().on_response_complete()  # may begin with a request that has arrived already
        self._wait_for_request(answered)

    def pause_writing(self) -> None:
        """The client does not read its responses as fast as they are written."""
        super().pause_writing()
        self._reading = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read, or is gone."""
        super().resume_writing()
        if self._reading:
            self._reading.cancel()

    def _wait_for_request(self, last: Any) -> None:
        self.loop.call_later(HEADER_SECONDS, self._close_if_still, last)

    def _close_if_still(self, last: Any) -> None:
        if self.cycle is last:
            self.transport.close()
