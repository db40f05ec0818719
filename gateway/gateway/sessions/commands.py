"""Signing in, refreshing, signing out."""

import base64
import hashlib
from datetime import timedelta

import structlog

from gateway.accounts import queries as accounts
from gateway.accounts.rules import Account
from gateway.sessions import store
from gateway.sessions.rules import Session, SignedIn, Verdict, verdict
from svc_contracts.ids import Ids
from svc_kit.refusals import Refusal, Unauthenticated
from svc_kit.transaction import Tx

log = structlog.get_logger()
TOKEN_BYTES = 32
PREFIX = "rft_"


class BadCredentials(Refusal):
    """Does not say whether the log-in exists."""

    slug, status = "bad-credentials", 401
    title = {"en": "Log-in and password do not belong together", "zh": "账号或密码不正确"}


class RefreshReused(Refusal):
    slug, status = "refresh-reused", 401
    title = {"en": "This refresh token was used before; sign in again", "zh": "刷新令牌已被使用，请重新登录"}

    def __init__(self, session_id: str = "") -> None:
        super().__init__()
        self.session_id = session_id


async def begin(tx: Tx, account: Account, *, days: int) -> SignedIn:
    """Raises BadCredentials where the account was closed since its password was checked."""
    held = await accounts.held(tx.con, account.id)
    if held is None or held.state != "active":
        raise BadCredentials()
    session = Session(tx.ids.new("ses"), held.id, tx.now, tx.now + timedelta(days=days), None)
    await store.insert(tx.con, session)
    return SignedIn(session, held, await _issue(tx, session))


async def refresh(tx: Tx, token: str) -> SignedIn | Refusal:
    """The next token of the family. A refusal is returned, not raised: what it ends has to be committed.

    Locks the account, then the session: the order of whoever closes an account.
    """
    digest = digest_of(token)
    found = await store.owner_of(tx.con, digest)
    if found is None:
        return Unauthenticated(detail="The refresh token does not hold")
    account = await accounts.held(tx.con, found[1])
    session = await store.lock(tx.con, found[0])
    if session is None or account is None:
        return Unauthenticated(detail="The session is over")
    match verdict(session, used_at=await store.used_at(tx.con, digest), now=tx.now):
        case Verdict.REUSED:
            if await store.end(tx.con, session.id, why="refresh-reused", at=tx.now):
                log.warning("refresh token used twice", session=session.id, account=account.id)
            return RefreshReused(session.id)
        case Verdict.OVER:
            return Unauthenticated(detail="The session is over")
        case Verdict.FRESH:
            if account.state != "active":
                await store.end(tx.con, session.id, why="account-closed", at=tx.now)
                return Unauthenticated(detail="The session is over")
            await store.use(tx.con, digest, at=tx.now)
            return SignedIn(session, account, await _issue(tx, session))


async def end(tx: Tx, session_id: str) -> None:
    """Its refresh tokens open nothing any more; doing it twice changes nothing."""
    await store.end(tx.con, session_id, why="signed-out", at=tx.now)


async def end_all_of(tx: Tx, account_id: str, *, why: str) -> list[str]:
    """The sessions that were open."""
    return await store.end_all_of(tx.con, account_id, why=why, at=tx.now)


async def _issue(tx: Tx, session: Session) -> str:
    token = new_token(tx.ids)
    await store.insert_token(tx.con, digest_of(token), session_id=session.id, at=tx.now)
    return token


def new_token(ids: Ids) -> str:
    return PREFIX + base64.urlsafe_b64encode(ids.random_bytes(TOKEN_BYTES)).rstrip(b"=").decode()


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
