"""Checks, severities and clocks of holds, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from order_svc.audit.rules import CLOCKS, SEVERITY, HoldReason, Severity, Subject, findings, new_hold, possible

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def test_every_reason_has_a_severity_and_a_clock() -> None:
    assert set(SEVERITY) == set(CLOCKS) == set(HoldReason)
    assert all(clock.within > timedelta(0) for clock in CLOCKS.values())


@pytest.mark.parametrize(
    ("reason", "severity", "hours", "then"),
    [
        ("incorrect_address", Severity.FAIL, 72, "cancel"),
        ("payment_mismatch", Severity.FAIL, 24, None),
        ("stock_short", Severity.FAIL, 48, None),
        ("undecided", Severity.WARN, 4, None),
    ],
)
def test_a_hold_takes_severity_and_clock_from_its_reason(
    reason: str, severity: Severity, hours: int, then: str | None
) -> None:
    hold = new_hold("hld_1", order_id="ord_1", shop="demo", reason=reason, evidence={"a": 1}, at=NOW)

    assert (hold.severity, hold.due_at, hold.on_deadline) == (severity, NOW + timedelta(hours=hours), then)
    assert (hold.state, hold.version, hold.evidence, hold.released_by) == ("open", 1, {"a": 1}, None)


def test_a_reason_that_does_not_exist_holds_nothing() -> None:
    with pytest.raises(ValueError, match="mood"):
        new_hold("hld_1", order_id="ord_1", shop="demo", reason="mood", evidence={}, at=NOW)


@pytest.mark.parametrize(
    ("missing", "waived", "found"),
    [
        ((), (), []),
        (("street",), (), [("incorrect_address", {"missing": ["street"]})]),
        (("street", "postcode"), (), [("incorrect_address", {"missing": ["street", "postcode"]})]),
        (("street",), ("incorrect_address",), []),
        (("street",), ("stock_short",), [("incorrect_address", {"missing": ["street"]})]),
    ],
)
def test_an_incomplete_address_is_found_unless_somebody_waived_it(
    missing: tuple[str, ...], waived: tuple[str, ...], found: list[tuple[str, dict[str, object]]]
) -> None:
    checked = findings(Subject(address_missing=missing), waived=waived)

    assert [(one.reason.value, one.evidence) for one in checked] == found


def test_only_an_open_hold_can_be_worked_on() -> None:
    assert possible("open") == ["release", "contact"]
    assert possible("released") == possible("closed") == []
