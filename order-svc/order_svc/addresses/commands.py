"""Sealing and opening. Sealing happens before the transaction: it needs no database."""

from collections.abc import Sequence
from functools import lru_cache

import asyncpg
import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from order_svc.addresses import store
from order_svc.addresses.rules import Address, address_of
from svc_contracts.ids import Ids
from svc_kit.transaction import Tx

NONCE_BYTES = 12  # NIST SP 800-38D §5.2.1.1


@lru_cache(maxsize=4)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def seal(ids: Ids, key: bytes, address: Address) -> tuple[str, bytes]:
    """(reference, sealed bytes); sealed for this reference, so that bytes moved to another row do not open."""
    reference = ids.new("adr")
    return reference, sealed_for(ids, key, reference, address)


def sealed_for(ids: Ids, key: bytes, reference: str, address: Address) -> bytes:
    nonce = ids.random_bytes(NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, orjson.dumps(address.document()), reference.encode())


async def keep(tx: Tx, sealed: Sequence[tuple[str, bytes]]) -> None:
    if sealed:
        await store.insert(tx.con, sealed, at=tx.now)


async def change(tx: Tx, key: bytes, reference: str, address: Address) -> None:
    """The order is locked."""
    await store.replace(tx.con, reference, sealed_for(tx.ids, key, reference, address))


async def opened(con: asyncpg.Connection, key: bytes, reference: str) -> Address | None:
    """Raises cryptography's InvalidTag where the key is not the one it was sealed with."""
    sealed = await store.sealed(con, reference)
    if sealed is None:
        return None
    nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    return address_of(orjson.loads(_cipher(key).decrypt(nonce, body, reference.encode())))
