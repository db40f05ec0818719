"""Routes of promotions, for staff and for product pages."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

import asyncpg
from fastapi import Query, Response
from pydantic import BaseModel, Field, StringConstraints, model_validator

from marketing_svc.benefits.queries.counters import counters
from marketing_svc.benefits.rules.counting import Counter
from marketing_svc.bodies import AmountMinor, Count, Id, Names, ShopSlug, Version, Versioned, Window
from marketing_svc.copies import queries as copies
from marketing_svc.promotions import queries
from marketing_svc.promotions.commands import drafting, steps
from marketing_svc.promotions.commands.drafting import Draft
from marketing_svc.promotions.commands.refusals import WindowOver
from marketing_svc.promotions.rules.engine import Conditions, Line, Reward, chooses
from marketing_svc.promotions.rules.promotion import (
    Promotion,
    State,
    Verb,
    plain_conditions,
    plain_reward,
    possible,
)
from svc_contracts.events.base import Sku
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Rt, Who, Write
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import IllegalTransition, NotFound, StaleVersion, refuses

router = Router(tags=["promotions"])

LIST_MAX = 200
PRIORITY_MAX = 1_000_000
TAKEN_AWAY = ("campaign_id", "group", "total", "per_customer")

Brand = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Group = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$", max_length=64)]
Ids = Annotated[list[Id], Field(max_length=LIST_MAX)]


class ConditionsBody(Body):
    """Lists choose lines (any of a list, all lists); the rest looks at the chosen lines together."""

    category_ids: Ids = []
    skus: Annotated[list[Sku], Field(max_length=LIST_MAX)] = []
    product_ids: Ids = []
    brands: Annotated[list[Brand], Field(max_length=LIST_MAX)] = []
    spend_min_minor: Annotated[int, Field(ge=0, le=10**12)] = 0
    quantity_min: Annotated[int, Field(ge=0, le=10**6)] = 0

    def conditions(self) -> Conditions:
        return Conditions(
            frozenset(self.skus),
            frozenset(self.product_ids),
            frozenset(self.category_ids),
            frozenset(self.brands),
            self.spend_min_minor,
            self.quantity_min,
        )


class RewardBody(Body):
    """One of the two. An amount in the shop's currency: off each unit (catalogue) or off the order (order)."""

    rate_bp: Annotated[int, Field(ge=1, le=10_000)] | None = None
    amount_minor: AmountMinor | None = None

    @model_validator(mode="after")
    def is_one(self) -> Self:
        if (self.rate_bp is None) == (self.amount_minor is None):
            raise ValueError("give rate_bp or amount_minor, not both")
        return self


Trigger = Literal["automatic", "code"]
Scope = Literal["catalogue", "order"]
Stacking = Literal["stack", "stop_after", "exclusive"]
Priority = Annotated[int, Field(ge=0, le=PRIORITY_MAX, description="the lowest acts first")]


class NewPromotion(Body):
    """`total` and `per_customer`: how many orders may have it, in all and of one customer; null: as many as like."""

    shop: ShopSlug
    campaign_id: Id | None = None
    name: Names
    trigger: Trigger
    scope: Scope
    conditions: ConditionsBody = ConditionsBody()
    reward: RewardBody
    priority: Priority = 100
    stacking: Stacking = "stack"
    group: Group | None = None
    window: Window = Window()
    total: Count | None = None
    per_customer: Count | None = None

    def draft(self) -> Draft:
        return Draft(
            self.shop,
            self.campaign_id,
            dict(self.name),
            self.trigger,
            self.scope,
            self.conditions.conditions(),
            Reward(self.reward.rate_bp, self.reward.amount_minor),
            self.priority,
            self.stacking,
            self.group,
            self.window.from_,
            self.window.until,
            self.total,
            self.per_customer,
        )


class PromotionChange(Body):
    """What is named is changed; of a draft only. null takes campaign, group and limits away."""

    version: Version
    campaign_id: Id | None = None
    name: Names | None = None
    trigger: Trigger | None = None
    scope: Scope | None = None
    conditions: ConditionsBody | None = None
    reward: RewardBody | None = None
    priority: Priority | None = None
    stacking: Stacking | None = None
    group: Group | None = None
    window: Window | None = None
    total: Count | None = None
    per_customer: Count | None = None

    def changes(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.model_fields_set - {"version"}}
        found = {name: value for name, value in given.items() if value is not None or name in TAKEN_AWAY}
        if self.conditions is not None:
            found["conditions"] = self.conditions.conditions()
        if self.reward is not None:
            found["reward"] = Reward(self.reward.rate_bp, self.reward.amount_minor)
        if found.pop("window", None) is not None and self.window is not None:
            found |= {"from_at": self.window.from_, "until": self.window.until}
        return found


class WindowView(BaseModel):
    from_: datetime | None = Field(serialization_alias="from")
    until: datetime | None


class PromotionView(BaseModel):
    """`used`, `locked`: orders that have it, and that may still lose it. `exhausted`: nothing left to give."""

    id: str
    shop: str
    campaign_id: str | None
    name: dict[str, str]
    trigger: str
    scope: str
    state: State
    conditions: dict[str, Any]
    reward: dict[str, int]
    currency: str
    priority: int
    stacking: str
    group: str | None
    window: WindowView
    total: int | None
    per_customer: int | None
    used: int
    locked: int
    exhausted: bool
    possible: list[str]
    created_at: datetime
    version: int


class ShownPromotion(BaseModel):
    promotion_id: str
    name: dict[str, str]
    trigger: str
    scope: str
    reward: dict[str, int]
    until: datetime | None


class ShownPromotions(BaseModel):
    items: list[ShownPromotion]


def view(promotion: Promotion, counter: Counter) -> PromotionView:
    own = {
        "conditions": plain_conditions(promotion.conditions),
        "reward": plain_reward(promotion.reward),
        "window": WindowView(from_=promotion.from_at, until=promotion.until),
        "possible": possible(promotion.state),
        "used": counter.used,
        "locked": counter.locked,
    }
    plain = {name: getattr(promotion, name) for name in PromotionView.model_fields if name not in own}
    return PromotionView(**plain, **own)


async def _view(con: asyncpg.Connection, promotion: Promotion) -> PromotionView:
    return view(promotion, (await counters(con, [promotion.id]))[promotion.id])


async def _seen(con: asyncpg.Connection, who: Who, promotion_id: str) -> Promotion:
    promotion = await queries.promotion(con, promotion_id)
    if promotion is None or not who.may_in(promotion.shop):
        raise NotFound()
    return promotion


@router.post(
    "/v1/admin/promotions",
    status_code=201,
    dependencies=[scope("marketing:write")],
    responses=refuses(NotFound),
)
async def create(body: NewPromotion, tx: Write, who: Who, response: Response) -> PromotionView:
    if not who.may_in(body.shop):
        raise NotFound()
    made = await drafting.create_promotion(tx, body.draft())
    response.headers["Location"] = f"/v1/admin/promotions/{made.id}"
    return view(made, Counter(made.id))


@router.get("/v1/admin/promotions", dependencies=[scope("marketing:read")])
async def list_promotions(
    con: Read,
    who: Who,
    page: PageQuery,
    shop: str | None = None,
    campaign_id: str | None = None,
    state: Annotated[list[State], Query(max_length=5)] = [],  # noqa: B006
) -> Page[PromotionView]:
    found = await queries.page(
        con,
        shops=who.shops if shop is None else [shop] if who.may_in(shop) else [],
        campaign_id=campaign_id,
        states=[one.value for one in state],
        after=page.after(str) or "",
        limit=page.limit + 1,
    )
    counted = await counters(con, [one.id for one in found])
    return page.of([view(one, counted[one.id]) for one in found], key=lambda one: one.id)


@router.get("/v1/admin/promotions/{id}", dependencies=[scope("marketing:read")], responses=refuses(NotFound))
async def get_promotion(id: str, con: Read, who: Who) -> PromotionView:
    return await _view(con, await _seen(con, who, id))


@router.patch(
    "/v1/admin/promotions/{id}",
    dependencies=[scope("marketing:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def change(id: str, body: PromotionChange, tx: Write, who: Who) -> PromotionView:
    await _seen(tx.con, who, id)
    changed = await drafting.change_promotion(tx, id, version=body.version, changes=body.changes())
    return await _view(tx.con, changed)


@router.post(
    "/v1/admin/promotions/{id}/{verb}",
    dependencies=[scope("marketing:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition, WindowOver),
)
async def take_step(id: str, verb: Verb, body: Versioned, tx: Write, who: Who) -> PromotionView:
    await _seen(tx.con, who, id)
    return await _view(tx.con, await steps.take_step(tx, id, verb, version=body.version))


@router.get("/v1/store/{shop}/products/{slug}/promotions", dependencies=[scope("store")], responses=refuses(NotFound))
async def shown_on_product(shop: str, slug: str, con: Read, rt: Rt) -> ShownPromotions:
    """The automatic promotions that a live product is part of. Codes are told by whoever gives them away."""
    now = rt.clock.now()
    offers = await copies.offers_of_product(con, shop, slug, at=now)
    if not offers:
        raise NotFound()
    lines = [Line(one.sku, one.sku, one.product_id, one.category_path, one.brand, 1, 0) for one in offers]
    found = [
        one
        for one in await queries.automatic(con, shop)
        if one.is_on(now) and not one.exhausted and any(chooses(one.conditions, line) for line in lines)
    ]
    return ShownPromotions(items=[_shown(one) for one in sorted(found, key=lambda one: (one.priority, one.id))])


def _shown(promotion: Promotion) -> ShownPromotion:
    return ShownPromotion(
        promotion_id=promotion.id,
        name=promotion.name,
        trigger=promotion.trigger,
        scope=promotion.scope,
        reward=plain_reward(promotion.reward),
        until=promotion.until,
    )
