"""The sample shop's way in: the public API, as anybody else has it."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from svc_local.troubles import Trouble

ATTEMPTS_MAX = 20
WAIT_SECONDS_MAX = 10.0
PAGE = 200
TIME_BOX_SECONDS = 60.0


class Door:
    """One signed-in person. Waits where the gateway says to come back later."""

    whose = "The sample shop"

    def __init__(self, gateway_url: str) -> None:
        self._http = httpx.Client(base_url=gateway_url, timeout=TIME_BOX_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def sign_in(self, login: str, password: str) -> None:
        answer = self.ask("POST", "/v1/auth/sessions", json={"login": login, "password": password})
        self._http.headers["Authorization"] = f"Bearer {answer['access_token']}"

    @property
    def authorization(self) -> str:
        """The header of who has signed in."""
        return self._http.headers["Authorization"]

    def ask(self, method: str, path: str, *, accept: tuple[int, ...] = (), **what: Any) -> Any:
        """The answer's body. Raises Trouble for a refusal whose status is not in `accept`."""
        answer = self._patient(method, path, **what)
        if answer.is_success or answer.status_code in accept:
            return answer.json() if answer.content else None
        raise self._refused(method, path, answer)

    def find(self, path: str) -> Any | None:
        """What stands there, or None."""
        answer = self._patient("GET", path)
        if answer.status_code == 404:
            return None
        if not answer.is_success:
            raise self._refused("GET", path, answer)
        return answer.json()

    def all_of(self, path: str, **params: Any) -> Iterator[Any]:
        """Every item of a list, page by page."""
        cursor: str | None = None
        while True:
            given = {**params, "limit": PAGE} | ({"cursor": cursor} if cursor else {})
            page = self.ask("GET", path, params=given)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _refused(self, method: str, path: str, answer: httpx.Response) -> Trouble:
        return Trouble(f"{self.whose} was refused: {method} {path} answered {answer.status_code}: {answer.text[:2000]}")

    def _patient(self, method: str, path: str, **what: Any) -> httpx.Response:
        answer = self._http.request(method, path, **what)
        for _ in range(ATTEMPTS_MAX):
            if answer.status_code not in (429, 503):
                break
            wait = float(answer.headers.get("Retry-After", "1"))
            time.sleep(min(max(wait, 0.1), WAIT_SECONDS_MAX))
            answer = self._http.request(method, path, **what)
        return answer
