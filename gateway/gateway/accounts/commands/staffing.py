"""Staff that change: roles, shops, state, password. Whoever is signed in does it again."""

import structlog

from gateway.accounts import store
from gateway.accounts.rules import Account, StaffChange, changed, is_owner
from svc_kit.refusals import NotFound, Refusal
from svc_kit.transaction import Tx
from svc_kit.versions import require_version

log = structlog.get_logger()


class LastOwner(Refusal):
    slug, status = "last-owner", 409
    title = {"en": "Nobody else could let people in", "zh": "这是最后一位所有者"}


async def change_staff(tx: Tx, id: str, *, version: int, change: StaffChange) -> Account:
    """Raises NotFound, StaleVersion, LastOwner. The caller ends the sessions where `change.ends_sessions`."""
    found, owners = await store.lock_staff(tx.con, id)
    if found is None:
        raise NotFound()
    require_version(found.version, version)
    after = changed(found, change)
    if is_owner(found) and not is_owner(after) and not any(is_owner(one) for one in owners if one.id != id):
        raise LastOwner()
    await store.update(tx.con, after, password_hash=change.password_hash)
    log.info("staff changed", staff=id, by=tx.actor.id, roles=after.roles, state=after.state)
    return after
