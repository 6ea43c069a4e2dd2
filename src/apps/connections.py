"""Connections of a web server, which are closed if no request arrives on them."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10  # until all headers of a request must have arrived
MOST = 32  # connections at the same time; more get the status 503


class ImpatientProtocol(H11Protocol):
    """Uvicorn's protocol, which alone would wait for the headers of a request for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._wait_for_request()

    def on_response_complete(self) -> None:
        """A response was sent; the client can send another request on the same connection."""
        super().on_response_complete()
        self._wait_for_request()

    def _wait_for_request(self) -> None:
        self.loop.call_later(HEADER_SECONDS, self._close_if_still, self.cycle)

    def _close_if_still(self, last: Any) -> None:
        if self.cycle is last:  # each request has a cycle of its own
            self.transport.close()
