"""Kafka's jars on a bad day: the registry away, a connection that breaks, a file that is not what it should be."""

import gc
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from svc_local import kafka_jars
from svc_local.kafka_jars import Jar
from svc_local.troubles import Trouble

# jgo leaves the connection of a failed answer to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

CONTENT = b"the bytes of a jar " * 1000


def jar(name: str, content: bytes = CONTENT) -> Jar:
    return Jar("org.example", name, "1.0", hashlib.sha256(content).hexdigest())


@dataclass
class Registry:
    """A registry on this machine. `break_off`: how many answers end half way. `content`: what is served."""

    address: str = ""
    content: bytes = CONTENT
    break_off: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def repositories(self) -> dict[str, str]:
        return {"here": self.address}


@pytest.fixture
def registry() -> Iterator[Registry]:
    books = Registry()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.endswith(".jar") or "absent" in self.path:
                self.send_error(404)
                return
            books.asked.append(self.path.rsplit("/", 1)[1])
            self.send_response(200)
            self.send_header("Content-Length", str(len(books.content)))
            self.end_headers()
            whole = books.break_off <= 0
            books.break_off -= 1
            self.wfile.write(books.content if whole else books.content[:100])
            self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    books.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield books
    server.shutdown()
    server.server_close()
    thread.join()
    gc.collect()


def test_jars_that_are_there_and_whole_need_no_network(tmp_path: Path) -> None:
    (tmp_path / "a-1.0.jar").write_bytes(CONTENT)

    paths = kafka_jars.ensure(jars=[jar("a")], folder=tmp_path, repositories={"gone": "http://127.0.0.1:9"})

    assert paths == [tmp_path / "a-1.0.jar"]


def test_missing_jars_are_fetched_side_by_side_and_counted(registry: Registry, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    paths = kafka_jars.ensure(
        jars=[jar("a"), jar("b")],
        folder=tmp_path / "jars",
        repositories=registry.repositories,
        progress=lambda done, of: seen.append((done, of)),
    )

    assert [path.read_bytes() for path in paths] == [CONTENT, CONTENT]
    assert sorted(registry.asked) == ["a-1.0.jar", "b-1.0.jar"]
    assert seen == [(1, 2), (2, 2)]


def test_a_broken_jar_is_deleted_and_fetched_again_and_the_others_are_kept(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "a-1.0.jar").write_bytes(CONTENT)
    (tmp_path / "b-1.0.jar").write_bytes(CONTENT[:-1])

    paths = kafka_jars.ensure(jars=[jar("a"), jar("b")], folder=tmp_path, repositories=registry.repositories)

    assert [path.read_bytes() for path in paths] == [CONTENT, CONTENT]
    assert registry.asked == ["b-1.0.jar"]


def test_a_connection_that_breaks_once_is_tried_again(registry: Registry, tmp_path: Path) -> None:
    registry.break_off = 1

    paths = kafka_jars.ensure(jars=[jar("a")], folder=tmp_path, repositories=registry.repositories)

    assert paths[0].read_bytes() == CONTENT


def test_a_download_that_never_ends_whole_is_one_sentence_and_leaves_no_file(
    registry: Registry, tmp_path: Path
) -> None:
    registry.break_off = 100

    with pytest.raises(Trouble, match=r"a-1\.0\.jar .* could not be fetched from Maven Central \(.*\): check the net"):
        kafka_jars.ensure(jars=[jar("a")], folder=tmp_path, repositories=registry.repositories)

    assert list(tmp_path.iterdir()) == []


def test_a_download_that_was_interrupted_goes_on_with_what_is_missing(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "a-1.0.jar").write_bytes(CONTENT)
    leftover = tmp_path / ".fetch-killed"
    leftover.mkdir()
    (leftover / "b-1.0.jar").write_bytes(CONTENT[:100])

    kafka_jars.ensure(jars=[jar("a"), jar("b")], folder=tmp_path, repositories=registry.repositories)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1.0.jar", "b-1.0.jar"]
    assert registry.asked == ["b-1.0.jar"]


def test_a_jar_with_another_checksum_is_never_kept(registry: Registry, tmp_path: Path) -> None:
    registry.content = b"something else"

    with pytest.raises(Trouble, match=r"a-1\.0\.jar arrived 3 times with a wrong checksum, so it was not kept"):
        kafka_jars.ensure(jars=[jar("a")], folder=tmp_path, repositories=registry.repositories)

    assert list(tmp_path.iterdir()) == []


def test_a_registry_out_of_reach_is_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Trouble) as refused:
        kafka_jars.ensure(jars=[jar("a")], folder=tmp_path, repositories={"gone": "http://127.0.0.1:9"})

    assert "(no connection): check the network or the proxy settings (HTTPS_PROXY)" in str(refused.value)
    assert "KAFKA_BOOTSTRAP_SERVERS=host:port" in str(refused.value)


def test_a_jar_that_the_registry_does_not_have_is_named(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"absent-1\.0\.jar .*\(it is not there\)"):
        kafka_jars.ensure(jars=[jar("absent")], folder=tmp_path, repositories=registry.repositories)


def test_every_pinned_jar_has_a_full_checksum_and_one_version() -> None:
    jars = kafka_jars.pinned()

    assert len({(one.group, one.artifact) for one in jars}) == len(jars) == 46
    assert all(len(one.sha256) == 64 for one in jars)
    assert {one.version for one in jars if one.group == "org.apache.kafka"} == {kafka_jars.VERSION}


def test_who_is_trusted_by_python_is_trusted_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "set, so that it is undone afterwards")
        monkeypatch.delenv(name)
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/company.pem")

    kafka_jars.trust_as_told()

    assert os.environ["REQUESTS_CA_BUNDLE"] == "/etc/company.pem"
