"""The checks of the audit, as data: what is looked at, and which hold a finding opens."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal


class HoldReason(StrEnum):
    INCORRECT_ADDRESS = "incorrect_address"
    PAYMENT_MISMATCH = "payment_mismatch"
    STOCK_SHORT = "stock_short"
    UNDECIDED = "undecided"


class Severity(StrEnum):
    WARN = "warn"
    FAIL = "fail"


SEVERITY: dict[HoldReason, Severity] = {
    HoldReason.INCORRECT_ADDRESS: Severity.FAIL,
    HoldReason.PAYMENT_MISMATCH: Severity.FAIL,
    HoldReason.STOCK_SHORT: Severity.FAIL,
    HoldReason.UNDECIDED: Severity.WARN,
}

Kind = Literal["call", "sms", "im", "email"]
Outcome = Literal["reached_confirmed", "reached_changed", "no_answer", "refused", "wrong_number"]
OnDeadline = Literal["release", "cancel"]
HoldState = Literal["open", "released", "closed"]


@dataclass(frozen=True, slots=True)
class Clock:
    """`within`: how long staff may take. `then`: what happens by itself afterwards; None: it is only overdue."""

    within: timedelta
    then: OnDeadline | None


# Where money or a channel's promise hangs on it, nothing happens by itself.
CLOCKS: dict[HoldReason, Clock] = {
    HoldReason.INCORRECT_ADDRESS: Clock(timedelta(hours=72), "cancel"),
    HoldReason.PAYMENT_MISMATCH: Clock(timedelta(hours=24), None),
    HoldReason.STOCK_SHORT: Clock(timedelta(hours=48), None),
    HoldReason.UNDECIDED: Clock(timedelta(hours=4), None),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody tried to reach the buyer."""

    id: str
    hold_id: str
    kind: Kind
    outcome: Outcome
    note: str | None
    next_at: datetime | None
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """`released`: somebody looked and let it go on; `closed`: the order ended or the reason went away by itself."""

    id: str
    order_id: str
    shop: str
    reason: HoldReason
    severity: Severity
    evidence: dict[str, Any]
    state: HoldState
    opened_at: datetime
    due_at: datetime
    on_deadline: OnDeadline | None
    ended_at: datetime | None
    ended_why: str | None
    released_by: str | None
    note: str | None
    version: int


def new_hold(id: str, *, order_id: str, shop: str, reason: str, evidence: dict[str, Any], at: datetime) -> Hold:
    """Raises ValueError for a reason that does not exist."""
    why = HoldReason(reason)
    clock = CLOCKS[why]
    return Hold(
        id=id,
        order_id=order_id,
        shop=shop,
        reason=why,
        severity=SEVERITY[why],
        evidence=evidence,
        state="open",
        opened_at=at,
        due_at=at + clock.within,
        on_deadline=clock.then,
        ended_at=None,
        ended_why=None,
        released_by=None,
        note=None,
        version=1,
    )


def possible(state: HoldState) -> list[str]:
    """What staff may ask for now, in the words of the routes."""
    return ["release", "contact"] if state == "open" else []


ADDRESS_NEEDS = ("street", "postcode")  # what a parcel needs beyond what the checkout demands


@dataclass(frozen=True, slots=True)
class Subject:
    """What the checks may see of an order; never the address itself."""

    address_missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    reason: HoldReason
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """`look` gives evidence where the check fails."""

    rule: str
    reason: HoldReason
    look: Callable[[Subject], dict[str, Any] | None]


def _incomplete_address(subject: Subject) -> dict[str, Any] | None:
    return {"missing": list(subject.address_missing)} if subject.address_missing else None


CHECKS: Sequence[Check] = (Check("address_is_complete", HoldReason.INCORRECT_ADDRESS, _incomplete_address),)


def findings(subject: Subject, *, waived: Collection[str]) -> list[Finding]:
    """Every check that fails, but those whose hold somebody has released for this order."""
    found = [(check, check.look(subject)) for check in CHECKS if check.reason.value not in waived]
    return [Finding(check.reason, evidence) for check, evidence in found if evidence is not None]
