"""The demo's door against a real server: it signs in again, asks again, and never begins what is not wanted."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from svc_local.demo.door import DemoDoor, at_once
from svc_local.troubles import Trouble


class Gateway(ThreadingHTTPServer):
    """Tokens count up; only the newest opens. `breaks`: so many connections are cut before they are answered."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tokens = 0
        self.asked: list[tuple[str, str, Any]] = []
        self.breaks = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Cut connections are wanted here."""


class Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/auth/sessions":
            self.server.tokens += 1
            self.answer(201, {"access_token": f"t{self.server.tokens}"})
            return
        if self.server.breaks:
            self.server.breaks -= 1
            self.connection.close()
            return
        self.server.asked.append((self.path, self.headers["Idempotency-Key"], body))
        is_signed_in = self.headers["Authorization"] == f"Bearer t{self.server.tokens}"
        self.answer(*((200, {"done": True}) if is_signed_in else (401, {"type": "/problems/unauthenticated"})))

    def answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def door(gateway: Gateway) -> Iterator[DemoDoor]:
    with DemoDoor(f"http://127.0.0.1:{gateway.server_port}") as made:
        made.sign_in("demo-merchant", "secret")
        yield made


def test_a_token_that_ran_out_is_renewed_and_the_command_keeps_its_key(door: DemoDoor, gateway: Gateway) -> None:
    gateway.tokens = 41

    answer = door.post("/v1/admin/things", {"n": 1})

    assert answer == {"done": True}
    assert gateway.tokens == 42
    assert [body for _, _, body in gateway.asked] == [{"n": 1}, {"n": 1}]
    assert len({key for _, key, _ in gateway.asked}) == 1


def test_a_broken_connection_is_asked_again(door: DemoDoor, gateway: Gateway) -> None:
    gateway.breaks = 2

    assert door.post("/v1/admin/things", {"n": 1}) == {"done": True}
    assert len(gateway.asked) == 1


def test_a_refusal_names_the_demo_and_the_request(door: DemoDoor) -> None:
    with pytest.raises(Trouble, match=r"The demo was refused: GET /v1/admin/things answered 501"):
        door.ask("GET", "/v1/admin/things")


def test_results_come_from_all_and_no_more_fly_than_allowed() -> None:
    flying, most, lock = 0, 0, threading.Lock()
    both = threading.Barrier(2)

    def work(n: int) -> int:
        nonlocal flying, most
        with lock:
            flying += 1
            most = max(most, flying)
        both.wait(timeout=10)
        with lock:
            flying -= 1
        return n * n

    assert sorted(at_once(work, range(8), many=2)) == [n * n for n in range(8)]
    assert most == 2


def test_the_first_fault_ends_it_and_what_waits_is_not_begun() -> None:
    begun = []

    def work(n: int) -> int:
        begun.append(n)
        if n == 1:
            raise Trouble("refused")
        return n

    with pytest.raises(Trouble, match="refused"):
        list(at_once(work, range(1_000), many=1))

    assert begun == [0, 1]
