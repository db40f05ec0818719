"""Routes of price lists and prices."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

import asyncpg
from fastapi import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from catalog_svc.bodies import Amount, Code, ShopSlug, Sku, Version, Words
from catalog_svc.listings.commands.refusals import GateBlocked
from catalog_svc.prices import commands, queries
from catalog_svc.prices.commands import TooManyPriceLists, WrongPrice
from catalog_svc.prices.rules import ListState, PriceList, Rules
from catalog_svc.shops.queries import shops_by_slug
from svc_contracts.money import Money
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Who, Write
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import NotFound, StaleVersion, refuses

Con = asyncpg.Connection

router = Router(tags=["price lists"])

Position = Annotated[int, Field(ge=0, le=1_000_000, description="the lowest that matches wins")]
Codes = Annotated[list[Code], Field(max_length=50)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]


class RulesBody(Body):
    match: Literal["all", "any"] = "all"
    channels: Codes = []
    member_levels: Codes = []
    segments: Codes = []
    quantity_min: Quantity | None = None
    quantity_max: Quantity | None = None

    def rules(self) -> Rules:
        return Rules(
            match=self.match,
            channels=tuple(self.channels),
            member_levels=tuple(self.member_levels),
            segments=tuple(self.segments),
            quantity_min=self.quantity_min,
            quantity_max=self.quantity_max,
        )


class WindowBody(Body):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_: AwareDatetime | None = Field(default=None, alias="from")
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def not_empty(self) -> Self:
        if self.from_ and self.until and self.from_ >= self.until:
            raise ValueError("the window ends before it begins")
        return self


class NewPriceList(Body):
    shop: ShopSlug
    name: Words = "price list"
    position: Position
    state: ListState = "active"
    rules: RulesBody = RulesBody()
    window: WindowBody = WindowBody()

    @model_validator(mode="after")
    def scheduled_from_when(self) -> Self:
        if self.state == "scheduled" and self.window.from_ is None:
            raise ValueError("a scheduled list says from when: window.from")
        return self


class PriceListChange(Body):
    version: Version
    name: Words | None = None
    position: Position | None = None
    state: Literal["draft", "active", "inactive"] | None = None
    rules: RulesBody | None = None
    window: WindowBody | None = None


class NewPrice(Body):
    price: Amount


class WindowView(BaseModel):
    from_: datetime | None = Field(serialization_alias="from")
    until: datetime | None


class PriceListView(BaseModel):
    id: str
    shop: str
    name: str
    position: int
    state: ListState
    rules: dict[str, Any]
    window: WindowView
    created_at: datetime
    version: int


class PriceView(BaseModel):
    sku: str
    price: Money


def view(one: PriceList) -> PriceListView:
    rules = {name: getattr(one.rules, name) for name in RulesBody.model_fields}
    return PriceListView(
        id=one.id,
        shop=one.shop,
        name=one.name,
        position=one.position,
        state=one.state,
        rules={name: list(value) if isinstance(value, tuple) else value for name, value in rules.items()},
        window=WindowView(from_=one.from_at, until=one.until_at),
        created_at=one.created_at,
        version=one.version,
    )


async def _seen(con: Con, who: Who, list_id: str) -> PriceList:
    found = await queries.price_list(con, list_id)
    if found is None or not who.may_in(found.shop):
        raise NotFound()
    return found


@router.post(
    "/v1/admin/price-lists",
    status_code=201,
    dependencies=[scope("catalog:write")],
    responses=refuses(NotFound, TooManyPriceLists),
)
async def add_list(body: NewPriceList, tx: Write, who: Who, response: Response) -> PriceListView:
    if not who.may_in(body.shop):
        raise NotFound()
    made = await commands.add_list(
        tx,
        shop=body.shop,
        name=body.name,
        position=body.position,
        state=body.state,
        rules=body.rules.rules(),
        window=(body.window.from_, body.window.until),
    )
    response.headers["Location"] = f"/v1/admin/price-lists/{made.id}"
    return view(made)


@router.get("/v1/admin/price-lists", dependencies=[scope("catalog:read")])
async def list_lists(con: Read, who: Who, shop: str | None = None) -> Page[PriceListView]:
    """All of a shop: there are few."""
    seen = [shop] if shop is not None and who.may_in(shop) else who.shops if shop is None else []
    return Page(items=[view(one) for one in await queries.price_lists(con, seen)], next_cursor=None)


@router.get("/v1/admin/price-lists/{id}", dependencies=[scope("catalog:read")], responses=refuses(NotFound))
async def get_list(id: str, con: Read, who: Who) -> PriceListView:
    return view(await _seen(con, who, id))


@router.patch(
    "/v1/admin/price-lists/{id}",
    dependencies=[scope("catalog:write")],
    responses=refuses(NotFound, StaleVersion, GateBlocked),
)
async def change_list(id: str, body: PriceListChange, tx: Write, who: Who) -> PriceListView:
    await _seen(tx.con, who, id)
    changes: dict[str, Any] = body.model_dump(include={"name", "position", "state"}, exclude_none=True)
    if body.rules is not None:
        changes["rules"] = body.rules.rules()
    if body.window is not None:
        changes |= {"from_at": body.window.from_, "until_at": body.window.until}
    return view(await commands.change_list(tx, id, version=body.version, changes=changes))


@router.get("/v1/admin/price-lists/{id}/prices", dependencies=[scope("catalog:read")], responses=refuses(NotFound))
async def list_prices(id: str, con: Read, who: Who, page: PageQuery) -> Page[PriceView]:
    one = await _seen(con, who, id)
    shop = (await shops_by_slug(con, [one.shop]))[one.shop]
    found = await queries.prices(con, id, after=page.after(str) or "", limit=page.limit + 1)
    views = [
        PriceView(sku=sku, price=Money(amount_minor=amount_minor, currency=shop.currency))
        for sku, amount_minor in found
    ]
    return page.of(views, key=lambda price: price.sku)


@router.put(
    "/v1/admin/price-lists/{id}/prices/{sku:path}",
    dependencies=[scope("catalog:write")],
    responses=refuses(NotFound, WrongPrice),
)
async def put_price(id: str, sku: Sku, body: NewPrice, tx: Write, who: Who) -> PriceView:
    await _seen(tx.con, who, id)
    price = body.price
    await commands.put_price(tx, id, sku, amount_minor=price.amount_minor, currency=price.currency)
    return PriceView(sku=sku, price=price)
