"""Who asks: from the client's token to the internal one that a service gets."""

from collections.abc import Container
from dataclasses import dataclass, field

from gateway.sessions.tokens import AccessTokens
from svc_contracts.scopes import SERVICE_CALLS, STORE, scopes_of_roles
from svc_kit.access import InternalTokens, Kind
from svc_kit.clock import Clock
from svc_kit.refusals import Unauthenticated

# Half of an internal token's life: a request that starts with a cached one never arrives with an expired one.
BEARER_KEPT_SECONDS = 30.0
CALLERS_MAX = 20_000
VISITOR_ID = "anonymous"


@dataclass(slots=True)
class Caller:
    """Somebody at the door. `bearers`: audience → until when (monotonic), `Authorization` for that service."""

    kind: Kind
    id: str
    scopes: frozenset[str]
    shops: tuple[str, ...] | None = None
    session_id: str | None = None
    expires_at: float = 0.0
    bearers: dict[str, tuple[float, str]] = field(default_factory=dict)


class Identity:
    """Verified access tokens are remembered by their bytes, internal ones per (session, audience)."""

    def __init__(self, access: AccessTokens, internal: InternalTokens, ended: Container[str], clock: Clock) -> None:
        self._access = access
        self._internal = internal
        self._ended = ended
        self._clock = clock
        self._callers: dict[bytes, Caller] = {}
        self.visitor = Caller("visitor", VISITOR_ID, frozenset({STORE}))
        self.gateway = Caller("svc", "gateway", frozenset())

    def caller(self, authorization: bytes | None) -> Caller:
        """Raises Unauthenticated for a token that does not hold; nobody's request is a visitor's."""
        if authorization is None:
            return self.visitor
        caller = self._callers.get(authorization)
        if caller is None:
            caller = self._verified(authorization)
        elif caller.expires_at <= self._clock.now().timestamp():
            del self._callers[authorization]
            raise Unauthenticated(detail="The access token has expired")
        if caller.session_id in self._ended:
            raise Unauthenticated(detail="The session is over")
        return caller

    def bearer(self, caller: Caller, audience: str) -> str:
        """`Authorization` for a service, signed by us."""
        now = self._clock.monotonic()
        known = caller.bearers.get(audience)
        if known is not None and known[0] > now:
            return known[1]
        # What we ask as ourselves carries the scopes that this service grants us, and no others.
        scopes = SERVICE_CALLS["gateway"].get(audience, ()) if caller.kind == "svc" else caller.scopes
        token = self._internal.mint(
            audience, kind=caller.kind, id=caller.id, scopes=scopes, shops=caller.shops, session_id=caller.session_id
        )
        caller.bearers[audience] = (now + BEARER_KEPT_SECONDS, f"Bearer {token}")
        return caller.bearers[audience][1]

    def _verified(self, authorization: bytes) -> Caller:
        kind, _, token = authorization.decode("latin-1").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Unauthenticated(detail="Authorization has to be a bearer token")
        claims = self._access.verify(token.strip())
        member = claims.kind == "person"
        caller = Caller(
            kind=claims.kind,
            id=claims.id,
            scopes=frozenset({STORE}) if member else scopes_of_roles(claims.roles),
            shops=claims.shops,
            session_id=claims.session_id,
            expires_at=claims.expires_at,
        )
        if len(self._callers) >= CALLERS_MAX:
            del self._callers[next(iter(self._callers))]
        self._callers[authorization] = caller
        return caller
