"""Routes of coupon batches."""

from datetime import datetime
from typing import Annotated

import asyncpg
from fastapi import Response
from pydantic import BaseModel, Field, StringConstraints

from marketing_svc.benefits.queries.counters import counters
from marketing_svc.benefits.rules.counting import Counter
from marketing_svc.bodies import Count, Id, Versioned, Window
from marketing_svc.coupons import commands, queries
from marketing_svc.coupons.commands import CouponCodeTaken
from marketing_svc.coupons.rules import Batch, State, possible
from marketing_svc.promotions import queries as promotions
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Who, Write
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import Fault, IllegalTransition, NotFound, StaleVersion, ValidationFailed, refuses

router = Router(tags=["coupons"])

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{2,31}$")]


class NewBatch(Body):
    """One public code. `code` in capitals or not: buyers may type it as they please."""

    promotion_id: Id
    code: Code
    total: Count
    per_customer: Count = 1
    validity: Window = Window()


class ValidityView(BaseModel):
    from_: datetime | None = Field(serialization_alias="from")
    until: datetime | None


class BatchView(BaseModel):
    """`used` + `locked` + `left` = `total`."""

    id: str
    promotion_id: str
    shop: str
    code: str
    total: int
    per_customer: int
    validity: ValidityView
    state: State
    used: int
    locked: int
    left: int
    exhausted: bool
    possible: list[str]
    created_at: datetime
    version: int


def view(batch: Batch, counter: Counter) -> BatchView:
    own = {
        "validity": ValidityView(from_=batch.from_at, until=batch.until),
        "used": counter.used,
        "locked": counter.locked,
        "left": batch.total - counter.taken,
        "exhausted": counter.taken >= batch.total,
        "possible": possible(batch.state),
    }
    plain = {name: getattr(batch, name) for name in BatchView.model_fields if name not in own}
    return BatchView(**plain, **own)


async def _view(con: asyncpg.Connection, batch: Batch) -> BatchView:
    return view(batch, (await counters(con, [batch.id]))[batch.id])


async def _seen(con: asyncpg.Connection, who: Who, batch_id: str) -> Batch:
    batch = await queries.batch(con, batch_id)
    if batch is None or not who.may_in(batch.shop):
        raise NotFound()
    return batch


@router.post(
    "/v1/admin/coupon-batches",
    status_code=201,
    dependencies=[scope("marketing:write")],
    responses=refuses(CouponCodeTaken),
)
async def issue(body: NewBatch, tx: Write, who: Who, response: Response) -> BatchView:
    promotion = await promotions.promotion(tx.con, body.promotion_id)
    if promotion is None or not who.may_in(promotion.shop):
        en = "There is no such promotion"
        raise ValidationFailed([Fault("/promotion_id", "unknown-promotion", en, "活动不存在")])
    batch = await commands.issue_batch(
        tx,
        promotion_id=promotion.id,
        code=body.code,
        total=body.total,
        per_customer=body.per_customer,
        from_at=body.validity.from_,
        until=body.validity.until,
    )
    response.headers["Location"] = f"/v1/admin/coupon-batches/{batch.id}"
    return view(batch, Counter(batch.id, cap=batch.total))


@router.get("/v1/admin/coupon-batches", dependencies=[scope("marketing:read")])
async def list_batches(
    con: Read,
    who: Who,
    page: PageQuery,
    shop: str | None = None,
    promotion_id: str | None = None,
    code: str | None = None,
) -> Page[BatchView]:
    found = await queries.batches(
        con,
        shops=who.shops if shop is None else [shop] if who.may_in(shop) else [],
        promotion_id=promotion_id,
        code=code,
        after=page.after(str) or "",
        limit=page.limit + 1,
    )
    counted = await counters(con, [one.id for one in found])
    return page.of([view(one, counted[one.id]) for one in found], key=lambda one: one.id)


@router.get("/v1/admin/coupon-batches/{id}", dependencies=[scope("marketing:read")], responses=refuses(NotFound))
async def get_batch(id: str, con: Read, who: Who) -> BatchView:
    return await _view(con, await _seen(con, who, id))


@router.post(
    "/v1/admin/coupon-batches/{id}/revoke",
    dependencies=[scope("marketing:write")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def revoke(id: str, body: Versioned, tx: Write, who: Who) -> BatchView:
    await _seen(tx.con, who, id)
    return await _view(tx.con, await commands.revoke_batch(tx, id, version=body.version))
