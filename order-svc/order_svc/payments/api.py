"""Routes of payments: paying, what providers tell, what staff sees and records."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from fastapi import Header, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from order_svc.copies.desk import desk_of
from order_svc.orders.rules.order import Order
from order_svc.payments import queries
from order_svc.payments.access import buyers_order, staffs_order
from order_svc.payments.commands import transfers
from order_svc.payments.commands.callbacks import TAKE, BadSignature
from order_svc.payments.commands.starting import START, AttemptOpen, StartAttempt
from order_svc.payments.commands.transfers import ReferenceTaken, Transfer
from order_svc.payments.rules import SANDBOX, Attempt, Callback, Method, Told, signature_holds
from order_svc.payments.views import AttemptView, PaymentsView, attempt_view, payments_view
from order_svc.payments.waiting import OPEN_ATTEMPTS, waited_seconds
from svc_contracts.money import Currency, Money
from svc_kit.access import scope
from svc_kit.doors import Body, Read, Router, Rt, Who, Write
from svc_kit.idempotency import KEPT_HOURS_MONEY, key_of, key_required
from svc_kit.refusals import (
    Fault,
    IdempotencyKeyMissing,
    IllegalTransition,
    MalformedRequest,
    NotFound,
    ValidationFailed,
    refuses,
)

router = Router(tags=["payments"])

WAIT_SECONDS = 2.0
OrderToken = Annotated[str | None, Header(alias="X-Order-Token")]
SandboxOutcome = Literal[
    "succeed", "fail", "timeout_then_succeed", "timeout_then_fail", "wrong_amount", "callback_twice"
]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
AmountMinor = Annotated[int, Field(ge=1, le=10**15)]


class NewPayment(Body):
    """`sandbox_outcome`: how the sandbox provider shall behave."""

    method: Method
    sandbox_outcome: SandboxOutcome | None = None


class NewAmount(Body):
    amount_minor: AmountMinor
    currency: Currency


class NewTransfer(Body):
    """What the bank statement says. `refund_id`: the money left for this refund; without it the money came in."""

    reference: Reference
    amount: NewAmount
    at: AwareDatetime
    refund_id: str | None = None


class SandboxCallback(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    kind: Literal["charge", "refund"]
    key: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    order_id: str
    state: Literal["succeeded", "failed"]
    amount_minor: Annotated[int, Field(ge=0, le=10**15)]
    currency: Currency
    provider_ref: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Received(BaseModel):
    """`fresh`: false where it was known already."""

    received: Literal[True] = True
    fresh: bool


@router.post(
    "/v1/store/{shop}/orders/{id}/payments",
    status_code=201,
    dependencies=[scope("store"), key_required(kept_hours=KEPT_HOURS_MONEY)],
    responses=refuses(MalformedRequest, IdempotencyKeyMissing, NotFound, IllegalTransition, AttemptOpen),
)
async def pay(
    shop: str,
    id: str,
    body: NewPayment,
    rt: Rt,
    who: Who,
    request: Request,
    response: Response,
    x_order_token: OrderToken = None,
    prefer: Annotated[str | None, Header()] = None,
) -> AttemptView:
    """Waits briefly for the provider, so that most buyers read `succeeded`; `Prefer: wait=N` asks for another time."""
    async with rt.db.read() as con:
        order = await buyers_order(con, rt, who, shop=shop, order_id=id, token=x_order_token)
    facts = await desk_of(rt.db).shop(rt.db, shop)
    offered = facts.shop.payment_methods if facts else []
    # Where no provider is set up, nobody can pay by it.
    require_offered(body, [one for one in offered if one != SANDBOX or rt.settings.payment_sandbox_url])
    item = StartAttempt(rt.ids.new("pay"), id, body.method, body.sandbox_outcome)
    wait_seconds = waited_seconds(prefer, usual=WAIT_SECONDS) if body.method == SANDBOX else 0.0
    with OPEN_ATTEMPTS.of(rt.db).entered(rt.db, item.attempt_id) as waiter:
        answer = await rt.batch(START).submit(item, actor=who.actor, key=await key_of(request, who))
        attempt = answer.value
        if attempt is not None and wait_seconds:
            attempt = await waiter.within(wait_seconds)
    if attempt is None:
        # Started by an earlier request, or still open when the time was up.
        name = answer.replayed_id or item.attempt_id
        attempt = await _as_it_is(rt, name, wait_seconds if answer.replayed_id else 0.0)
    response.headers["Location"] = f"/v1/store/{shop}/orders/{id}/payments/{attempt.id}"
    if answer.replayed_id:
        response.headers["Idempotent-Replayed"] = "true"
    return attempt_view(attempt, number=order.number, account=rt.settings.bank_transfer_account)


async def _as_it_is(rt: Rt, attempt_id: str, wait_seconds: float) -> Attempt:
    """Now; while it is open, this request waits for it too."""
    with OPEN_ATTEMPTS.of(rt.db).entered(rt.db, attempt_id) as waiter:
        async with rt.db.read() as con:
            attempt = await queries.attempt(con, attempt_id)
        assert attempt is not None, attempt_id
        ended = await waiter.within(wait_seconds) if attempt.is_open and wait_seconds else None
        return ended or attempt


def require_offered(body: NewPayment, offered: Collection[str]) -> None:
    """Raises ValidationFailed with every fault."""
    faults = []
    if body.method not in offered:
        en, zh = "The shop does not take this method", "该店铺不支持此支付方式"
        faults.append(Fault("/method", "method-not-offered", en, zh, offered=sorted(offered)))
    if body.sandbox_outcome is not None and body.method != SANDBOX:
        en, zh = "Only the sandbox can be told how it shall end", "仅沙箱支付可指定结果"
        faults.append(Fault("/sandbox_outcome", "not-for-this-method", en, zh))
    if faults:
        raise ValidationFailed(faults)


@router.get(
    "/v1/store/{shop}/orders/{id}/payments/{attempt_id}",
    dependencies=[scope("store")],
    responses=refuses(MalformedRequest, NotFound),
)
async def get_attempt(
    shop: str, id: str, attempt_id: str, rt: Rt, con: Read, who: Who, x_order_token: OrderToken = None
) -> AttemptView:
    order = await buyers_order(con, rt, who, shop=shop, order_id=id, token=x_order_token)
    attempt = await queries.attempt(con, attempt_id)
    if attempt is None or attempt.order_id != id:
        raise NotFound()
    return attempt_view(attempt, number=order.number, account=rt.settings.bank_transfer_account)


@router.post(
    "/v1/callbacks/sandbox",
    dependencies=[scope("internal:callbacks")],
    responses=refuses(BadSignature, MalformedRequest),
)
async def sandbox_callback(
    request: Request, rt: Rt, who: Who, x_signature: Annotated[str | None, Header()] = None
) -> Received:
    """The signature is over the raw bytes, so they are looked at before anything reads them. 200: it is stored."""
    raw = await request.body()
    secret = rt.settings.payment_sandbox_secret
    if not signature_holds(x_signature, raw, secret=secret, now=rt.clock.now()):
        raise BadSignature()
    answer = await rt.batch(TAKE).submit(callback_of(raw), actor=who.actor)
    return Received(fresh=bool(answer.value))


def callback_of(raw: bytes) -> Callback:
    """Raises MalformedRequest, ValidationFailed."""
    try:
        told = SandboxCallback.model_validate_json(raw)
    except ValidationError as fault:
        found = fault.errors(include_url=False, include_input=False, include_context=False)
        if any(one["type"] == "json_invalid" for one in found):
            raise MalformedRequest(detail="The body is not JSON") from fault
        raise ValidationFailed([_fault(one) for one in found]) from fault
    about = Told(told.state, told.amount_minor, told.currency, told.provider_ref)
    return Callback(SANDBOX, told.id, told.kind, told.key, told.order_id, about)


def _fault(one: Any) -> Fault:
    pointer = "".join(f"/{step}" for step in one["loc"])
    return Fault(pointer, str(one["type"]).replace("_", "-"), str(one["msg"]), "内容不符合要求")


@router.get("/v1/admin/orders/{id}/payments", dependencies=[scope("orders:read")], responses=refuses(NotFound))
async def list_payments(id: str, rt: Rt, con: Read, who: Who) -> PaymentsView:
    """Attempts, refunds and the ledger, the oldest first."""
    return await _payments(con, rt, await staffs_order(con, who, id))


@router.post(
    "/v1/admin/orders/{id}/transfers",
    status_code=201,
    dependencies=[scope("orders:write"), key_required(kept_hours=KEPT_HOURS_MONEY)],
    responses=refuses(IdempotencyKeyMissing, NotFound, IllegalTransition, ReferenceTaken),
)
async def record_transfer(id: str, body: NewTransfer, rt: Rt, tx: Write, who: Who) -> PaymentsView:
    """A bank transfer, as the statement says: whatever came is recorded, and the order decides what it is good for."""
    order = await staffs_order(tx.con, who, id)
    amount = Money(amount_minor=body.amount.amount_minor, currency=body.amount.currency)
    await transfers.record(tx, id, Transfer(body.reference, amount, body.at, body.refund_id))
    return await _payments(tx.con, rt, order)


async def _payments(con: Read, rt: Rt, order: Order) -> PaymentsView:
    found = await queries.payments_of(con, order.id)
    account = rt.settings.bank_transfer_account
    return payments_view(found, number=order.number, currency=order.currency, account=account)
