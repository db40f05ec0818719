"""Answering until told to stop, and stopping without losing a request (uvicorn's own stop loses some).

Whoever keeps a connection learns from `Connection: close` that it ends; closed by us is only what nothing is heard of.
"""

import asyncio
import select
import socket
from typing import Any

import structlog
import uvicorn

log = structlog.get_logger()
CLOSE = (b"connection", b"close")
LOOK_SECONDS = 0.01
# So long may the first request of a connection be on its way when we stop taking connections.
FRESH_SECONDS = 1.0


class Server(uvicorn.Server):
    """`say_goodbye`, a notice period during which everything is answered, then `should_exit`."""

    def say_goodbye(self) -> None:
        """From here on every answer ends its connection: the next request takes another one, to another process."""
        if not self.config.loaded:
            self.config.load()
        # uvicorn makes its default headers anew from these every second.
        self.config.encoded_headers.append(CLOSE)
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """No new connections; those we have end with their answer, or when nothing has come over them."""
        for server in self.servers:
            server.close()
        # Our copies only: what waits in the queue is for whoever else listens there.
        for own in sockets or []:
            own.close()
        loop = asyncio.get_running_loop()
        began = loop.time()
        finish_within = self.config.timeout_graceful_shutdown or FRESH_SECONDS
        connections: set[Any] = self.server_state.connections
        while loop.time() - began < finish_within:
            # First a moment for what the system accepted for us and uvicorn has not heard of yet.
            await asyncio.sleep(LOOK_SECONDS)
            fresh = loop.time() - began < FRESH_SECONDS
            for connection in list(connections):
                end_if_possible(connection, fresh=fresh)
            if not connections and not self.server_state.tasks:
                return
        log.warning("requests cut off", connections=len(connections), tasks=len(self.server_state.tasks))
        for task in self.server_state.tasks:
            task.cancel()
        for connection in list(connections):
            connection.transport.close()


def end_if_possible(connection: Any, *, fresh: bool) -> None:
    """`fresh`: what never brought a request may still bring its first."""
    cycle = connection.cycle
    if cycle is not None and not cycle.response_complete:
        cycle.keep_alive = False
    elif not (cycle is None and fresh) and not has_begun(connection) and not has_heard(connection):
        connection.transport.close()


def has_begun(connection: Any) -> bool:
    """The head of a request is being read: its scope is there before its cycle is."""
    scope = connection.scope
    return scope is not None and (connection.cycle is None or connection.cycle.scope is not scope)


def has_heard(connection: Any) -> bool:
    """Something arrived that nobody has read yet: a request, or the other end's goodbye."""
    found: socket.socket | None = connection.transport.get_extra_info("socket")
    if found is None or found.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(found.fileno(), select.POLLIN)
    return bool(poll.poll(0))
