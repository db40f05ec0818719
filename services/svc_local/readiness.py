"""Asks processes whether they are ready, until they are."""

import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from svc_local.processes import tail
from svc_local.troubles import Trouble

READY_SECONDS = 60.0
POLL_SECONDS = 0.05
# A service that ended so often while starting will not come up by itself.
EXITS_MAX = 3


def wait_until_ready(
    urls: Mapping[str, str],
    *,
    while_: Callable[[], None],
    exits_of: Callable[[str], Sequence[int]],
    log_of: Callable[[str], Path],
) -> None:
    """Raises: Trouble with the end of the log of the first that does not come up."""
    deadline = time.monotonic() + READY_SECONDS
    waiting = dict(urls)
    while waiting:
        while_()
        for name, url in list(waiting.items()):
            if is_ready(url, timeout=1.0):
                del waiting[name]
            elif len(exits_of(name)) >= EXITS_MAX:
                raise Trouble(f"{name} ends again and again; its log {log_of(name)} ends with:\n{tail(log_of(name))}")
        if waiting and time.monotonic() > deadline:
            name = next(iter(waiting))
            raise Trouble(
                f"{', '.join(waiting)}: not ready within {READY_SECONDS:.0f} s; {log_of(name)} ends with:\n"
                f"{tail(log_of(name))}"
            )
        time.sleep(POLL_SECONDS)


def is_ready(url: str, *, timeout: float) -> bool:
    """`GET /readyz` answers 200; 404 counts for a process that has no such page."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=timeout)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status in (200, 404)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
