"""Time-ordered ids with a prefix: `ord_` + 26 characters (TypeID 0.3: UUIDv7 in Crockford base32)."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Ids:
    """Mints ids. Clock and randomness are injected so that tests and the simulator repeat themselves."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    random_bytes: Callable[[int], bytes] = os.urandom

    def uuid7(self) -> UUID:
        """A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits."""
        milliseconds = int(self.now().timestamp() * 1000)
        tail = int.from_bytes(self.random_bytes(10), "big")
        high = (tail >> 68) & 0x0FFF
        low = tail & 0x3FFF_FFFF_FFFF_FFFF
        return UUID(int=(milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)

    def new(self, prefix: str) -> str:
        """A fresh id such as `ord_01k9c8…`; ids minted in later milliseconds sort later."""
        return f"{prefix}_{base32(self.uuid7())}"


def base32(value: UUID) -> str:
    """The 26 characters of TypeID for `value`."""
    number = value.int
    return "".join(ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
