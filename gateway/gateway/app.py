"""The gateway's table of contents."""

from fastapi import FastAPI

from gateway.accounts import api as accounts
from gateway.composition import api as composition
from gateway.documents import api as documents
from gateway.parts import open_parts
from gateway.sessions import api as sessions
from gateway.settings import GatewaySettings
from gateway.tracking import api as tracking
from svc_kit import assembly as kit
from svc_kit.assembly import Service

SERVICE = Service(
    name="gateway",
    settings=GatewaySettings,
    routers=(accounts.router, sessions.router, composition.router, tracking.router, documents.router),
    resources=open_parts,
    openapi_url=None,
    # Signing in is how one gets a scope; documents are for people.
    open_paths=frozenset(
        {
            "/v1/auth/members",
            "/v1/auth/sessions",
            "/v1/auth/sessions/refresh",
            "/v1/auth/sessions/current",
            "/docs",
            "/openapi.json",
            "/problems/{slug}",
        }
    ),
)


def create_app(settings: GatewaySettings | None = None) -> FastAPI:
    """Our own routes. Once it runs, `app.state.front` is what has to be served: the door before them."""
    return kit.create_app(SERVICE, settings)
