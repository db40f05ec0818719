"""Access tokens: what front ends show at the door. Ed25519, minutes, for the gateway alone."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.accounts.rules import Account, Kind
from svc_kit.clock import Clock
from svc_kit.refusals import Unauthenticated

ALGORITHM = "EdDSA"
ISSUER = "gateway"
AUDIENCE = "clients"
TYPE = "at+jwt"  # RFC 9068 §2.1
TOKEN_LENGTH_MAX = 8_192


@dataclass(frozen=True, slots=True)
class Claims:
    kind: Kind
    id: str
    session_id: str
    roles: tuple[str, ...]
    shops: tuple[str, ...] | None
    expires_at: float


class AccessTokens:
    def __init__(self, *, seed: bytes, seconds: int, clock: Clock) -> None:
        self.seconds = seconds
        self._clock = clock
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key()
        self._kid = hashlib.sha256(self._public.public_bytes_raw()).hexdigest()[:16]

    def mint(self, account: Account, *, session_id: str) -> str:
        now = int(self._clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": account.id,
            "sid": session_id,
            "kind": account.kind,
            "roles": list(account.roles),
            "iat": now,
            "exp": now + self.seconds,
        }
        if account.shops is not None:
            claims["shops"] = list(account.shops)
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid, "typ": TYPE})

    def verify(self, token: str) -> Claims:
        """Raises Unauthenticated for anything but a token of ours that is still valid."""
        try:
            if len(token) > TOKEN_LENGTH_MAX:
                raise ValueError("too long")
            head = jwt.get_unverified_header(token)
            if head.get("typ") != TYPE or head.get("kid") != self._kid:
                raise ValueError("another kind of token")
            claims: dict[str, Any] = jwt.decode(
                token,
                self._public,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Expiry is checked below, by the injected clock.
                options={"require": ["exp", "iat", "aud", "iss", "sub"], "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as fault:
            raise Unauthenticated(detail="The access token does not hold") from fault
        if claims["exp"] <= self._clock.now().timestamp():
            raise Unauthenticated(detail="The access token has expired")
        shops = claims.get("shops")
        return Claims(
            kind=claims["kind"],
            id=claims["sub"],
            session_id=claims["sid"],
            roles=tuple(claims["roles"]),
            shops=None if shops is None else tuple(shops),
            expires_at=claims["exp"],
        )


def seed_of(signing_key: str, fallback: bytes) -> bytes:
    """Without a key (outside production alone) tokens hold until the process ends."""
    return base64.b64decode(signing_key) if signing_key else fallback
