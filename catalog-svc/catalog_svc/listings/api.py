"""Routes of listings."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

import asyncpg
from fastapi import Query, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from catalog_svc.bodies import ITEMS_MAX, ShopSlug, Version
from catalog_svc.listings import queries
from catalog_svc.listings.commands import creating
from catalog_svc.listings.commands.creating import NewListing
from catalog_svc.listings.commands.refusals import AlreadyListed, GateBlocked, SecondPersonRequired
from catalog_svc.listings.commands.steps import Step, Verb, require_scope, take_step, take_steps
from catalog_svc.listings.rules import GateCheck, Listing, State, possible
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Who, Write
from svc_kit.idempotency import key_required
from svc_kit.paging import Page, PageQuery
from svc_kit.problems import problem_of
from svc_kit.refusals import Forbidden, IllegalTransition, NotFound, Refusal, StaleVersion, refuses

Con = asyncpg.Connection

router = Router(tags=["listings"])

Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class NewListingBody(Body):
    product_id: str
    shop: ShopSlug
    publish_at: AwareDatetime | None = None
    unpublish_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def a_window(self) -> Self:
        if self.publish_at and self.unpublish_at and self.publish_at >= self.unpublish_at:
            raise ValueError("it would end before it begins")
        return self


class ListingChange(Body):
    """null takes a date away."""

    version: Version
    publish_at: AwareDatetime | None = None
    unpublish_at: AwareDatetime | None = None


class StepBody(Body):
    version: Version | None = None
    reason: Reason | None = None


class BulkItemBody(Body):
    id: str
    version: Version | None = None


class BulkBody(Body):
    """`publish` of what is paused or approved without a date; `approve_and_publish` leaves a later date in force."""

    action: Literal["submit", "approve", "approve_and_publish", "publish", "pause", "unlist"]
    items: Annotated[list[BulkItemBody], Field(min_length=1, max_length=ITEMS_MAX)]


class GateView(BaseModel):
    check: str
    result: str
    pointer: str
    hint: dict[str, str]


class LogView(BaseModel):
    action: str
    from_state: State
    to_state: State
    reason: str | None
    actor: dict[str, str]
    at: datetime


class ListingView(BaseModel):
    id: str
    product_id: str
    shop: str
    state: State
    publish_at: datetime | None
    unpublish_at: datetime | None
    submitted_by: str | None
    approved_by: str | None
    published_at: datetime | None
    possible: list[str]
    created_at: datetime
    version: int


class GatedView(ListingView):
    """`gate`: what the last check said; of `check` itself, what it says now."""

    gate: list[GateView]


class WholeView(GatedView):
    log: list[LogView]


class BulkResult(BaseModel):
    index: int
    id: str
    http_status: int
    state: State | None = None
    problem: dict[str, Any] | None = None


class BulkResults(BaseModel):
    results: list[BulkResult]


def _facts(listing: Listing) -> dict[str, Any]:
    facts = {name: getattr(listing, name) for name in ListingView.model_fields if name != "possible"}
    return {**facts, "possible": possible(listing.state)}


def _checks(checks: list[GateCheck]) -> list[GateView]:
    return [GateView(check=one.check, result=one.result, pointer=one.pointer, hint=one.hint) for one in checks]


async def _gated(con: Con, listing: Listing) -> GatedView:
    return GatedView(**_facts(listing), gate=_checks(await queries.stored_gate(con, listing.id)))


async def _seen(con: Con, who: Who, listing_id: str) -> Listing:
    listing = await queries.listing(con, listing_id)
    if listing is None or not who.may_in(listing.shop):
        raise NotFound()
    return listing


@router.post(
    "/v1/admin/listings",
    status_code=201,
    dependencies=[scope("catalog:write")],
    responses=refuses(AlreadyListed),
)
async def create(body: NewListingBody, tx: Write, who: Who, response: Response) -> GatedView:
    if not who.may_in(body.shop):
        raise NotFound()
    made = await creating.create_listing(tx, NewListing(body.product_id, body.shop, body.publish_at, body.unpublish_at))
    response.headers["Location"] = f"/v1/admin/listings/{made.id}"
    return await _gated(tx.con, made)


@router.post(
    "/v1/admin/listings/bulk",
    dependencies=[scope("catalog:read"), key_required()],
    responses=refuses(Forbidden),
)
async def take_bulk_steps(body: BulkBody, tx: Write, who: Who) -> BulkResults:
    """Each item is taken or refused by itself; of an id that comes twice only the first counts."""
    require_scope(body.action, who.scopes)
    first = {item.id: n for n, item in reversed(list(enumerate(body.items)))}
    steps = [Step(id, body.items[n].version) for id, n in first.items()]
    outcomes = dict(zip(first, await take_steps(tx, body.action, steps, shops=who.shops), strict=True))
    return BulkResults(
        results=[_result(n, item.id, first[item.id] == n, outcomes[item.id]) for n, item in enumerate(body.items)]
    )


def _result(n: int, id: str, is_first: bool, outcome: Listing | Refusal) -> BulkResult:
    if isinstance(outcome, Listing) and is_first:
        return BulkResult(index=n, id=id, http_status=200, state=outcome.state)
    if isinstance(outcome, Listing):
        outcome = IllegalTransition(state=outcome.state.value, possible=possible(outcome.state))
    return BulkResult(index=n, id=id, http_status=outcome.status, problem=problem_of(outcome))


@router.get("/v1/admin/listings", dependencies=[scope("catalog:read")])
async def list_listings(
    con: Read,
    who: Who,
    page: PageQuery,
    shop: str | None = None,
    product_id: str | None = None,
    state: Annotated[list[State], Query(max_length=9)] = [],  # noqa: B006
) -> Page[ListingView]:
    asked = who.shops if shop is None else [shop] if who.may_in(shop) else []
    found = await queries.listings(
        con,
        shops_asked=asked,
        product_id=product_id,
        states=[one.value for one in state],
        after=page.after(str) or "",
        limit=page.limit + 1,
    )
    return page.of([ListingView(**_facts(one)) for one in found], key=lambda one: one.id)


@router.get("/v1/admin/listings/{id}", dependencies=[scope("catalog:read")], responses=refuses(NotFound))
async def get_listing(id: str, con: Read, who: Who) -> WholeView:
    listing = await _seen(con, who, id)
    gate = _checks(await queries.stored_gate(con, id))
    log = [
        LogView(
            action=row["action"],
            from_state=row["from_state"],
            to_state=row["to_state"],
            reason=row["reason"],
            actor={"kind": row["actor_kind"], "id": row["actor_id"]},
            at=row["at"],
        )
        for row in await queries.log(con, id)
    ]
    return WholeView(**_facts(listing), gate=gate, log=log)


@router.patch(
    "/v1/admin/listings/{id}",
    dependencies=[scope("catalog:write")],
    responses=refuses(NotFound, StaleVersion),
)
async def change_dates(id: str, body: ListingChange, tx: Write, who: Who) -> GatedView:
    await _seen(tx.con, who, id)
    changes = {name: getattr(body, name) for name in body.model_fields_set - {"version"}}
    return await _gated(tx.con, await creating.change_dates(tx, id, version=body.version, changes=changes))


@router.post("/v1/admin/listings/{id}/check", dependencies=[scope("catalog:read")], responses=refuses(NotFound))
async def check(id: str, con: Read, who: Who) -> GatedView:
    """What the gate says at this moment; nothing changes."""
    listing = await _seen(con, who, id)
    offer = (await queries.offers(con, {(listing.product_id, listing.shop)}))[listing.product_id, listing.shop]
    return GatedView(**_facts(listing), gate=_checks(offer.gate()))


async def _take(tx: Write, who: Who, id: str, verb: Verb, body: StepBody | None) -> GatedView:
    step = Step(id, body.version, body.reason) if body else Step(id)
    return await _gated(tx.con, await take_step(tx, verb, step, shops=who.shops))


STEP_REFUSALS = refuses(NotFound, StaleVersion, IllegalTransition)


@router.post(
    "/v1/admin/listings/{id}/submit",
    dependencies=[scope("listing:submit")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition, GateBlocked),
)
async def submit(id: str, tx: Write, who: Who, body: StepBody | None = None) -> GatedView:
    return await _take(tx, who, id, "submit", body)


@router.post(
    "/v1/admin/listings/{id}/approve",
    dependencies=[scope("listing:approve")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition, SecondPersonRequired),
)
async def approve(id: str, tx: Write, who: Who, body: StepBody | None = None) -> GatedView:
    return await _take(tx, who, id, "approve", body)


@router.post("/v1/admin/listings/{id}/reject", dependencies=[scope("listing:approve")], responses=STEP_REFUSALS)
async def reject(id: str, tx: Write, who: Who, body: StepBody | None = None) -> GatedView:
    return await _take(tx, who, id, "reject", body)


@router.post("/v1/admin/listings/{id}/revise", dependencies=[scope("catalog:write")], responses=STEP_REFUSALS)
async def revise(id: str, tx: Write, who: Who, body: StepBody | None = None) -> GatedView:
    return await _take(tx, who, id, "revise", body)


@router.post(
    "/v1/admin/listings/{id}/publish",
    dependencies=[scope("catalog:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition, GateBlocked),
)
async def publish(id: str, tx: Write, who: Who, body: StepBody | None = None) -> GatedView:
    return await _take(tx, who, id, "publish", body)


@router.post("/v1/admin/listings/{id}/pause", dependencies=[scope("catalog:write")], responses=STEP_REFUSALS)
async def pause(id: str, tx: Write, who: Who, body: StepBody | None = None) -> GatedView:
    return await _take(tx, who, id, "pause", body)


@router.post("/v1/admin/listings/{id}/unlist", dependencies=[scope("catalog:write")], responses=STEP_REFUSALS)
async def unlist(id: str, tx: Write, who: Who, body: StepBody | None = None) -> GatedView:
    return await _take(tx, who, id, "unlist", body)


@router.post("/v1/admin/listings/{id}/archive", dependencies=[scope("catalog:write")], responses=STEP_REFUSALS)
async def archive(id: str, tx: Write, who: Who, body: StepBody | None = None) -> GatedView:
    return await _take(tx, who, id, "archive", body)
