"""Routes of reservations: only reading; an order's events write them."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from inventory_svc.reservations import queries
from inventory_svc.reservations.rules import ReservationState
from svc_contracts.events.base import Sku
from svc_kit.access import scope
from svc_kit.doors import Read, Router
from svc_kit.paging import Page, PageQuery

router = Router(tags=["reservations"])

SKUS_MAX = 200


class ReservationView(BaseModel):
    order_id: str
    line_id: str
    sku: str
    warehouse: str
    quantity: int
    state: ReservationState
    reserved_at: datetime


@router.get("/v1/admin/reservations", dependencies=[scope("stock:read")])
async def list_reservations(
    con: Read,
    page: PageQuery,
    order_id: str | None = None,
    sku: Annotated[list[Sku], Query(max_length=SKUS_MAX)] = [],  # noqa: B006
    warehouse: str | None = None,
    state: Annotated[list[ReservationState], Query(max_length=4)] = [],  # noqa: B006
) -> Page[ReservationView]:
    order, line, key = (page.after(str) or "||").split("|")
    found = await queries.reservations(
        con,
        order_id=order_id,
        skus=sku,
        warehouse=warehouse,
        states=state,
        after=(order, line, key),
        limit=page.limit + 1,
    )
    views = [
        ReservationView(
            order_id=one.order_id,
            line_id=one.line_id,
            sku=one.sku,
            warehouse=one.warehouse,
            quantity=one.quantity,
            state=one.state,
            reserved_at=at,
        )
        for one, at in found
    ]
    return page.of(views, key=lambda one: f"{one.order_id}|{one.line_id}|{one.sku}@{one.warehouse}")
