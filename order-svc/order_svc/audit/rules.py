"""The checks of the audit, as data: what is looked at, and which hold a finding opens."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


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
