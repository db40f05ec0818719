"""Log-ins in one spelling, changes of staff, who speaks for which shops."""

from datetime import UTC, datetime

import pytest

from gateway.accounts.rules import (
    Account,
    StaffChange,
    beyond,
    changed,
    email,
    is_owner,
    login,
    phone,
    staff_name,
    unknown_roles,
)

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def account(**more: object) -> Account:
    given = {
        "id": "stf_1", "kind": "staff", "name": None, "roles": ("owner",), "shops": None, "state": "active",
        "visitor": None, "created_at": NOW, "version": 1,
    }  # fmt: skip
    return Account(**(given | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("Chen@Example.COM", "chen@example.com"),
        ("  chen.xiao+shop@mail.example.com ", "chen.xiao+shop@mail.example.com"),
        ("陈@例子.中国", "陈@例子.中国"),
        ("ｃｈｅｎ@example.com", "chen@example.com"),
    ],
)
def test_an_address_has_one_spelling(text: str, spelt: str) -> None:
    found = email(text)

    assert found is not None
    assert (found.text, found.kind) == (spelt, "email")


@pytest.mark.parametrize(
    "text",
    ["", "chen", "chen@", "@example.com", "chen@example", "a b@example.com", "chen@exa_mple.com", "chen@example..com",
     "chen@-example.com", "chen@example.com\n.evil", "a" * 65 + "@example.com", "c@" + "e" * 250 + ".com"],
)  # fmt: skip
def test_what_is_no_address_is_none(text: str) -> None:
    assert email(text) is None


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("13800138000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("0086 13800138000", "+8613800138000"),
        ("+1 (650) 253-0000", "+16502530000"),
    ],
)
def test_a_number_is_kept_in_e164(text: str, spelt: str) -> None:
    found = phone(text)

    assert found is not None
    assert (found.text, found.kind) == (spelt, "phone")


@pytest.mark.parametrize("text", ["", "12", "not a number", "+86 1", "+999 13800138000"])
def test_what_cannot_be_called_is_none(text: str) -> None:
    assert phone(text) is None


@pytest.mark.parametrize(("text", "spelt"), [("Owner", "owner"), ("demo-merchant", "demo-merchant"), ("a1", "a1")])
def test_a_name_of_staff_is_lower_case(text: str, spelt: str) -> None:
    found = staff_name(text)

    assert found is not None
    assert found.text == spelt


@pytest.mark.parametrize("text", ["", "a", "1owner", "-x", "own er", "o" * 65, "owner@example.com"])
def test_other_names_are_none(text: str) -> None:
    assert staff_name(text) is None


@pytest.mark.parametrize(
    ("text", "kind"), [("a@b.cn", "email"), ("13800138000", "phone"), ("owner", "name"), ("9", None), ("@", None)]
)
def test_a_login_is_read_as_what_it_is(text: str, kind: str | None) -> None:
    found = login(text)

    assert (found.kind if found else None) == kind


def test_unknown_roles_are_named_by_position() -> None:
    assert unknown_roles(["owner", "king", "analyst", "pope"]) == [1, 3]


@pytest.mark.parametrize(
    ("more", "owns"),
    [
        ({}, True),
        ({"state": "disabled"}, False),
        ({"roles": ("merchandiser",)}, False),
        ({"roles": ("merchandiser", "owner")}, True),
        ({"shops": ("sample",)}, False),
    ],
)
def test_an_owner_is_active_and_for_all_shops(more: dict[str, object], owns: bool) -> None:
    assert is_owner(account(**more)) is owns


@pytest.mark.parametrize(
    ("change", "after", "ends"),
    [
        (StaffChange(name="Li"), {"name": "Li"}, False),
        (StaffChange(roles=("analyst",)), {"roles": ("analyst",)}, True),
        (StaffChange(shops=("sample",)), {"shops": ("sample",)}, True),
        (StaffChange(every_shop=True), {"shops": None}, True),
        (StaffChange(state="disabled"), {"state": "disabled"}, True),
        (StaffChange(password_hash="x"), {}, True),
        (StaffChange(), {}, False),
    ],
)
def test_a_change_is_what_it_names_and_a_version_more(
    change: StaffChange, after: dict[str, object], ends: bool
) -> None:
    before = account(shops=("old",))

    assert changed(before, change) == account(**({"shops": ("old",)} | after), version=2)
    assert change.ends_sessions is ends


@pytest.mark.parametrize(
    ("mine", "theirs", "too_much"),
    [
        (None, None, False),
        (None, ["a"], False),
        (["a"], None, True),
        (["a"], ["a"], False),
        (["a", "b"], ["b"], False),
        (["a"], ["a", "b"], True),
    ],
)
def test_the_restricted_speak_for_their_own_shops(
    mine: list[str] | None, theirs: list[str] | None, too_much: bool
) -> None:
    assert beyond(mine, theirs) is too_much
