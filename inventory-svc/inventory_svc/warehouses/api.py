"""Routes of warehouses."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import Response
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from inventory_svc.copies.queries import shops_on
from inventory_svc.warehouses import commands, queries
from inventory_svc.warehouses.commands import WarehouseTaken
from inventory_svc.warehouses.rules import Kind, State, Warehouse
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Write
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import IllegalTransition, NotFound, StaleVersion, refuses

router = Router(tags=["warehouses"])

CHANNELS_MAX = 100


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not a time zone of the IANA database")
    return name


Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Channel = Annotated[str, StringConstraints(min_length=1, max_length=64)]
CutOff = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Zone = Annotated[str, AfterValidator(_known_zone)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Channels = Annotated[list[Channel], Field(max_length=CHANNELS_MAX)]
Priority = Annotated[int, Field(ge=0, le=1_000_000, description="the lowest is asked first")]
Hours = Annotated[int, Field(ge=0, le=24 * 30)]


class NewWarehouse(Body):
    code: Code
    kind: Kind = "own"
    region: Word
    priority: Priority = 100
    channels: Channels = []
    cut_off: CutOff = "16:00"
    handling_hours: Hours = 24
    calendar: Word = "every_day"
    time_zone: Zone = "Asia/Shanghai"


class WarehouseChange(Body):
    version: int
    region: Word | None = None
    priority: Priority | None = None
    channels: Channels | None = None
    cut_off: CutOff | None = None
    handling_hours: Hours | None = None
    calendar: Word | None = None
    time_zone: Zone | None = None


class Versioned(Body):
    version: int


class WarehouseView(BaseModel):
    """`shops`: the open shops that sell on one of its channels."""

    code: str
    kind: Kind
    region: str
    priority: int
    channels: list[str]
    shops: list[str] | None = None
    cut_off: str
    handling_hours: int
    calendar: str
    time_zone: str
    state: State
    created_at: datetime
    version: int


def view(warehouse: Warehouse, shops: list[str] | None = None) -> WarehouseView:
    names: dict[str, Any] = {name: getattr(warehouse, name) for name in WarehouseView.model_fields if name != "shops"}
    return WarehouseView(**{**names, "channels": list(warehouse.channels)}, shops=shops)


@router.post(
    "/v1/admin/warehouses", status_code=201, dependencies=[scope("stock:write")], responses=refuses(WarehouseTaken)
)
async def open_warehouse(body: NewWarehouse, tx: Write, response: Response) -> WarehouseView:
    channels = tuple(dict.fromkeys(body.channels))
    given = {**body.model_dump(), "channels": channels}
    warehouse = Warehouse(**given, state="active", created_at=tx.now, version=1, event_seq=1)
    response.headers["Location"] = f"/v1/admin/warehouses/{body.code}"
    return view(await commands.open_warehouse(tx, warehouse))


@router.get("/v1/admin/warehouses", dependencies=[scope("stock:read")])
async def list_warehouses(con: Read, page: PageQuery) -> Page[WarehouseView]:
    found = await queries.warehouses(con, after=page.after(str) or "", limit=page.limit + 1)
    return page.of([view(one) for one in found], key=lambda one: one.code)


@router.get("/v1/admin/warehouses/{code}", dependencies=[scope("stock:read")], responses=refuses(NotFound))
async def get_warehouse(code: str, con: Read) -> WarehouseView:
    warehouse = await queries.warehouse(con, code)
    if warehouse is None:
        raise NotFound()
    return view(warehouse, [shop for shop, _ in await shops_on(con, warehouse.channels)])


@router.patch(
    "/v1/admin/warehouses/{code}", dependencies=[scope("stock:write")], responses=refuses(NotFound, StaleVersion)
)
async def change_warehouse(code: str, body: WarehouseChange, tx: Write) -> WarehouseView:
    changes = body.model_dump(exclude={"version"}, exclude_none=True)
    if body.channels is not None:
        changes["channels"] = tuple(dict.fromkeys(body.channels))
    return view(await commands.change_warehouse(tx, code, version=body.version, changes=changes))


@router.post(
    "/v1/admin/warehouses/{code}/close",
    dependencies=[scope("stock:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def close_warehouse(code: str, body: Versioned, tx: Write) -> WarehouseView:
    return view(await commands.move(tx, code, version=body.version, verb="close"))


@router.post(
    "/v1/admin/warehouses/{code}/open",
    dependencies=[scope("stock:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def reopen_warehouse(code: str, body: Versioned, tx: Write) -> WarehouseView:
    return view(await commands.move(tx, code, version=body.version, verb="open"))
