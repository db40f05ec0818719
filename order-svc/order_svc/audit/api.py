"""Routes of the audit: what waits for a person, and what the person does with it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, StringConstraints

from order_svc.audit import queries
from order_svc.audit.commands import releasing
from order_svc.audit.queries import HoldView
from order_svc.audit.rules import HoldReason, HoldState, Kind, OnDeadline, Outcome, Severity, possible
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Who, Write
from svc_kit.paging import Page, PageQuery
from svc_kit.refusals import IllegalTransition, NotFound, StaleVersion, refuses

router = Router(tags=["holds"])

Note = Annotated[str, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)]


class ContactView(BaseModel):
    id: str
    kind: Kind
    outcome: Outcome
    note: str | None
    next_at: datetime | None
    made_by: str
    made_at: datetime


class HoldAnswer(BaseModel):
    """`due_at`: until when somebody should have looked; `on_deadline`: what happens by itself then, if anything."""

    id: str
    order_id: str
    shop: str
    reason: HoldReason
    severity: Severity
    evidence: dict[str, Any]
    state: HoldState
    opened_at: datetime
    due_at: datetime
    on_deadline: OnDeadline | None
    ended_at: datetime | None
    ended_why: str | None
    released_by: str | None
    note: str | None
    contacts: list[ContactView]
    possible: list[str]
    version: int


class Release(Body):
    """`note`: why the order may go on."""

    version: int
    note: Note | None = None


class NewContact(Body):
    """`next_at`: when to try again."""

    version: int
    kind: Kind
    outcome: Outcome
    note: Note | None = None
    next_at: AwareDatetime | None = None


def answer(view: HoldView) -> HoldAnswer:
    hold = view.hold
    return HoldAnswer(
        id=hold.id,
        order_id=hold.order_id,
        shop=hold.shop,
        reason=hold.reason,
        severity=hold.severity,
        evidence=hold.evidence,
        state=hold.state,
        opened_at=hold.opened_at,
        due_at=hold.due_at,
        on_deadline=hold.on_deadline,
        ended_at=hold.ended_at,
        ended_why=hold.ended_why,
        released_by=hold.released_by,
        note=hold.note,
        contacts=[ContactView.model_validate(one, from_attributes=True) for one in view.contacts],
        possible=possible(hold.state),
        version=hold.version,
    )


@router.get("/v1/admin/holds", dependencies=[scope("orders:audit")])
async def list_holds(
    con: Read,
    who: Who,
    page: PageQuery,
    order_id: str | None = None,
    state: Annotated[list[HoldState], Query(max_length=3)] = [],  # noqa: B006
    reason: Annotated[list[HoldReason], Query(max_length=20)] = [],  # noqa: B006
    due_until: AwareDatetime | None = None,
) -> Page[HoldAnswer]:
    """The oldest first."""
    found = await queries.holds(
        con,
        order_id=order_id,
        states=state,
        reasons=reason,
        shops=who.shops,
        due_until=due_until,
        after=page.after(str) or "",
        limit=page.limit + 1,
    )
    return page.of([answer(one) for one in found], key=lambda one: one.id)


@router.get("/v1/admin/holds/{id}", dependencies=[scope("orders:audit")], responses=refuses(NotFound))
async def get_hold(id: str, con: Read, who: Who) -> HoldAnswer:
    view = await queries.hold(con, id)
    if view is None or not who.may_in(view.hold.shop):
        raise NotFound()
    return answer(view)


@router.post(
    "/v1/admin/holds/{id}/release",
    dependencies=[scope("orders:audit")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def release(id: str, body: Release, tx: Write, who: Who) -> HoldAnswer:
    """With the last open hold the order goes on; short stock is asked for again."""
    await releasing.release(tx, id, version=body.version, note=body.note, shops=who.shops)
    return await _answered(tx, id)


@router.post(
    "/v1/admin/holds/{id}/contact",
    dependencies=[scope("orders:audit")],
    responses=refuses(NotFound, StaleVersion, IllegalTransition),
)
async def contact(id: str, body: NewContact, tx: Write, who: Who) -> HoldAnswer:
    await releasing.contact(
        tx,
        id,
        version=body.version,
        kind=body.kind,
        outcome=body.outcome,
        note=body.note,
        next_at=body.next_at,
        shops=who.shops,
    )
    return await _answered(tx, id)


async def _answered(tx: Write, id: str) -> HoldAnswer:
    view = await queries.hold(tx.con, id)
    assert view is not None
    return answer(view)
