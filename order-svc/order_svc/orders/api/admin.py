"""Routes of staff: looking at orders, approving, cancelling, amending."""

from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime

from order_svc.orders import queries
from order_svc.orders.api.bodies import Amendment, Approval, StaffsCancel
from order_svc.orders.api.views import (
    AmendedView,
    BriefView,
    StaffsEntryView,
    StaffsOrderView,
    amended_view,
    brief,
    latest_first,
    staffs_entry,
    staffs_view,
)
from order_svc.orders.commands import changing
from order_svc.orders.queries import Filters
from order_svc.orders.rules.states import Status
from order_svc.payments.access import staffs_order
from svc_kit.access import scope
from svc_kit.doors import Read, Router, Rt, Who, Write
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import IllegalTransition, NotFound, StaleVersion, ValidationFailed, refuses

router = Router(tags=["orders (staff)"])
STATUSES_MAX = 11


@router.get("/v1/admin/orders", dependencies=[scope("orders:read")])
async def list_orders(
    con: Read,
    who: Who,
    page: PageQuery,
    shop: str | None = None,
    status: Annotated[list[Status], Query(max_length=STATUSES_MAX)] = [],  # noqa: B006
    channel: str | None = None,
    external_id: str | None = None,
    number: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    person_id: str | None = None,
    placed_from: AwareDatetime | None = None,
    placed_to: AwareDatetime | None = None,
) -> Page[BriefView]:
    """The latest first; `placed_from` is included, `placed_to` is not."""
    before = latest_first(page.after(list))
    asked = Filters(
        shop=shop, shops=who.shops, statuses=status, channel=channel, external_id=external_id, number=number,
        person_id=person_id, placed_from=placed_from, placed_to=placed_to,
    )  # fmt: skip
    found = await queries.orders(con, asked, before=before, limit=page.limit + 1)
    cut = page.of(found, key=lambda one: [one.placed_at.isoformat(), one.id])
    return Page(items=[BriefView(**brief(one, by_staff=True)) for one in cut.items], next_cursor=cut.next_cursor)


@router.get("/v1/admin/orders/{id}", dependencies=[scope("orders:read")], responses=refuses(NotFound))
async def get_order(id: str, con: Read, who: Who) -> StaffsOrderView:
    return staffs_view(await queries.shown(con, await staffs_order(con, who, id)))


@router.get("/v1/admin/orders/{id}/timeline", dependencies=[scope("orders:read")], responses=refuses(NotFound))
async def get_timeline(id: str, con: Read, who: Who, page: PageQuery) -> Page[StaffsEntryView]:
    """The oldest first."""
    await staffs_order(con, who, id)
    found = await queries.timeline(con, id, after=page.after(int) or 0, limit=page.limit + 1)
    cut = page.of(found, key=lambda entry: entry["id"])
    return Page(items=[staffs_entry(entry) for entry in cut.items], next_cursor=cut.next_cursor)


@router.post(
    "/v1/admin/orders/{id}/approve",
    dependencies=[scope("orders:audit")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def approve(id: str, body: Approval, tx: Write, who: Who) -> BriefView:
    """Releases every open hold."""
    await staffs_order(tx.con, who, id)
    order = await changing.approve(tx, id, version=body.version, note=body.note)
    return BriefView(**brief(order, by_staff=True))


@router.post(
    "/v1/admin/orders/{id}/cancel",
    dependencies=[scope("orders:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def cancel(id: str, body: StaffsCancel, tx: Write, who: Who) -> BriefView:
    await staffs_order(tx.con, who, id)
    order = await changing.cancel(tx, id, reason=body.reason, by_staff=True, version=body.version)
    return BriefView(**brief(order, by_staff=True))


@router.post(
    "/v1/admin/orders/{id}/amend",
    dependencies=[scope("orders:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition, ValidationFailed),
)
async def amend(id: str, body: Amendment, rt: Rt, tx: Write, who: Who) -> AmendedView:
    """Another address in the same region, until the warehouse has the parcel in hand: it costs nothing."""
    await staffs_order(tx.con, who, id)
    order = await changing.amend_address(
        tx, rt.settings.vault_key, id, version=body.version, address=body.address.address(body.contact)
    )
    return amended_view(order, difference_minor=0)
