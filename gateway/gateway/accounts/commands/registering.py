"""New accounts: members who register, staff who are hired, the first owner."""

from collections.abc import Sequence

import structlog

from gateway.accounts import store
from gateway.accounts.rules import OWNER, Account, Login
from svc_kit.refusals import Fault, Refusal
from svc_kit.transaction import Tx

log = structlog.get_logger()


class AlreadyRegistered(Refusal):
    slug, status = "already-registered", 409
    title = {"en": "Somebody signs in with this already", "zh": "该登录名已被注册"}


async def register(tx: Tx, *, name: str, logins: Sequence[Login], password_hash: str, visitor: str | None) -> Account:
    """A member. Raises AlreadyRegistered naming every log-in that is taken."""
    return await _insert(tx, _new(tx, "per", name=name, visitor=visitor), logins, password_hash)


async def hire(
    tx: Tx, *, login: Login, name: str | None, roles: Sequence[str], shops: Sequence[str] | None, password_hash: str
) -> Account:
    """Raises AlreadyRegistered."""
    account = await _insert(tx, _new(tx, "stf", name=name, roles=roles, shops=shops), [login], password_hash)
    log.info("staff hired", staff=account.id, by=tx.actor.id, roles=account.roles)
    return account


async def create_owner(tx: Tx, *, login: Login, password_hash: str) -> Account:
    """Raises AlreadyRegistered."""
    return await hire(tx, login=login, name=None, roles=(OWNER,), shops=None, password_hash=password_hash)


def _new(
    tx: Tx,
    prefix: str,
    *,
    name: str | None,
    roles: Sequence[str] = (),
    shops: Sequence[str] | None = None,
    visitor: str | None = None,
) -> Account:
    return Account(
        id=tx.ids.new(prefix),
        kind="staff" if prefix == "stf" else "person",
        name=name,
        roles=tuple(dict.fromkeys(roles)),
        shops=None if shops is None else tuple(dict.fromkeys(shops)),
        state="active",
        visitor=visitor,
        created_at=tx.now,
        version=1,
    )


async def _insert(tx: Tx, account: Account, logins: Sequence[Login], password_hash: str) -> Account:
    taken = await store.insert(tx.con, account, password_hash=password_hash, logins=logins)
    if taken:
        raise AlreadyRegistered([_taken(one) for one in taken])
    return account


def _taken(login: Login) -> Fault:
    pointer = "/login" if login.kind == "name" else f"/{login.kind}"
    return Fault(pointer, "already-registered", "Somebody has this already", "已被使用")
