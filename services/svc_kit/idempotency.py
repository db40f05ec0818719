"""`Idempotency-Key`: the same request twice is executed once and answered twice.

Stored in the command's own transaction: 2xx and the refusals that came after execution began.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Request, params

from svc_kit.access import Principal
from svc_kit.refusals import Fault, IdempotencyKeyMissing, IdempotencyKeyReused, RequestInProgress, ValidationFailed
from svc_kit.transaction import Tx

KEY_LENGTH_MAX = 255
KEPT_HOURS = 72
# Orders, payments and refunds (api.md §1).
KEPT_HOURS_MONEY = 30 * 24
STORED_HEADERS = ("location", "content-type", "etag")
NEVER_STORED = frozenset({401, 403, 422, 429})


@dataclass(frozen=True, slots=True)
class Key:
    principal: str
    key: str
    operation: str
    fingerprint: bytes
    kept_hours: int = KEPT_HOURS

    @property
    def lock(self) -> int:
        """For advisory locks: 64 bits, signed."""
        digest = hashlib.blake2b(f"{self.principal}\0{self.key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a replay answers. `resource_id`: render the resource as it is now instead of the stored bytes."""

    status: int
    headers: dict[str, str]
    body: bytes
    resource_id: str | None = None


class Replay(Exception):
    """Leaves the command's path with the stored answer."""

    def __init__(self, stored: Stored) -> None:
        super().__init__("replayed")
        self.stored = stored


@dataclass(frozen=True)
class KeyRequired:
    kept_hours: int

    async def __call__(
        self,
        request: Request,
        idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key")] = None,
    ) -> None:
        if idempotency_key is None:
            raise IdempotencyKeyMissing(detail="Send a fresh random Idempotency-Key; repeat it when you try again")
        request.scope["yunying.key_kept_hours"] = self.kept_hours


def key_required(*, kept_hours: int = KEPT_HOURS) -> params.Depends:
    """`dependencies=[…, key_required()]`: refused without the header."""
    dependency: params.Depends = Depends(KeyRequired(kept_hours))
    return dependency


async def key_of(request: Request, who: Principal) -> Key | None:
    """The request's key, bound to who asks, the operation and the bytes of the body.

    Raises ValidationFailed for an empty or overlong one.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not given or len(given) > KEY_LENGTH_MAX:
        raise ValidationFailed([Fault("/Idempotency-Key", "bad-key", "Use 1 to 255 characters", "长度须为 1 到 255")])
    operation = f"{request.method} {request.url.path}"
    digest = hashlib.sha256(f"{operation}?{request.url.query}\n".encode())
    digest.update(await request.body())
    kept_hours = request.scope.get("yunying.key_kept_hours", KEPT_HOURS)
    return Key(who.key_principal, given, operation, digest.digest(), kept_hours)


async def claim(tx: Tx, keys: Sequence[Key]) -> list[Stored | Exception | None]:
    """For each key: None (go on), what was stored before, or why not. Keys are distinct.

    The lock and the read are separate statements: a snapshot taken before the lock would miss the other's row.
    """
    locks = [key.lock for key in keys]
    got = await tx.con.fetch("SELECT pg_try_advisory_xact_lock(k) AS got FROM unnest($1::bigint[]) AS k", locks)
    rows = await tx.con.fetch(
        "SELECT principal, key, fingerprint, status, headers, body, resource_id FROM idempotency_key "
        "WHERE (principal, key) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND expires_at > $3",
        [key.principal for key in keys],
        [key.key for key in keys],
        tx.now,
    )
    known = {(row["principal"], row["key"]): row for row in rows}
    return [_verdict(key, row["got"], known.get((key.principal, key.key))) for key, row in zip(keys, got, strict=True)]


def _verdict(key: Key, locked: bool, row: Any) -> Stored | Exception | None:
    if not locked:
        return RequestInProgress(retry_after_seconds=1)
    if row is None:
        return None
    if bytes(row["fingerprint"]) != key.fingerprint:
        return IdempotencyKeyReused(detail="A new request needs a new key")
    return Stored(row["status"], orjson.loads(row["headers"]), bytes(row["body"]), row["resource_id"])


async def store(tx: Tx, answers: Sequence[tuple[Key, Stored]]) -> None:
    """Sorted: two transactions that insert the same keys in crossed order would deadlock."""
    answers = sorted(answers, key=lambda one: (one[0].principal, one[0].key))
    await tx.con.execute(
        "INSERT INTO idempotency_key "
        "(principal, key, operation, fingerprint, status, headers, body, resource_id, expires_at) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::int[], $6::jsonb[], $7::bytea[], "
        "$8::text[], $9::timestamptz[]) "
        "ON CONFLICT (principal, key) DO UPDATE SET operation = excluded.operation, "
        "fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, "
        "body = excluded.body, resource_id = excluded.resource_id, expires_at = excluded.expires_at",
        [key.principal for key, _ in answers],
        [key.key for key, _ in answers],
        [key.operation for key, _ in answers],
        [key.fingerprint for key, _ in answers],
        [stored.status for _, stored in answers],
        [orjson.dumps(stored.headers).decode() for _, stored in answers],
        [stored.body for _, stored in answers],
        [stored.resource_id for _, stored in answers],
        [tx.now + timedelta(hours=key.kept_hours) for key, _ in answers],
    )


def storable(status: int) -> bool:
    return status < 500 and status not in NEVER_STORED


PURGE_SIZE = 5_000


async def purge(tx: Tx) -> None:
    """Keys past their time, a bounded number at once."""
    await tx.con.execute(
        "DELETE FROM idempotency_key WHERE ctid IN (SELECT ctid FROM idempotency_key WHERE expires_at < $1 LIMIT $2)",
        tx.now,
        PURGE_SIZE,
    )
