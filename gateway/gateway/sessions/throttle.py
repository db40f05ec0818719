"""How often one log-in may fail, and how often one address may try. In memory: approximate is fine here."""

from collections import OrderedDict
from dataclasses import dataclass

from svc_kit.clock import Clock
from svc_kit.refusals import RateLimited

KEYS_MAX = 50_000


@dataclass(slots=True)
class Bucket:
    left: float
    at: float


class Buckets:
    """A token bucket per key; the least recently used are forgotten."""

    def __init__(self, *, size: int, per_second: float, clock: Clock) -> None:
        self._size = size
        self._per_second = per_second
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wait_seconds(self, key: str) -> float:
        """0 where there is something left."""
        return max(0.0, (1.0 - self._filled(key).left) / self._per_second)

    def take(self, key: str) -> None:
        bucket = self._filled(key)
        bucket.left = max(0.0, bucket.left - 1.0)

    def forget(self, key: str) -> None:
        self._buckets.pop(key, None)

    def _filled(self, key: str) -> Bucket:
        now = self._clock.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= KEYS_MAX:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = Bucket(self._size, now)
        self._buckets.move_to_end(key)
        bucket.left = min(self._size, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        return bucket


class Throttle:
    def __init__(
        self,
        *,
        failures_max: int,
        failure_seconds: float,
        attempts_max: int,
        attempts_per_second: float,
        clock: Clock,
    ) -> None:
        self._failures = Buckets(size=failures_max, per_second=1 / failure_seconds, clock=clock)
        self._attempts = Buckets(size=attempts_max, per_second=attempts_per_second, clock=clock)

    def attempt(self, address: str) -> None:
        """Raises RateLimited."""
        self._refuse_within(self._attempts.wait_seconds(address))
        self._attempts.take(address)

    def check(self, login: str) -> None:
        """Raises RateLimited where it failed too often, also for the right password: guessing learns nothing."""
        self._refuse_within(self._failures.wait_seconds(login))

    def failed(self, login: str) -> None:
        self._failures.take(login)

    def succeeded(self, login: str) -> None:
        self._failures.forget(login)

    def _refuse_within(self, seconds: float) -> None:
        if seconds > 0:
            raise RateLimited(retry_after_seconds=seconds)
