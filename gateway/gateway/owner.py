"""`python -m gateway create-owner`: the first who may let others in. May run any number of times."""

import structlog

from gateway.accounts.commands.registering import AlreadyRegistered, create_owner
from gateway.accounts.passwords import Passwords
from gateway.accounts.queries import with_password
from gateway.accounts.rules import login as spelt
from gateway.settings import GatewaySettings
from svc_contracts.ids import Ids
from svc_kit.clock import SystemClock
from svc_kit.transaction import Database

log = structlog.get_logger()
PASSWORD_LENGTH_MIN = 8


async def ensure_owner(settings: GatewaySettings) -> bool:
    """Whether one was made. One that is there keeps the password that they have meanwhile.

    Raises ValueError where OWNER_LOGIN or OWNER_PASSWORD cannot be used, or where the log-in is a member's.
    """
    login = spelt(settings.owner_login)
    if login is None or login.kind != "name":
        raise ValueError("OWNER_LOGIN has to begin with a letter and be of a-z, 0-9, dot, hyphen, underscore")
    if len(settings.owner_password) < PASSWORD_LENGTH_MIN:
        raise ValueError(f"OWNER_PASSWORD has to have at least {PASSWORD_LENGTH_MIN} characters")
    clock = SystemClock()
    passwords = Passwords()
    try:
        async with Database.open(
            settings.database_url, source="gateway", clock=clock, ids=Ids(now=clock.now), size=2
        ) as db:
            async with db.read() as con:
                if await with_password(con, login.text):
                    return False
            hashed = await passwords.hash(settings.owner_password)
            try:
                async with db.transaction() as tx:
                    await create_owner(tx, login=login, password_hash=hashed)
            except AlreadyRegistered:
                return False
            return True
    finally:
        passwords.close()
