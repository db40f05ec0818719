"""The demo's way in: the sample shop's door, for long runs and several requests at once."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import httpx
import orjson

from svc_local.sample.door import Door
from svc_local.sample.stocking import key
from svc_local.troubles import Trouble

TRIES_MAX = 6
FIRST_WAIT_SECONDS = 0.25
SESSIONS = "/v1/auth/sessions"
JSON = {"Content-Type": "application/json"}

T = TypeVar("T")
R = TypeVar("R")


class DemoDoor(Door):
    """Signs in again when the token has run out, and asks again where a connection broke: all that it sends
    carries its key or has a name of its own, so that twice is once. Threads may share it."""

    whose = "The demo"

    def __init__(self, gateway_url: str) -> None:
        super().__init__(gateway_url)
        self._who: tuple[str, str] | None = None
        self._signing_in = threading.Lock()

    def sign_in(self, login: str, password: str) -> None:
        super().sign_in(login, password)
        self._who = (login, password)

    def post(self, path: str, body: Mapping[str, Any], *, accept: tuple[int, ...] = ()) -> Any:
        """A command under a key of its own."""
        return self.ask("POST", path, accept=accept, content=orjson.dumps(body), headers=JSON | key())

    def send(self, method: str, path: str, **what: Any) -> httpx.Response:
        """The answer as it is, also a refusal."""
        return self._patient(method, path, **what)

    def _patient(self, method: str, path: str, **what: Any) -> httpx.Response:
        for n in range(TRIES_MAX):
            with_token = self._http.headers.get("Authorization")
            try:
                answer = super()._patient(method, path, **what)
            except httpx.TransportError as fault:
                if n + 1 == TRIES_MAX:
                    raise Trouble(
                        f"The gateway at {self._http.base_url} does not answer ({fault!r}): see `make status`, then "
                        "run the demo again; it goes on where it stopped."
                    ) from fault
                time.sleep(FIRST_WAIT_SECONDS * 2**n)
                continue
            if answer.status_code != 401 or path == SESSIONS or self._who is None or n + 1 == TRIES_MAX:
                return answer
            self._renew(with_token)
        raise AssertionError("the last try returns or raises")

    def _renew(self, with_token: str | None) -> None:
        with self._signing_in:
            # Another thread may have been here meanwhile.
            if self._who is not None and self._http.headers.get("Authorization") == with_token:
                super().sign_in(*self._who)


def at_once(work: Callable[[T], R], items: Iterable[T], *, many: int) -> Iterator[R]:
    """The results as they come, with so many in flight. The first fault ends it: what waits is not begun."""
    with ThreadPoolExecutor(max_workers=many) as pool:
        flying: set[Future[R]] = set()
        try:
            for item in items:
                flying.add(pool.submit(work, item))
                if len(flying) >= many:
                    done, flying = wait(flying, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in done)
            while flying:
                done, flying = wait(flying, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        finally:
            for one in flying:
                one.cancel()
