"""Routes of members and staff. Passwords are hashed before a transaction opens."""

from typing import Any

from fastapi import Request, Response

from gateway.accounts import queries
from gateway.accounts.bodies import (
    MemberMade,
    NewMember,
    NewStaff,
    RolesView,
    RoleView,
    StaffBody,
    StaffView,
    staff_view,
)
from gateway.accounts.commands import registering, staffing
from gateway.accounts.commands.registering import AlreadyRegistered
from gateway.accounts.commands.staffing import LastOwner
from gateway.accounts.rules import Login, StaffChange, beyond, email, phone, staff_name, unknown_roles
from gateway.sessions.commands import end_all_of
from svc_contracts.scopes import ROLES, scopes_of_roles
from svc_kit.access import Principal, scope, visitor_key
from svc_kit.doors import Read, Router, Rt, Who
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import Fault, Forbidden, NotFound, RateLimited, StaleVersion, ValidationFailed, refuses

router = Router()


@router.post(
    "/v1/auth/members",
    status_code=201,
    tags=["sign-in"],
    responses=refuses(AlreadyRegistered, RateLimited),
)
async def register(body: NewMember, request: Request, rt: Rt) -> MemberMade:
    """A new member; signing in is the next call."""
    rt.state.throttle.attempt(address_of(request))
    logins = logins_of(body)
    hashed = await rt.state.passwords.hash(body.password)
    visitor = visitor_key(body.visitor_id) if body.visitor_id else None
    async with rt.db.transaction() as tx:
        made = await registering.register(tx, name=body.name, logins=logins, password_hash=hashed, visitor=visitor)
    return MemberMade(person_id=made.id)


@router.post(
    "/v1/admin/staff",
    status_code=201,
    tags=["staff"],
    dependencies=[scope("admin:write")],
    responses=refuses(AlreadyRegistered),
)
async def hire(body: NewStaff, rt: Rt, who: Who, response: Response) -> StaffView:
    login = staff_name(body.login)
    faults = role_faults(body.roles)
    if login is None:
        faults.insert(
            0, Fault("/login", "not-a-login", "a letter, then a-z 0-9 . _ -", "须以字母开头，仅限 a-z 0-9 . _ -")
        )
    if faults or login is None:
        raise ValidationFailed(faults)
    refuse_beyond(who, body.shops)
    hashed = await rt.state.passwords.hash(body.password)
    async with rt.db.transaction(actor=who.actor) as tx:
        made = await registering.hire(
            tx, login=login, name=body.name, roles=body.roles, shops=body.shops, password_hash=hashed
        )
    response.headers["Location"] = f"/v1/admin/staff/{made.id}"
    return staff_view(made, login.text)


@router.get("/v1/admin/staff", tags=["staff"], dependencies=[scope("admin:read")])
async def list_staff(con: Read, page: PageQuery) -> Page[StaffView]:
    found = await queries.page_of_staff(con, after=page.after(str) or "", limit=page.limit + 1)
    return page.of([staff_view(one, logins[0]) for one, logins in found], key=lambda one: one.staff_id)


@router.get(
    "/v1/admin/staff/{staff_id}", tags=["staff"], dependencies=[scope("admin:read")], responses=refuses(NotFound)
)
async def get_staff(staff_id: str, con: Read) -> StaffView:
    found = await queries.staff(con, staff_id)
    if found is None:
        raise NotFound()
    account, logins = found
    return staff_view(account, logins[0])


@router.patch(
    "/v1/admin/staff/{staff_id}",
    tags=["staff"],
    dependencies=[scope("admin:write")],
    responses=refuses(NotFound, StaleVersion, LastOwner),
)
async def change_staff(staff_id: str, body: StaffBody, rt: Rt, who: Who) -> StaffView:
    """Whoever it is has to sign in again: tokens carry roles and shops."""
    if faults := role_faults(body.roles or []):
        raise ValidationFailed(faults)
    change = await change_of(body, rt)
    async with rt.db.transaction(actor=who.actor) as tx:
        found = await queries.staff(tx.con, staff_id)
        if found is not None:
            refuse_beyond(who, found[0].shops)
            if change.every_shop or change.shops is not None:
                refuse_beyond(who, change.shops)
        after = await staffing.change_staff(tx, staff_id, version=body.version, change=change)
        if change.ends_sessions:
            ended = await end_all_of(tx, staff_id, why="staff-changed")
            tx.after_commit(lambda: rt.state.ended.add(ended))
    assert found is not None
    return staff_view(after, found[1][0])


@router.get("/v1/admin/roles", tags=["staff"], dependencies=[scope("admin:read")])
async def list_roles() -> RolesView:
    return RolesView(items=[RoleView(role=role, scopes=sorted(scopes_of_roles([role]))) for role in ROLES])


async def change_of(body: StaffBody, rt: Any) -> StaffChange:
    return StaffChange(
        name=body.name,
        roles=None if body.roles is None else tuple(dict.fromkeys(body.roles)),
        shops=tuple(dict.fromkeys(body.shops)) if isinstance(body.shops, list) else None,
        every_shop=body.shops == "all",
        state=body.state,
        password_hash=None if body.password is None else await rt.state.passwords.hash(body.password),
    )


def logins_of(body: NewMember) -> list[Login]:
    """Raises ValidationFailed naming each that cannot be one."""
    found: list[Login] = []
    faults: list[Fault] = []
    for pointer, text, read in (("/email", body.email, email), ("/phone", body.phone, phone)):
        if text is None:
            continue
        login = read(text)
        if login is not None:
            found.append(login)
        elif pointer == "/email":
            faults.append(Fault(pointer, "not-an-email", "Not an email address", "不是有效的邮箱地址"))
        else:
            faults.append(Fault(pointer, "not-a-phone-number", "Not a phone number", "不是有效的电话号码"))
    if faults:
        raise ValidationFailed(faults)
    return found


def role_faults(roles: list[str]) -> list[Fault]:
    known = sorted(ROLES)
    return [
        Fault(f"/roles/{n}", "unknown-role", f"Use one of {', '.join(known)}", f"可选：{', '.join(known)}", known=known)
        for n in unknown_roles(roles)
    ]


def refuse_beyond(who: Principal, shops: Any) -> None:
    """Raises Forbidden where somebody with a few shops speaks for more."""
    if beyond(who.shops, shops):
        raise Forbidden(detail="You may act for your own shops only")


def address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"
