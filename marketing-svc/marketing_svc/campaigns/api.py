"""Routes of campaigns."""

from datetime import datetime
from typing import Annotated, Any

import asyncpg
from fastapi import Query, Response
from pydantic import BaseModel, Field

from marketing_svc.benefits.commands.counters import BudgetInUse
from marketing_svc.benefits.queries.counters import counters
from marketing_svc.benefits.rules.counting import Counter
from marketing_svc.bodies import Amount, Names, ShopSlug, Version, Versioned, Words
from marketing_svc.campaigns import commands, queries
from marketing_svc.campaigns.rules import Campaign, State, Verb, possible
from svc_contracts.money import Money
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Who, Write
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import IllegalTransition, NotFound, StaleVersion, refuses

router = Router(tags=["campaigns"])

GOALS_MAX = 20


class Goal(Body):
    metric: Words
    target: int


Goals = Annotated[list[Goal], Field(max_length=GOALS_MAX)]


class NewCampaign(Body):
    """`planned` is a plan; `hard_cap` is never exceeded; without one there is no cap."""

    shop: ShopSlug
    name: Names
    goals: Goals = []
    planned: Amount
    hard_cap: Amount | None = None


class CampaignChange(Body):
    """What is named is changed; `hard_cap` null takes the cap away."""

    version: Version
    name: Names | None = None
    goals: Goals | None = None
    planned: Amount | None = None
    hard_cap: Amount | None = None

    def changes(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.model_fields_set - {"version"}}
        found = {name: value for name, value in given.items() if value is not None or name == "hard_cap"}
        if self.goals is not None:
            found["goals"] = [goal.model_dump() for goal in self.goals]
        return found


class CampaignView(BaseModel):
    """`reserved` by orders that are not confirmed yet, `spent` by those that are; `left` of the hard cap."""

    id: str
    shop: str
    name: dict[str, str]
    goals: list[dict[str, Any]]
    state: State
    owner_id: str
    planned: Money
    hard_cap: Money | None
    reserved: Money
    spent: Money
    left: Money | None
    exhausted: bool
    possible: list[str]
    created_at: datetime
    version: int


def view(campaign: Campaign, counter: Counter) -> CampaignView:
    def money(minor: int) -> Money:
        return Money(amount_minor=minor, currency=campaign.currency)

    own = {
        "planned": money(campaign.planned_minor),
        "hard_cap": None if counter.hard_cap_minor is None else money(counter.hard_cap_minor),
        "reserved": money(counter.reserved_minor),
        "spent": money(counter.spent_minor),
        "left": None if counter.money_left_minor is None else money(counter.money_left_minor),
        "exhausted": counter.is_full,
        "possible": possible(campaign.state),
    }
    plain = {name: getattr(campaign, name) for name in CampaignView.model_fields if name not in own}
    return CampaignView(**plain, **own)


async def _view(con: asyncpg.Connection, campaign: Campaign) -> CampaignView:
    return view(campaign, (await counters(con, [campaign.id]))[campaign.id])


async def _seen(con: asyncpg.Connection, who: Who, campaign_id: str) -> Campaign:
    campaign = await queries.campaign(con, campaign_id)
    if campaign is None or not who.may_in(campaign.shop):
        raise NotFound()
    return campaign


@router.post(
    "/v1/admin/campaigns",
    status_code=201,
    dependencies=[scope("marketing:write")],
    responses=refuses(NotFound),
)
async def plan(body: NewCampaign, tx: Write, who: Who, response: Response) -> CampaignView:
    if not who.may_in(body.shop):
        raise NotFound()
    campaign = await commands.plan_campaign(
        tx,
        shop=body.shop,
        name=dict(body.name),
        goals=[goal.model_dump() for goal in body.goals],
        planned=body.planned,
        hard_cap=body.hard_cap,
    )
    response.headers["Location"] = f"/v1/admin/campaigns/{campaign.id}"
    return await _view(tx.con, campaign)


@router.get("/v1/admin/campaigns", dependencies=[scope("marketing:read")])
async def list_campaigns(
    con: Read,
    who: Who,
    page: PageQuery,
    shop: str | None = None,
    state: Annotated[list[State], Query(max_length=8)] = [],  # noqa: B006
) -> Page[CampaignView]:
    found = await queries.campaigns(
        con,
        shops=who.shops if shop is None else [shop] if who.may_in(shop) else [],
        states=[one.value for one in state],
        after=page.after(str) or "",
        limit=page.limit + 1,
    )
    counted = await counters(con, [one.id for one in found])
    return page.of([view(one, counted[one.id]) for one in found], key=lambda one: one.id)


@router.get("/v1/admin/campaigns/{id}", dependencies=[scope("marketing:read")], responses=refuses(NotFound))
async def get_campaign(id: str, con: Read, who: Who) -> CampaignView:
    return await _view(con, await _seen(con, who, id))


@router.patch(
    "/v1/admin/campaigns/{id}",
    dependencies=[scope("marketing:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition, BudgetInUse),
)
async def change(id: str, body: CampaignChange, tx: Write, who: Who) -> CampaignView:
    await _seen(tx.con, who, id)
    return await _view(tx.con, await commands.change_campaign(tx, id, version=body.version, changes=body.changes()))


@router.post(
    "/v1/admin/campaigns/{id}/{verb}",
    dependencies=[scope("marketing:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def take_step(id: str, verb: Verb, body: Versioned, tx: Write, who: Who) -> CampaignView:
    await _seen(tx.con, who, id)
    return await _view(tx.con, await commands.take_step(tx, id, verb, version=body.version))
