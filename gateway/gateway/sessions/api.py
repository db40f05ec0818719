"""Routes of signing in and out."""

from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import BaseModel, StringConstraints

from gateway.accounts.queries import with_password
from gateway.accounts.rules import login as spelt
from gateway.sessions import commands
from gateway.sessions.commands import BadCredentials, RefreshReused
from gateway.sessions.rules import SignedIn
from svc_kit.doors import Body, Router, Rt, Who
from svc_kit.refusals import RateLimited, Refusal, Unauthenticated, refuses

router = Router(tags=["sign-in"])

Text = Annotated[str, StringConstraints(min_length=1, max_length=254)]


class SignIn(Body):
    """`login`: an email address, a phone number, or a name of staff."""

    login: Text
    password: Text


class Refresh(Body):
    refresh_token: Text


class SessionView(BaseModel):
    """`refresh_token` holds once: each exchange brings the next, and using one twice ends the session."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - its kind
    expires_in: int
    refresh_token: str
    person_id: str | None = None
    staff_id: str | None = None
    roles: list[str]
    shops: list[str] | None


@router.post(
    "/v1/auth/sessions",
    status_code=201,
    responses=refuses(BadCredentials, RateLimited),
)
async def sign_in(body: SignIn, request: Request, rt: Rt) -> SessionView:
    throttle = rt.state.throttle
    throttle.attempt(request.client.host if request.client else "unknown")
    login = spelt(body.login)
    # What nobody can have is counted too: one spelling per bucket, whatever it is.
    key = login.text if login else body.login.casefold()
    throttle.check(key)
    found = None
    if login is not None:
        async with rt.db.read() as con:
            found = await with_password(con, login.text)
    account, hashed = found or (None, None)
    if not await rt.state.passwords.match(body.password, hashed) or account is None or account.state != "active":
        throttle.failed(key)
        raise BadCredentials()
    throttle.succeeded(key)
    async with rt.db.transaction() as tx:
        signed = await commands.begin(tx, account, days=rt.settings.session_days)
    return view(signed, rt)


@router.post("/v1/auth/sessions/refresh", responses=refuses(RefreshReused, RateLimited))
async def refresh(body: Refresh, request: Request, rt: Rt) -> SessionView:
    """Exchanges a refresh token for the next one and a new access token."""
    rt.state.throttle.attempt(request.client.host if request.client else "unknown")
    async with rt.db.transaction() as tx:
        outcome = await commands.refresh(tx, body.refresh_token)
    if isinstance(outcome, RefreshReused):
        rt.state.ended.add([outcome.session_id])
    if isinstance(outcome, Refusal):
        raise outcome
    return view(outcome, rt)


@router.delete("/v1/auth/sessions/current", status_code=204, responses=refuses(), response_class=Response)
async def sign_out(rt: Rt, who: Who) -> None:
    """The session of the token that asks: its access token holds no longer, nor does its refresh token."""
    if who.session_id is None:
        raise Unauthenticated()
    async with rt.db.transaction(actor=who.actor) as tx:
        await commands.end(tx, who.session_id)
    rt.state.ended.add([who.session_id])


def view(signed: SignedIn, rt: Any) -> SessionView:
    account = signed.account
    tokens = rt.state.access_tokens
    return SessionView(
        access_token=tokens.mint(account, session_id=signed.session.id),
        expires_in=tokens.seconds,
        refresh_token=signed.refresh_token,
        person_id=account.id if account.kind == "person" else None,
        staff_id=account.id if account.kind == "staff" else None,
        roles=list(account.roles),
        shops=None if account.shops is None else list(account.shops),
    )
