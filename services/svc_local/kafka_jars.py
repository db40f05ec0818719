"""Apache Kafka's jars: which ones, with which SHA-256, and how they come into the download cache.

`kafka_jars.lock` pins them. To move to another version, change `VERSION` and type
`python -m svc_local.kafka_jars > services/svc_local/kafka_jars.lock`: that resolves the runtime dependencies anew,
downloads them once and prints the list.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from svc_local.downloads import cache_folder, locked, sha256_of
from svc_local.troubles import Trouble, explained

VERSION = "4.3.1"
ROOT = ("org.apache.kafka", "kafka_2.13", VERSION)
# Without a binding of slf4j the broker logs nothing; its version is that of the log4j among the jars.
LOG_BINDING = ("org.apache.logging.log4j", "log4j-slf4j-impl")
PARALLEL_MAX = 4
TRIES_MAX = 3
SCRATCH_PREFIX = ".fetch-"
TIMEOUT_SECONDS = 30
LOCK_FILE = Path(__file__).with_name("kafka_jars.lock")

Repositories = Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Jar:
    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def pinned(lock_file: Path = LOCK_FILE) -> list[Jar]:
    lines = [line.split() for line in lock_file.read_text().splitlines() if line and not line.startswith("#")]
    return [Jar(*parts_of(coordinate), sha256) for coordinate, sha256 in lines]


def parts_of(coordinate: str) -> tuple[str, str, str]:
    group, artifact, version = coordinate.split(":")
    return group, artifact, version


def ensure(
    *,
    jars: Sequence[Jar] | None = None,
    folder: Path | None = None,
    repositories: Repositories = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Path]:
    """Every jar whole and in the cache; what is broken is deleted and fetched again.

    `repositories` (name → address) stand in for Maven Central; tests and mirrors use it.
    Raises: Trouble in one sentence.
    """
    jars = pinned() if jars is None else jars
    folder = folder or cache_folder() / f"kafka-{VERSION}"
    paths = [folder / jar.filename for jar in jars]
    with explained(folder):
        if all(is_whole(path, jar) for path, jar in zip(paths, jars, strict=True)):
            return paths
        with locked(folder.with_suffix(".lock")):
            folder.mkdir(parents=True, exist_ok=True)
            for interrupted in folder.glob(f"{SCRATCH_PREFIX}*"):
                shutil.rmtree(interrupted, ignore_errors=True)
            missing = [jar for jar in jars if not is_whole(folder / jar.filename, jar)]
            for jar in missing:
                (folder / jar.filename).unlink(missing_ok=True)
            fetch_all(missing, folder, repositories, progress)
    return paths


def trust_as_told() -> None:
    """SSL_CERT_FILE is how one tells Python whom to trust; requests listens to a name of its own."""
    told = os.environ.get("SSL_CERT_FILE")
    if told and not os.environ.get("CURL_CA_BUNDLE"):
        os.environ.setdefault("REQUESTS_CA_BUNDLE", told)


def is_whole(path: Path, jar: Jar) -> bool:
    return path.is_file() and sha256_of(path) == jar.sha256


def fetch_all(
    jars: Sequence[Jar], folder: Path, repositories: Repositories, progress: Callable[[int, int], None]
) -> None:
    with (
        tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, dir=folder) as scratch,
        ThreadPoolExecutor(max_workers=PARALLEL_MAX) as pool,
    ):
        jobs = [pool.submit(fetch, jar, Path(scratch), folder, repositories) for jar in jars]
        try:
            for done, job in enumerate(jobs, start=1):
                job.result()
                progress(done, len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def fetch(jar: Jar, scratch: Path, folder: Path, repositories: Repositories) -> None:
    """Downloads beside the final place; only a jar with the pinned checksum is moved there."""
    import requests

    trust_as_told()
    fault: Exception | None = None
    for attempt in range(TRIES_MAX):
        try:
            half = download(jar, scratch / f"{jar.artifact}-{attempt}", repositories)
        except (requests.RequestException, RuntimeError) as trouble:
            fault = trouble
            continue
        if is_whole(half, jar):
            os.replace(half, folder / jar.filename)
            return
        fault = None
    if fault is None:
        raise Trouble(
            f"{jar.filename} arrived {TRIES_MAX} times with a wrong checksum, so it was not kept: a proxy or mirror on "
            "the way changes it; ask for the file from Maven Central itself and try again."
        )
    raise Trouble(
        f"{jar.filename} (Apache Kafka {VERSION}) could not be fetched from Maven Central ({reason(fault)}): check the "
        "network or the proxy settings (HTTPS_PROXY) and type `make up` again; what has arrived is kept. "
        "KAFKA_BOOTSTRAP_SERVERS=host:port uses a broker that exists instead."
    ) from fault


def download(jar: Jar, cache: Path, repositories: Repositories) -> Path:
    """One try with a cache of its own: the resolver writes straight into its cache, so a broken file stays in there."""
    from jgo.maven import MavenContext

    context = MavenContext(
        repo_cache=cache, local_repos=[], remote_repos=dict(repositories) if repositories else None,
        timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    return Path(path)


def reason(fault: Exception) -> str:
    """The shortest true words for a failed download."""
    import requests

    if isinstance(fault, requests.Timeout):
        return f"no answer within {TIMEOUT_SECONDS} s"
    if isinstance(fault, requests.exceptions.ChunkedEncodingError):
        return "the connection broke half way"
    if isinstance(fault, requests.exceptions.SSLError):
        return "its certificate is not trusted here: REQUESTS_CA_BUNDLE names the file with those that are"
    if isinstance(fault, requests.ConnectionError):
        return "no connection"
    return "it is not there" if isinstance(fault, RuntimeError) else type(fault).__name__


def resolve() -> list[Jar]:
    """Asks Maven Central what the broker needs at run time, and takes each jar's SHA-256."""
    from jgo.maven import MavenContext

    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(repo_cache=Path(scratch))
        root, needed = context.resolver.resolve([context.create_dependency(":".join(ROOT))])
        found = {(dep.groupId, dep.artifactId): dep.version for dep in [*root, *needed]}
        found[LOG_BINDING] = found["org.apache.logging.log4j", "log4j-core"]
        jars = []
        for (group, artifact), version in sorted(found.items()):
            path = context.project(group, artifact).at_version(version).artifact().resolve()
            jars.append(Jar(group, artifact, version, sha256_of(Path(path))))
    return jars


def main() -> None:
    print("# Apache Kafka and what it needs at run time: `python -m svc_local.kafka_jars` writes this list.")
    for jar in resolve():
        print(f"{jar.group}:{jar.artifact}:{jar.version} {jar.sha256}")


if __name__ == "__main__":
    main()
