"""Routes of buyers: checkout, their orders."""

from typing import Annotated

from fastapi import Header, Request, Response

from order_svc.addresses.commands import seal
from order_svc.copies.desk import desk_of
from order_svc.copies.rules import ShopFacts
from order_svc.identity import buyer_of
from order_svc.orders import queries
from order_svc.orders.api.bodies import BuyersCancel, Checkout
from order_svc.orders.api.views import (
    BriefView,
    CheckoutView,
    OrderView,
    ShipmentView,
    TrackingView,
    UndecidedView,
    brief,
    checkout_view,
    latest_first,
    order_view,
    parcels_status,
)
from order_svc.orders.commands import changing
from order_svc.orders.commands.placing import PLACE, Placed, PlaceOrder, person_of_guest
from order_svc.orders.queries import Filters
from order_svc.orders.refusals import (
    BudgetExhausted,
    OrderRejected,
    QuoteExpired,
    StockShort,
    TooManyUnpaidOrders,
    TotalChanged,
    rejected,
)
from order_svc.orders.rules.order import Order
from order_svc.orders.rules.states import Status
from order_svc.orders.waiting import UNDECIDED
from order_svc.payments.access import buyers_order, order_token
from order_svc.payments.waiting import waited_seconds
from order_svc.quotes.commands import unsaved_quote
from order_svc.quotes.refusals import CouponExhausted, CouponInvalid, NotPurchasable
from order_svc.quotes.rules import Asked, Asking, Quote
from svc_kit.access import Principal, scope
from svc_kit.batches import Answer
from svc_kit.doors import Read, Router, Rt, Who, Write
from svc_kit.idempotency import KEPT_HOURS_MONEY, key_of, key_required
from svc_kit.paging import Page, PageQuery
from svc_kit.problems import render_for
from svc_kit.refusals import (
    Fault,
    IdempotencyKeyMissing,
    IllegalTransition,
    MalformedRequest,
    NotFound,
    Refusal,
    ValidationFailed,
    refuses,
)

router = Router(tags=["orders"])
OrderToken = Annotated[str | None, Header(alias="X-Order-Token")]

WAIT_SECONDS = 5.0
REPLAYED = {"Idempotent-Replayed": "true"}
MONEY_KEY = key_required(kept_hours=KEPT_HOURS_MONEY)


@router.post(
    "/v1/store/{shop}/checkout",
    status_code=201,
    response_model=CheckoutView,
    dependencies=[scope("store"), MONEY_KEY],
    responses={
        202: {"model": UndecidedView, "description": "not decided yet: ask at Location"},
        **refuses(
            MalformedRequest, IdempotencyKeyMissing, NotFound, TotalChanged, QuoteExpired, StockShort, CouponExhausted,
            BudgetExhausted, CouponInvalid, NotPurchasable, TooManyUnpaidOrders, OrderRejected, ValidationFailed,
        ),
    },
)  # fmt: skip
async def checkout(
    shop: str,
    body: Checkout,
    rt: Rt,
    who: Who,
    request: Request,
    prefer: Annotated[str | None, Header()] = None,
) -> Response:
    """One call, and the decision in its answer; `Prefer: wait=N` waits at most N seconds for it."""
    item = await _item(rt, shop, body, who)
    within_seconds = waited_seconds(prefer, usual=WAIT_SECONDS)
    room = UNDECIDED.of(rt.db)
    # Entered before it is placed: the decision may come before the answer of the commit is read.
    waiter = room.enter(rt.db, item.order_id) if within_seconds else None
    try:
        answer = await rt.batch(PLACE).submit(item, actor=who.actor, key=await key_of(request, who))
        order_id = answer.replayed_id or (answer.value.order_id if answer.value else "")
        if order_id == item.order_id:
            order = await waiter.within(within_seconds) if waiter else None
        else:
            order = await _as_it_is(rt, order_id, within_seconds)
    finally:
        if waiter is not None:
            room.leave(waiter)
    try:
        return await _answered(rt, shop, who, answer, order_id, order)
    except Refusal as refusal:
        return render_for(request, refusal, headers=REPLAYED if answer.replayed_id else None)


async def _item(rt: Rt, shop: str, body: Checkout, who: Principal) -> PlaceOrder:
    """Raises what concerns the request alone; what may change with time is kept for behind the Idempotency-Key."""
    buyer = buyer_of(who)
    facts = await desk_of(rt.db).shop(rt.db, shop)
    if faults := _form_faults(body):
        raise ValidationFailed(faults + _method_faults(body, facts))
    quote, refusal = await _quote(rt, facts, body, who)
    address = body.address.address(body.contact)
    return PlaceOrder(
        order_id=rt.ids.new("ord"),
        shop=shop,
        buyer=buyer,
        session_id=who.session_id,
        expected_total_minor=body.expected_total.amount_minor,
        expected_currency=body.expected_total.currency,
        sealed=seal(rt.ids, rt.settings.vault_key, address),
        address_missing=address.missing,
        region=body.address.model_dump(include={"country", "province", "city", "district"}),
        payment_method=body.payment_method,
        unpaid_expiry_seconds=facts.shop.unpaid_expiry_seconds if facts else 0,
        remark=body.remark,
        quote_id=body.quote_id,
        quote=quote,
        refusal=refusal,
    )


async def _quote(
    rt: Rt, facts: ShopFacts | None, body: Checkout, who: Principal
) -> tuple[Quote | None, Refusal | None]:
    """What "buy now" costs at this moment, or why nothing can be bought."""
    if facts is None or not facts.is_open:
        return None, NotFound()
    if faults := _method_faults(body, facts):
        return None, ValidationFailed(faults)
    if body.quote_id is not None:
        return None, None
    assert body.lines is not None
    assert body.region is not None
    assert body.delivery_method is not None
    asking = Asking(
        shop=facts.shop.shop,
        buyer=buyer_of(who),
        region=body.region.model_dump(),
        delivery_method=body.delivery_method,
        lines=tuple(Asked(line.sku, line.quantity) for line in body.lines),
        coupon_code=body.coupon_code,
    )
    try:
        return await unsaved_quote(rt, asking), None
    except Refusal as refusal:
        return None, refusal


def _form_faults(body: Checkout) -> list[Fault]:
    """Either form, whole."""
    direct = {"lines": body.lines, "region": body.region, "delivery_method": body.delivery_method}
    if body.quote_id is None:
        en, zh = "Required without quote_id", "未提供 quote_id 时必填"
        return [Fault(f"/{name}", "missing", en, zh) for name, value in direct.items() if value is None]
    en, zh = "Not beside quote_id", "不能与 quote_id 同时使用"
    given = [name for name, value in (direct | {"coupon_code": body.coupon_code}).items() if value is not None]
    return [Fault(f"/{name}", "either-quote-or-lines", en, zh) for name in given]


def _method_faults(body: Checkout, facts: ShopFacts | None) -> list[Fault]:
    if facts is None or body.payment_method in facts.shop.payment_methods:
        return []
    offered = sorted(facts.shop.payment_methods)
    en, zh = "The shop does not take this method", "该店铺不支持此支付方式"
    return [Fault("/payment_method", "method-not-offered", en, zh, offered=offered)]


async def _as_it_is(rt: Rt, order_id: str, within_seconds: float) -> Order | None:
    """An order that was placed before, now; where it is still undecided, this request waits for it too."""
    room = UNDECIDED.of(rt.db)
    waiter = room.enter(rt.db, order_id) if within_seconds else None
    try:
        async with rt.db.read() as con:
            order = await queries.order(con, order_id)
        if order is None or order.status is not Status.PLACED:
            return order
        return await waiter.within(within_seconds) if waiter else None
    finally:
        if waiter is not None:
            room.leave(waiter)


async def _answered(
    rt: Rt, shop: str, who: Principal, answer: Answer[Placed], order_id: str, order: Order | None
) -> Response:
    """201, 202, or the refusal of a rejected order with every reason."""
    token = order_token(rt.settings.token_key, order_id) if who.kind == "visitor" else None
    headers = {"Location": f"/v1/store/{shop}/orders/{order_id}"}
    if answer.replayed_id:
        headers |= REPLAYED
    if order is None:
        undecided = UndecidedView(id=order_id, status=Status.PLACED, order_token=token)
        return Response(undecided.model_dump_json(), 202, headers, "application/json")
    if order.status is Status.REJECTED:
        raise await _rejection(rt, order)
    new = answer.value.new if answer.value else None
    if new is not None:
        lines = [(line, 0, 0) for line in new.lines]
    else:
        async with rt.db.read() as con:
            lines = (await queries.lines_of(con, [order.id]))[order.id]
    return Response(checkout_view(order, lines, token=token).model_dump_json(), 201, headers, "application/json")


async def _rejection(rt: Rt, order: Order) -> Refusal:
    unpaid: dict[str, str] = {}
    if order.shortages:
        async with rt.db.read() as con:
            unpaid = await queries.unpaid_orders_with(con, order.person_id, {one.sku for one in order.shortages})
    return rejected(order, unpaid=unpaid)


@router.get("/v1/store/{shop}/orders", dependencies=[scope("store")], responses=refuses(MalformedRequest))
async def list_orders(shop: str, con: Read, who: Who, page: PageQuery) -> Page[BriefView]:
    """The buyer's own, the latest first."""
    buyer = buyer_of(who)
    person_id = buyer.person_id or person_of_guest(str(buyer.visitor_key))
    before = latest_first(page.after(list))
    found = await queries.orders(
        con,
        Filters(shop=shop, person_id=person_id),
        before=before,
        limit=page.limit + 1,
    )
    cut = page.of(found, key=lambda one: [one.placed_at.isoformat(), one.id])
    return Page(items=[BriefView(**brief(one)) for one in cut.items], next_cursor=cut.next_cursor)


@router.get("/v1/store/{shop}/orders/{id}", dependencies=[scope("store")], responses=refuses(NotFound))
async def get_order(shop: str, id: str, rt: Rt, con: Read, who: Who, x_order_token: OrderToken = None) -> OrderView:
    order = await buyers_order(con, rt, who, shop=shop, order_id=id, token=x_order_token)
    return order_view(await queries.shown(con, order))


@router.get("/v1/store/{shop}/orders/{id}/tracking", dependencies=[scope("store")], responses=refuses(NotFound))
async def get_tracking(
    shop: str, id: str, rt: Rt, con: Read, who: Who, x_order_token: OrderToken = None
) -> TrackingView:
    order = await buyers_order(con, rt, who, shop=shop, order_id=id, token=x_order_token)
    shipments = await queries.shipments_of(con, id)
    return TrackingView(
        id=order.id,
        status=order.status,
        fulfilment_status=parcels_status(order),
        promise=order.promise,
        shipments=[ShipmentView(**one) for one in shipments],
    )


@router.post(
    "/v1/store/{shop}/orders/{id}/cancel",
    dependencies=[scope("store"), MONEY_KEY],
    responses=refuses(IdempotencyKeyMissing, NotFound, IllegalTransition),
)
async def cancel(
    shop: str, id: str, body: BuyersCancel, rt: Rt, tx: Write, who: Who, x_order_token: OrderToken = None
) -> BriefView:
    """What was taken for it comes back afterwards: watch `status`, which turns from cancelling to cancelled."""
    await buyers_order(tx.con, rt, who, shop=shop, order_id=id, token=x_order_token)
    order = await changing.cancel(tx, id, reason=body.reason, by_staff=False)
    return BriefView(**brief(order))
