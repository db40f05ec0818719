"""Routes of fulfilment: one at a time with scans, or up to five hundred."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from inventory_svc.fulfilment import queries
from inventory_svc.fulfilment.commands.steps import NotOnHand, ScanMismatch, Step, TrackingTaken, take_step, take_steps
from inventory_svc.fulfilment.rules import (
    PACKABLE,
    Action,
    Fulfilment,
    FulfilmentState,
    ShipmentState,
    possible,
)
from svc_contracts.events.base import Quantity, Sku
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Rt, Write
from svc_kit.idempotency import key_required
from svc_kit.paging import Page, PageQuery
from svc_kit.problems import problem_of
from svc_kit.refusals import IllegalTransition, NotFound, Refusal, StaleVersion, UpstreamUnavailable, refuses

router = Router(tags=["fulfilment"])

ITEMS_MAX = 500
SCANS_MAX = 1_000

Reason = Literal["out_of_stock", "damaged", "address_not_served", "capacity", "other"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Weight = Annotated[int, Field(ge=1, le=10_000_000)]


class Versioned(Body):
    version: int


class Rejection(Versioned):
    reason: Reason


class Scan(Body):
    sku: Sku
    quantity: Quantity


class Picking(Versioned):
    """`scans`: what is scanned with this call; what `pick` leaves open, `pack` completes."""

    scans: Annotated[list[Scan], Field(max_length=SCANS_MAX)] = []


class Packing(Picking):
    weight_g: Weight | None = None
    carrier: Name | None = None


class Shipping(Versioned):
    carrier: Name | None = None
    tracking_no: Name | None = None
    at: AwareDatetime | None = None


class Delivery(Versioned):
    at: AwareDatetime | None = None


class BulkItem(Body):
    id: str
    carrier: Name | None = None
    tracking_no: Name | None = None
    at: AwareDatetime | None = None


class Bulk(Body):
    """Scans are taken as complete."""

    action: Literal["accept", "pick", "pack", "ship", "deliver"]
    items: Annotated[list[BulkItem], Field(min_length=1, max_length=ITEMS_MAX)]


class BulkResult(BaseModel):
    id: str
    http_status: int
    state: FulfilmentState | None = None
    problem: dict[str, Any] | None = None


class BulkResults(BaseModel):
    results: list[BulkResult]


class LineView(BaseModel):
    line_id: str
    sku: str
    quantity: int


class ShipmentView(BaseModel):
    id: str
    state: ShipmentState
    scans: dict[str, int]
    weight_g: int | None
    carrier: str | None
    tracking_no: str | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    version: int


class FulfilmentView(BaseModel):
    id: str
    order_id: str
    warehouse: str
    state: FulfilmentState
    reason: str | None
    lines: list[LineView]
    issued_at: datetime
    accept_by: datetime
    ship_by: datetime
    shipments: list[ShipmentView]
    possible: list[str]
    version: int


class AddressView(BaseModel):
    """Read from order-svc for the one who packs; nothing of it is kept here."""

    name: str
    phone: str
    country: str
    province: str
    city: str
    district: str | None = None
    street: str | None = None
    postcode: str | None = None


def view(fulfilment: Fulfilment) -> FulfilmentView:
    return FulfilmentView(
        id=fulfilment.id,
        order_id=fulfilment.order_id,
        warehouse=fulfilment.warehouse,
        state=fulfilment.state,
        reason=fulfilment.reason,
        lines=[LineView(line_id=line.line_id, sku=line.sku, quantity=line.quantity) for line in fulfilment.lines],
        issued_at=fulfilment.issued_at,
        accept_by=fulfilment.accept_by,
        ship_by=fulfilment.ship_by,
        shipments=[ShipmentView.model_validate(one, from_attributes=True) for one in fulfilment.shipments],
        possible=possible(fulfilment),
        version=fulfilment.version,
    )


@router.get("/v1/admin/fulfilments", dependencies=[scope("fulfilment:write")])
async def list_fulfilments(
    con: Read,
    page: PageQuery,
    state: Annotated[list[FulfilmentState], Query(max_length=6)] = [],  # noqa: B006
    warehouse: str | None = None,
    order_id: str | None = None,
) -> Page[FulfilmentView]:
    found = await queries.fulfilments(
        con,
        states=state,
        warehouse=warehouse,
        order_id=order_id,
        after=page.after(str) or "",
        limit=page.limit + 1,
    )
    return page.of([view(one) for one in found], key=lambda one: one.id)


@router.get("/v1/admin/fulfilments/{id}", dependencies=[scope("fulfilment:write")], responses=refuses(NotFound))
async def get_fulfilment(id: str, con: Read) -> FulfilmentView:
    fulfilment = await queries.fulfilment(con, id)
    if fulfilment is None:
        raise NotFound()
    return view(fulfilment)


@router.get(
    "/v1/admin/fulfilments/{id}/address",
    dependencies=[scope("fulfilment:write")],
    responses=refuses(NotFound, IllegalTransition, UpstreamUnavailable),
)
async def read_address(id: str, rt: Rt) -> AddressView:
    """Only while the parcel is being made up; asked with no connection of ours held open."""
    async with rt.db.read() as con:
        found = await queries.address_ref(con, id)
    if found is None:
        raise NotFound()
    state, address_ref = found
    if state not in PACKABLE:
        raise IllegalTransition(state=state.value, possible=[])
    order = rt.upstream("order-svc")
    answer = await order.get(f"/internal/v1/addresses/{address_ref}", time_box_ms=rt.settings.address_time_box_ms)
    return AddressView.model_validate(answer)


@router.post(
    "/v1/admin/fulfilments/bulk",
    dependencies=[scope("fulfilment:write"), key_required()],
    responses=refuses(),
)
async def take_bulk_steps(body: Bulk, tx: Write) -> BulkResults:
    """Each item succeeds or is refused by itself; of an id that comes twice only the first counts."""
    first = {item.id: item for item in reversed(body.items)}
    steps = [Step(item.id, carrier=item.carrier, tracking_no=item.tracking_no, at=item.at) for item in first.values()]
    taken = dict(zip(first, await take_steps(tx, body.action, steps), strict=True))
    return BulkResults(results=[_result(item, first[item.id] is item, taken[item.id]) for item in body.items])


def _result(item: BulkItem, is_first: bool, outcome: Fulfilment | Refusal) -> BulkResult:
    if isinstance(outcome, Fulfilment) and is_first:
        return BulkResult(id=item.id, http_status=200, state=outcome.state)
    refusal = outcome if isinstance(outcome, Refusal) else IllegalTransition(state=outcome.state, possible=[])
    return BulkResult(id=item.id, http_status=refusal.status, problem=problem_of(refusal))


@router.post(
    "/v1/admin/fulfilments/{id}/accept",
    dependencies=[scope("fulfilment:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def accept(id: str, body: Versioned, tx: Write) -> FulfilmentView:
    return view(await take_step(tx, "accept", Step(id, version=body.version)))


@router.post(
    "/v1/admin/fulfilments/{id}/reject",
    dependencies=[scope("fulfilment:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def reject(id: str, body: Rejection, tx: Write) -> FulfilmentView:
    return view(await take_step(tx, "reject", Step(id, version=body.version, reason=body.reason)))


async def _of_shipment(tx: Write, shipment_id: str) -> str:
    fulfilment_id = await queries.fulfilment_of_shipment(tx.con, shipment_id)
    if fulfilment_id is None:
        raise NotFound()
    return fulfilment_id


def _summed(scans: list[Scan]) -> dict[str, int]:
    units: dict[str, int] = {}
    for scan in scans:
        units[scan.sku] = units.get(scan.sku, 0) + scan.quantity
    return units


async def _step(tx: Write, action: Action, shipment_id: str, version: int, **facts: Any) -> FulfilmentView:
    fulfilment_id = await _of_shipment(tx, shipment_id)
    return view(await take_step(tx, action, Step(fulfilment_id, shipment_version=version, **facts)))


@router.post(
    "/v1/admin/shipments/{id}/pick",
    dependencies=[scope("fulfilment:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition, ScanMismatch),
)
async def pick(id: str, body: Picking, tx: Write) -> FulfilmentView:
    return await _step(tx, "pick", id, body.version, scans=_summed(body.scans))


@router.post(
    "/v1/admin/shipments/{id}/pack",
    dependencies=[scope("fulfilment:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition, ScanMismatch),
)
async def pack(id: str, body: Packing, tx: Write) -> FulfilmentView:
    scans = _summed(body.scans)
    return await _step(tx, "pack", id, body.version, scans=scans, weight_g=body.weight_g, carrier=body.carrier)


@router.post(
    "/v1/admin/shipments/{id}/ship",
    dependencies=[scope("fulfilment:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition, TrackingTaken, NotOnHand),
)
async def ship(id: str, body: Shipping, tx: Write) -> FulfilmentView:
    facts = {"carrier": body.carrier, "tracking_no": body.tracking_no, "at": body.at}
    return await _step(tx, "ship", id, body.version, **facts)


@router.post(
    "/v1/admin/shipments/{id}/deliver",
    dependencies=[scope("fulfilment:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def deliver(id: str, body: Delivery, tx: Write) -> FulfilmentView:
    return await _step(tx, "deliver", id, body.version, at=body.at)
