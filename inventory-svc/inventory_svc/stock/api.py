"""Routes of stock: levels, the ledger, receipts, adjustments."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import Query, Response
from pydantic import BaseModel, Field, StringConstraints, model_validator

from inventory_svc.stock import queries
from inventory_svc.stock.commands.adjustments import (
    AdjustmentLine,
    BelowZero,
    RepeatedLevel,
    adjust,
)
from inventory_svc.stock.commands.receipts import ReceiptChanged, ReceiptLine, receive
from inventory_svc.stock.commands.settings import BackorderLimitInUse, change_settings
from inventory_svc.stock.rules import Availability, Level
from inventory_svc.warehouses.commands import UnknownWarehouse
from svc_contracts.events.base import Quantity, Sku
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Write
from svc_kit.idempotency import key_required
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import StaleVersion, refuses

router = Router(tags=["stock"])

LINES_MAX = 1_000
SKUS_MAX = 200
COUNT_MAX = 1_000_000_000

Skus = Annotated[list[Sku], Query(max_length=SKUS_MAX)]
Count = Annotated[int, Field(ge=0, le=COUNT_MAX)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]


class LevelView(BaseModel):
    """`available` is what may be promised without back-orders; `alerts` are those that stand open."""

    sku: str
    warehouse: str
    on_hand: int
    reserved: int
    prelocked: int
    damaged: int
    quality_hold: int
    incoming: int
    safety_stock: int
    reorder_point: int
    backorder_limit: int
    deficit: int
    available: int
    availability: Availability
    alerts: list[str]
    version: int


def view(level: Level) -> LevelView:
    alerts = {"low": level.alert_low, "out": level.alert_out, "deficit": level.alert_deficit}
    names = [name for name in LevelView.model_fields if name != "alerts"]
    facts = {name: getattr(level, name) for name in names}
    return LevelView(**facts, alerts=[kind for kind, is_open in alerts.items() if is_open])


class MovementView(BaseModel):
    id: int
    sku: str
    warehouse: str
    kind: str
    quantity: int
    cause_kind: str
    cause_id: str
    line: str
    reason: str | None
    actor: dict[str, str]
    at: datetime


class LevelChange(Body):
    """Version 0 also makes a level that is not there yet."""

    version: int
    safety_stock: Count | None = None
    reorder_point: Count | None = None
    backorder_limit: Count | None = None


class NewReceiptLine(Body):
    sku: Sku
    quantity: Quantity


class NewReceipt(Body):
    warehouse: str
    reference: Reference
    lines: Annotated[list[NewReceiptLine], Field(min_length=1, max_length=LINES_MAX)]


class ReceiptView(BaseModel):
    id: str
    reference: str
    warehouse: str
    lines: list[NewReceiptLine]
    received_at: datetime


class NewAdjustmentLine(Body):
    sku: Sku
    warehouse: str
    delta: Annotated[int, Field(ge=-COUNT_MAX, le=COUNT_MAX)] | None = None
    counted: Count | None = None
    reason: Reason

    @model_validator(mode="after")
    def one_of_delta_and_counted(self) -> Self:
        if (self.delta is None) == (self.counted is None):
            raise ValueError("give either delta or counted")
        return self


class NewAdjustment(Body):
    lines: Annotated[list[NewAdjustmentLine], Field(min_length=1, max_length=LINES_MAX)]


class AdjustedView(BaseModel):
    delta: int
    level: LevelView


class AdjustmentView(BaseModel):
    id: str
    lines: list[AdjustedView]


@router.get("/v1/admin/stock-levels", dependencies=[scope("stock:read")])
async def list_levels(con: Read, page: PageQuery, sku: Skus = [], warehouse: str | None = None) -> Page[LevelView]:  # noqa: B006
    after = page.after(str) or ""
    found = await queries.levels(con, skus=sku, warehouse=warehouse, after=after, limit=page.limit + 1)
    return page.of([view(level) for level in found], key=lambda level: f"{level.sku}@{level.warehouse}")


@router.patch(
    "/v1/admin/stock-levels/{sku:path}/{warehouse}",
    dependencies=[scope("stock:write")],
    responses=refuses(StaleVersion, BackorderLimitInUse, UnknownWarehouse),
)
async def change_level(sku: Sku, warehouse: str, body: LevelChange, tx: Write) -> LevelView:
    level = await change_settings(
        tx,
        sku=sku,
        warehouse=warehouse,
        version=body.version,
        safety_stock=body.safety_stock,
        reorder_point=body.reorder_point,
        backorder_limit=body.backorder_limit,
    )
    return view(level)


@router.get("/v1/admin/stock-movements", dependencies=[scope("stock:read")])
async def list_movements(
    con: Read,
    page: PageQuery,
    sku: Skus = [],  # noqa: B006
    warehouse: str | None = None,
) -> Page[MovementView]:
    before = page.after(int)
    found = await queries.movements(con, skus=sku, warehouse=warehouse, before=before, limit=page.limit + 1)
    views = []
    for row in found:
        facts = dict(row)
        of_sku, _, code = facts.pop("key").rpartition("@")
        actor = {"kind": facts.pop("actor_kind"), "id": facts.pop("actor_id")}
        views.append(MovementView(**facts, sku=of_sku, warehouse=code, actor=actor))
    return page.of(views, key=lambda movement: movement.id)


@router.post(
    "/v1/admin/stock-receipts",
    status_code=201,
    dependencies=[scope("stock:write"), key_required()],
    responses=refuses(ReceiptChanged, UnknownWarehouse),
)
async def receive_goods(body: NewReceipt, tx: Write, response: Response) -> ReceiptView:
    lines = [ReceiptLine(line.sku, line.quantity) for line in body.lines]
    receipt = await receive(tx, warehouse=body.warehouse, reference=body.reference, lines=lines)
    if receipt.replayed:
        response.status_code = 200
        response.headers["Idempotent-Replayed"] = "true"
    return ReceiptView(
        id=receipt.id,
        reference=receipt.reference,
        warehouse=receipt.warehouse,
        lines=[NewReceiptLine(sku=line.sku, quantity=line.quantity) for line in receipt.lines],
        received_at=receipt.received_at,
    )


@router.post(
    "/v1/admin/stock-adjustments",
    status_code=201,
    dependencies=[scope("stock:write"), key_required()],
    responses=refuses(BelowZero, RepeatedLevel, UnknownWarehouse),
)
async def adjust_levels(body: NewAdjustment, tx: Write) -> AdjustmentView:
    lines = [AdjustmentLine(one.sku, one.warehouse, one.reason, one.delta, one.counted) for one in body.lines]
    adjustment = await adjust(tx, lines)
    return AdjustmentView(
        id=adjustment.id,
        lines=[AdjustedView(delta=one.delta, level=view(one.level)) for one in adjustment.lines],
    )
