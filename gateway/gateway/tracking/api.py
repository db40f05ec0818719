"""The route of front ends' events."""

from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel, Field, WithJsonSchema

from gateway.tracking.rules import EVENTS_MAX, FAULTS_MAX, FrontEndEvent, Slug, Visit, is_bot, judged
from svc_kit import context
from svc_kit.access import scope
from svc_kit.doors import Body, Router, Rt, Who
from svc_kit.refusals import Fault, MalformedRequest, Overloaded, PayloadTooLarge, UpstreamUnavailable, refuses

router = Router(tags=["tracking"])

VISITOR_LENGTH_MIN = 22  # 128 bits in base64url
VISITOR_LENGTH_MAX = 256
# Judged one by one by the rules; documented as what counts.
AnyEvent = Annotated[Any, WithJsonSchema(FrontEndEvent.model_json_schema())]


class Batch(Body):
    """`shop`: of the events that name none."""

    shop: Slug | None = None
    events: Annotated[list[AnyEvent], Field(max_length=EVENTS_MAX)]


class DroppedView(BaseModel):
    pointer: str
    code: str
    message: str


class Counted(BaseModel):
    """`errors`: the first thing that is wrong with each of the first dropped ones."""

    accepted: int
    dropped: int
    errors: list[DroppedView] = []


@router.post(
    "/v1/track",
    status_code=202,
    dependencies=[scope("store")],
    responses=refuses(MalformedRequest, PayloadTooLarge, UpstreamUnavailable, Overloaded),
)
async def track(
    body: Batch,
    request: Request,
    rt: Rt,
    who: Who,
    response: Response,
    x_visitor_id: Annotated[str | None, Header(description="≥ 128 random bits, made by the front end")] = None,
) -> Counted:
    """Accepted means: on its way. An event sent twice counts once."""
    if not VISITOR_LENGTH_MIN <= len(x_visitor_id or "") <= VISITOR_LENGTH_MAX or who.visitor_key is None:
        words = Fault("/headers/X-Visitor-Id", "visitor-id-missing", "Send an X-Visitor-Id", "请提供 X-Visitor-Id")
        raise MalformedRequest([words])
    rt.state.traffic.require_room(len(body.events))
    visit = Visit(
        visitor=who.visitor_key,
        person_id=who.id if who.kind == "person" else None,
        is_bot=is_bot(request.headers.get("user-agent")),
    )
    now = rt.clock.now()
    clicks, dropped = judged(body.events, visit, shop=body.shop, now=now)
    if clicks:
        correlation_id = context.request_id.get() or clicks[0].event_id
        rt.state.traffic.accept(clicks, visit, at=now, correlation_id=correlation_id)
    errors = [DroppedView(pointer=one.pointer, code=one.code, message=one.message) for one in dropped[:FAULTS_MAX]]
    return Counted(accepted=len(clicks), dropped=len(dropped), errors=errors)
