"""Who asks, and what they may do. Internal tokens: Ed25519, ≤ 60 s, signed by the caller for one audience."""

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from fastapi import Depends, Request, params

from svc_contracts.scopes import SCOPES, expand
from svc_kit.clock import Clock
from svc_kit.refusals import Forbidden, Unauthenticated
from svc_kit.transaction import Actor

TOKEN_SECONDS = 60
ALGORITHM = "EdDSA"
VERIFIED_MAX = 4_096
# Where a clock of another machine is ahead.
LEEWAY_SECONDS = 5

Kind = Literal["visitor", "person", "staff", "key", "svc"]
ACTOR_KINDS: dict[str, str] = {
    "visitor": "customer",
    "person": "customer",
    "staff": "staff",
    "key": "partner",
    "svc": "system",
}


@dataclass(frozen=True, slots=True)
class Principal:
    """`shops`: None means all. `visitor_id`: the raw X-Visitor-Id header; a secret, never logged."""

    kind: Kind
    id: str
    scopes: frozenset[str]
    shops: frozenset[str] | None = None
    session_id: str | None = None
    visitor_id: str | None = field(default=None, repr=False)
    # The visitor as rows and events may know it; the header itself is a secret.
    visitor_key: str | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "visitor_key", visitor_key(self.visitor_id) if self.visitor_id else None)

    @property
    def actor(self) -> Actor:
        return Actor(ACTOR_KINDS[self.kind], self.key_principal if self.kind == "visitor" else self.id)

    @property
    def key_principal(self) -> str:
        """Whose Idempotency-Keys these are: the id, or for visitors the SHA-256 of their header."""
        return (self.visitor_key if self.kind == "visitor" else None) or self.id

    def may_in(self, shop: str) -> bool:
        return self.shops is None or shop in self.shops


def visitor_key(header: str) -> str:
    """`vis_` + 32 hex digits of the SHA-256 of an X-Visitor-Id."""
    return "vis_" + hashlib.sha256(header.encode()).hexdigest()[:32]


class InternalTokens:
    """Mints for this service, verifies everybody's. Verified tokens are remembered by their bytes until they expire."""

    def __init__(self, *, service: str, signing_key: str, verify_keys: Mapping[str, str], clock: Clock) -> None:
        self.service = service
        self.clock = clock
        self._signing = Ed25519PrivateKey.from_private_bytes(base64.b64decode(signing_key)) if signing_key else None
        self._verifying = {
            issuer: Ed25519PublicKey.from_public_bytes(base64.b64decode(key)) for issuer, key in verify_keys.items()
        }
        self._verified: dict[str, tuple[float, dict[str, Any]]] = {}

    def mint(
        self,
        audience: str,
        *,
        kind: Kind,
        id: str,
        scopes: Collection[str],
        shops: Collection[str] | None = None,
        session_id: str | None = None,
    ) -> str:
        if self._signing is None:
            raise RuntimeError("INTERNAL_SIGNING_KEY is not set")
        now = int(self.clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.service,
            "aud": audience,
            "sub": id,
            "kind": kind,
            "scopes": sorted(scopes),
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        if shops is not None:
            claims["shops"] = sorted(shops)
        if session_id is not None:
            claims["sid"] = session_id
        return jwt.encode(claims, self._signing, algorithm=ALGORITHM, headers={"kid": self.service})

    def verify(self, token: str) -> dict[str, Any]:
        """The claims. Raises Unauthenticated for anything but a token of ours, for us, that is still valid."""
        now = self.clock.now().timestamp()
        if known := self._verified.get(token):
            if known[0] > now:
                return known[1]
            del self._verified[token]
        claims = self._checked(token, now)
        if len(self._verified) >= VERIFIED_MAX:
            self._verified.clear()
        self._verified[token] = (claims["exp"], claims)
        return claims

    def _checked(self, token: str, now: float) -> dict[str, Any]:
        try:
            issuer = jwt.get_unverified_header(token).get("kid", "")
            claims: dict[str, Any] = jwt.decode(
                token,
                self._verifying[issuer],
                algorithms=[ALGORITHM],
                audience=self.service,
                issuer=issuer,
                # Expiry is checked below, by the injected clock.
                options={"require": ["exp", "iat", "aud", "iss", "sub"], "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, KeyError, ValueError, TypeError) as fault:
            raise Unauthenticated(detail="The internal token does not hold") from fault
        issued, expires = claims["iat"], claims["exp"]
        if now >= expires or issued > now + LEEWAY_SECONDS or expires - issued > TOKEN_SECONDS:
            raise Unauthenticated(detail="The internal token has expired")
        return claims


def principal_of(claims: Mapping[str, Any], visitor_id: str | None) -> Principal:
    shops = claims.get("shops")
    # Only a token that another service signed for itself may carry the internal scopes.
    granted = frozenset(claims.get("scopes", ()))
    if claims["kind"] != "svc":
        granted = expand(granted)
    return Principal(
        kind=claims["kind"],
        id=claims["sub"],
        scopes=granted,
        shops=None if shops is None else frozenset(shops),
        session_id=claims.get("sid"),
        visitor_id=visitor_id,
    )


@dataclass(frozen=True)
class Scope:
    """What a route asks for; read again when the app is built, where a route without one stops the start."""

    name: str

    async def __call__(self, request: Request) -> None:
        principal: Principal = authenticate(request)
        if self.name not in principal.scopes:
            raise Forbidden(detail=f"This needs the scope {self.name}", scope=self.name)


def scope(name: str) -> params.Depends:
    """`dependencies=[scope("orders:write")]`. Raises KeyError where no such scope exists."""
    if name not in SCOPES:
        raise KeyError(name)
    dependency: params.Depends = Depends(Scope(name))
    return dependency


def authenticate(request: Request) -> Principal:
    """The principal behind the request's token, once per request."""
    known: Principal | None = request.scope.get("yunying.principal")
    if known is not None:
        return known
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Unauthenticated()
    tokens: InternalTokens = request.app.state.runtime.tokens
    principal = principal_of(tokens.verify(token), request.headers.get("x-visitor-id"))
    request.scope["yunying.principal"] = principal
    return principal
