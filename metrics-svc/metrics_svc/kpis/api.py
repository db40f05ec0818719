"""Routes of figures."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import Query, Response
from pydantic import BaseModel

from metrics_svc.kpis import queries
from metrics_svc.kpis.asked import Faulty, Looking, Question, Wrong, look, read
from metrics_svc.kpis.behind import Mark, Wanted
from metrics_svc.kpis.definitions import BY_KEY, By, Definition
from svc_kit.access import Principal, scope
from svc_kit.doors import Read, Router, Rt, Who
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import Fault, NotFound, Refusal, ValidationFailed, refuses

router = Router(tags=["kpis"])

Words = dict[str, str]
Text = Annotated[str | None, Query(max_length=1_000)]
Shop = Annotated[str | None, Query(max_length=64, description="the shop's slug; without it all shops, each its rows")]


class UnknownKpi(Refusal):
    slug, status = "unknown-kpi", 404
    title = {"en": "There is no such figure", "zh": "没有该指标"}


class KpiRow(BaseModel):
    """`value`: minor units, counts, or rates of 0 to 1; null where nothing divides. Cells without facts have no row."""

    key: str
    period: str
    dims: dict[str, str]
    value: int | float | None
    numerator: int | None
    denominator: int | None
    definition_version: int


class KpiRows(BaseModel):
    rows: list[KpiRow]


class FactView(BaseModel):
    """A fact with the event it came from. `adds`: what it adds to the number; null where several facts count as one
    (an order with two such lines, a person, a visitor). `day`: in the shop's time zone.
    """

    event_id: UUID
    type: str
    at: datetime
    day: date
    adds: int | None
    shop: str
    channel: str
    currency: str | None = None
    order_id: str | None = None
    line_id: str | None = None
    person_id: str | None = None
    visitor_id: str | None = None
    session_id: str | None = None
    product_id: str | None = None
    category_id: str | None = None
    sku: str | None = None
    units: int | None = None
    amount_minor: int | None = None
    discount_minor: int | None = None


class DefinitionView(BaseModel):
    key: str
    version: int
    effective_from: str
    owner: str
    name: Words
    formula: Words
    unit: Literal["count", "minor", "rate"]
    shape: Literal["sum", "difference", "mean", "rate"]
    numerator_events: list[str]
    denominator_events: list[str]
    by: list[str]
    grains: list[str]
    time_zone: str
    booked_on: str
    refunds: str
    windows_days: list[int]


class Definitions(BaseModel):
    items: list[DefinitionView]


def view(definition: Definition) -> DefinitionView:
    return DefinitionView(
        key=definition.key,
        version=definition.version,
        effective_from=definition.effective_from.isoformat(),
        owner=definition.owner,
        name=dict(definition.name),
        formula=dict(definition.formula),
        unit=definition.unit.value,
        shape=definition.shape.value,
        numerator_events=list(definition.events),
        denominator_events=list(definition.denominator_events),
        by=sorted(definition.by),
        grains=list(definition.grains),
        time_zone=definition.time_zone,
        booked_on=definition.booked_on,
        refunds=definition.refunds,
        windows_days=list(definition.windows_days),
    )


def fault(wrong: Wrong) -> Fault:
    return Fault(wrong.pointer, wrong.code, wrong.en, wrong.zh, **wrong.facts)


def refusal(faulty: Faulty) -> Refusal:
    faults = [fault(one) for one in faulty.wrong]
    return UnknownKpi(faults, keys=list(faulty.unknown)) if faulty.unknown else ValidationFailed(faults)


async def require_shop(con: Read, who: Principal, shop: str | None) -> None:
    """Another's shop and no shop look the same."""
    if shop is not None and not (who.may_in(shop) and await queries.shop_exists(con, shop)):
        raise NotFound()


@router.get(
    "/v1/admin/kpis",
    dependencies=[scope("metrics:read")],
    response_model=KpiRows,
    responses=refuses(UnknownKpi, NotFound, ValidationFailed),
)
async def get_figures(
    con: Read,
    rt: Rt,
    who: Who,
    keys: Annotated[str | None, Query(max_length=1_000, description="with commas; without it all that fit")] = None,
    from_: Annotated[str | None, Query(alias="from", max_length=64, description="shop day, inclusive")] = None,
    to: Annotated[str | None, Query(max_length=64, description="shop day, inclusive")] = None,
    grain: Annotated[str | None, Query(max_length=64, description="total (default), day, week or month")] = None,
    by: Annotated[str | None, Query(max_length=64, description="product, category, channel or sku")] = None,
    shop: Shop = None,
    window_days: Annotated[str | None, Query(max_length=64, description="of repurchase_rate; 365")] = None,
) -> Response:
    asked = read(Question(keys, from_, to, grain, by, window_days))
    if isinstance(asked, Faulty):
        raise refusal(asked)
    await require_shop(con, who, shop)
    settings = rt.settings
    try:
        rows = await queries.figures(
            con,
            asked,
            shops=queries.shops_asked(shop, who.shops),
            rows_max=settings.kpi_rows_max,
            work_mem_mb=settings.kpi_work_mem_mb,
        )
    except queries.TooManyRows as fault_:
        rows_max = settings.kpi_rows_max
        en, zh = f"More than {rows_max} rows: ask more narrowly", f"结果超过 {rows_max} 行，请缩小范围"
        raise ValidationFailed([Fault("/by", "too-many-rows", en, zh, rows_max=rows_max)]) from fault_
    # Written straight out: a year by sku is 200,000 rows, and they are ours already.
    return Response(orjson.dumps({"rows": rows}), media_type="application/json")


@router.get("/v1/admin/kpis/definitions", dependencies=[scope("metrics:read")], responses=refuses())
async def get_definitions() -> Definitions:
    return Definitions(items=[view(one) for one in BY_KEY.values()])


@router.get(
    "/v1/admin/kpis/{key}/events",
    dependencies=[scope("metrics:read")],
    responses=refuses(UnknownKpi, NotFound, ValidationFailed),
)
async def get_facts(
    key: str,
    con: Read,
    rt: Rt,
    who: Who,
    page: PageQuery,
    from_: Annotated[str | None, Query(alias="from", max_length=64, description="shop day, inclusive")] = None,
    to: Annotated[str | None, Query(max_length=64, description="shop day, inclusive")] = None,
    window_days: Annotated[str | None, Query(max_length=64, description="of repurchase_rate; 365")] = None,
    part: Annotated[str | None, Query(max_length=64, description="numerator (default) or denominator")] = None,
    shop: Shop = None,
    currency: Text = None,
    channel: Text = None,
    product_id: Text = None,
    category_id: Text = None,
    sku: Text = None,
) -> Page[FactView]:
    """The facts behind a row of figures: its period and its dims are the parameters."""
    said = {By.CHANNEL: channel, By.PRODUCT: product_id, By.CATEGORY: category_id, By.SKU: sku}
    only = {by: value for by, value in said.items() if value is not None}
    looked = look(Looking(key, from_, to, window_days, part, only))
    if isinstance(looked, Faulty):
        raise refusal(looked)
    await require_shop(con, who, shop)
    wanted = Wanted(looked.measure, looked.period, queries.shops_asked(shop, who.shops), only, currency)
    limit, memory = page.limit + 1, rt.settings.kpi_work_mem_mb
    found = await queries.facts_behind(con, wanted, after=mark_of(page), limit=limit, work_mem_mb=memory)
    marks = {id(one): [one["at"].isoformat(), one["mark_id"], one["mark_line"]] for one in found}
    cut = page.of(found, key=lambda one: marks[id(one)])
    return Page(items=[FactView(**one) for one in cut.items], next_cursor=cut.next_cursor)


def mark_of(page: PageQuery) -> Mark | None:
    """Raises ValidationFailed for a cursor that is not ours."""
    match page.after(list):
        case None:
            return None
        case [str(at), str(id_), str(line)]:
            try:
                moment = datetime.fromisoformat(at)
            except ValueError:
                moment = None
            if moment is not None and moment.tzinfo is not None:
                return moment, id_, line
    fault_ = Fault("/cursor", "bad-cursor", "Use a cursor from next_cursor", "请使用 next_cursor 返回的游标")
    raise ValidationFailed([fault_])
