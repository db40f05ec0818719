"""Accounts as they are decided about: log-ins in one spelling, roles, what a change may do."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import phonenumbers

from svc_contracts.scopes import ROLES

Kind = Literal["person", "staff"]
State = Literal["active", "disabled"]
LoginKind = Literal["email", "phone", "name"]

OWNER = "owner"
# A phone number without a country code is read as one of this region.
PHONE_REGION = "CN"
EMAIL_LENGTH_MAX = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
LABEL = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"
EMAIL = re.compile(rf"^[^\s@\"(),:;<>\[\\\]\x00-\x1f]{{1,64}}@(?:{LABEL}\.)+(?=..){LABEL}$")
NAME = re.compile(r"^[a-z][a-z0-9._-]{1,63}$")


@dataclass(frozen=True, slots=True)
class Login:
    """`text` is the one spelling under which it is found again."""

    text: str
    kind: LoginKind


@dataclass(frozen=True, slots=True)
class Account:
    """`shops`: None means all. Members have no roles."""

    id: str
    kind: Kind
    name: str | None
    roles: tuple[str, ...]
    shops: tuple[str, ...] | None
    state: State
    visitor: str | None
    created_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class StaffChange:
    """What is None stays. `every_shop`: takes the restriction to shops away."""

    name: str | None = None
    roles: tuple[str, ...] | None = None
    shops: tuple[str, ...] | None = None
    every_shop: bool = False
    state: State | None = None
    password_hash: str | None = None

    @property
    def ends_sessions(self) -> bool:
        """Whoever is signed in has to do it again: tokens carry roles and shops."""
        return self.every_shop or any(
            given is not None for given in (self.roles, self.shops, self.state, self.password_hash)
        )


def email(text: str) -> Login | None:
    """The address in lower case, or None for what is none."""
    spelt = unicodedata.normalize("NFKC", text).strip().casefold()
    if len(spelt) > EMAIL_LENGTH_MAX or not EMAIL.match(spelt):
        return None
    return Login(spelt, "email")


def phone(text: str) -> Login | None:
    """The number in E.164, or None for what nobody could be called under."""
    try:
        number = phonenumbers.parse(text, PHONE_REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return Login(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), "phone")


def staff_name(text: str) -> Login | None:
    spelt = text.strip().casefold()
    return Login(spelt, "name") if NAME.match(spelt) else None


def login(text: str) -> Login | None:
    """However somebody writes it at the door: an address, a name of staff, or a phone number."""
    if "@" in text:
        return email(text)
    return staff_name(text) or phone(text)


def unknown_roles(roles: Collection[str]) -> list[int]:
    """Which of them do not exist, by position."""
    return [n for n, role in enumerate(roles) if role not in ROLES]


def is_owner(account: Account) -> bool:
    """Somebody who can let everybody else back in."""
    return account.state == "active" and OWNER in account.roles and account.shops is None


def changed(account: Account, change: StaffChange) -> Account:
    shops = None if change.every_shop else account.shops if change.shops is None else change.shops
    return Account(
        id=account.id,
        kind=account.kind,
        name=account.name if change.name is None else change.name,
        roles=account.roles if change.roles is None else change.roles,
        shops=shops,
        state=account.state if change.state is None else change.state,
        visitor=account.visitor,
        created_at=account.created_at,
        version=account.version + 1,
    )


def beyond(mine: Collection[str] | None, theirs: Collection[str] | None) -> bool:
    """Whether somebody for `mine` may not speak for `theirs`: the restricted hire within their own shops."""
    if mine is None:
        return False
    return theirs is None or not set(theirs) <= set(mine)
