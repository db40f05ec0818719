"""Routes by which other channels' orders come in."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import Depends, Path, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from order_svc.addresses.commands import seal
from order_svc.addresses.rules import Address
from order_svc.copies.desk import desk_of
from order_svc.copies.rules import Offer, ShopFacts
from order_svc.orders import queries as orders
from order_svc.orders.api.bodies import Name, Phone, Postcode, Street
from order_svc.orders.api.views import BriefView, brief
from order_svc.orders.commands.importing import ChannelOrderChanged, Imported, ImportOrder, import_orders
from order_svc.orders.rules.placing import Line
from order_svc.quotes.bodies import Place, WantedRegion
from svc_contracts.events.base import LINES_MAX, Quantity, Sku
from svc_contracts.money import Currency
from svc_kit.access import Principal, scope
from svc_kit.doors import Body, Router, Rt, Who, Write
from svc_kit.idempotency import KEPT_HOURS_MONEY, key_required
from svc_kit.problems import problem_of
from svc_kit.refusals import Fault, NotFound, Refusal, ValidationFailed, refuses

router = Router(tags=["channel orders"])
ITEMS_MAX = 200

ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=128)]
ChannelName = Annotated[str, Path(max_length=64)]


class Amount(Body):
    amount_minor: Annotated[int, Field(ge=0, le=10**15)]
    currency: Currency


class ChannelLine(Body):
    sku: Sku
    quantity: Quantity
    gross: Amount
    discount: Amount
    net: Amount


class ChannelAddress(Body):
    name: Name
    phone: Phone
    country: Place
    province: Place
    city: Place
    district: Place | None = None
    street: Street | None = None
    postcode: Postcode | None = None


class ChannelOrder(Body):
    """Amounts and times as the channel has them. `paid_at`: when the channel was paid."""

    shop: str
    buyer_ref: Ref
    placed_at: AwareDatetime
    paid_at: AwareDatetime | None = None
    region: WantedRegion
    lines: Annotated[list[ChannelLine], Field(min_length=1, max_length=LINES_MAX)]
    delivery_fee: Amount
    total: Amount
    address: ChannelAddress | None = None


class BulkItem(ChannelOrder):
    external_id: ExternalId


class Bulk(Body):
    channel: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    items: Annotated[list[BulkItem], Field(min_length=1, max_length=ITEMS_MAX)]


class BulkResult(BaseModel):
    external_id: str
    http_status: int
    order_id: str | None = None
    problem: dict[str, Any] | None = None


class BulkResults(BaseModel):
    results: list[BulkResult]


Prepared = list[tuple[str, "ImportOrder | Refusal"]]
Offers = Mapping[str, Mapping[str, Offer]]  # by shop and sku


class TotalsMismatch(Refusal):
    slug, status = "totals-mismatch", 422
    title = {"en": "The amounts do not add up", "zh": "金额合计不一致"}


async def _prepared(channel: ChannelName, external_id: ExternalId, body: ChannelOrder, rt: Rt, who: Who) -> Prepared:
    """Before the transaction: what the copies say is read over a connection of its own."""
    offers = await _offers(rt, [body])
    return [(external_id, await _item(rt, who, channel, external_id, body, offers))]


async def _all_prepared(body: Bulk, rt: Rt, who: Who) -> Prepared:
    offers = await _offers(rt, body.items)
    return [(one.external_id, await _item(rt, who, body.channel, one.external_id, one, offers)) for one in body.items]


async def _offers(rt: Rt, items: Sequence[ChannelOrder]) -> Offers:
    """Of each shop all at once: two hundred orders of goods nobody asked for before are one question."""
    wanted: dict[str, set[str]] = {}
    for one in items:
        wanted.setdefault(one.shop, set()).update(line.sku for line in one.lines)
    return {shop: await desk_of(rt.db).offers(rt.db, shop, skus) for shop, skus in wanted.items()}


@router.put(
    "/v1/admin/channel-orders/{channel}/{external_id}",
    dependencies=[scope("orders:import")],
    responses={
        201: {"model": BriefView, "description": "imported now"},
        **refuses(ChannelOrderChanged, TotalsMismatch, ValidationFailed, NotFound),
    },
)
async def put_order(prepared: Annotated[Any, Depends(_prepared)], tx: Write, response: Response) -> BriefView:
    """The same content again answers the same order with 200."""
    [(_, item)] = prepared
    if isinstance(item, Refusal):
        raise item
    [outcome] = await import_orders(tx, [item])
    if isinstance(outcome, Refusal):
        raise outcome
    order = await orders.order(tx.con, outcome.order_id)
    assert order is not None
    response.status_code = 201 if outcome.is_new else 200
    response.headers["Location"] = f"/v1/admin/orders/{order.id}"
    return BriefView(**brief(order, by_staff=True))


@router.post(
    "/v1/admin/channel-orders/bulk",
    dependencies=[scope("orders:import"), key_required(kept_hours=KEPT_HOURS_MONEY)],
    responses=refuses(ValidationFailed),
)
async def put_orders(prepared: Annotated[Any, Depends(_all_prepared)], tx: Write) -> BulkResults:
    """Each is imported or refused by itself; all that are good within one transaction."""
    good = [item for _, item in prepared if isinstance(item, ImportOrder)]
    outcomes = iter(await import_orders(tx, good)) if good else iter(())
    results = [
        _result(external_id, item if isinstance(item, Refusal) else next(outcomes)) for external_id, item in prepared
    ]
    return BulkResults(results=results)


def _result(external_id: str, outcome: Imported | Refusal) -> BulkResult:
    if isinstance(outcome, Refusal):
        return BulkResult(external_id=external_id, http_status=outcome.status, problem=problem_of(outcome))
    return BulkResult(external_id=external_id, http_status=201 if outcome.is_new else 200, order_id=outcome.order_id)


async def _item(
    rt: Rt, who: Principal, channel: str, external_id: str, body: ChannelOrder, offers: Offers
) -> ImportOrder | Refusal:
    """The order as the command takes it, or why not: every fault at once."""
    facts = await desk_of(rt.db).shop(rt.db, body.shop) if who.may_in(body.shop) else None
    if faults := [*_shop_faults(facts, channel), *_currency_faults(body, facts)]:
        return ValidationFailed(faults)
    assert facts is not None
    if faults := _total_faults(body):
        return TotalsMismatch(faults)
    address = _address(body)
    return ImportOrder(
        order_id=rt.ids.new("ord"),
        channel=channel,
        external_id=external_id,
        fingerprint=_fingerprint(body),
        shop=body.shop,
        currency=facts.shop.currency,
        buyer_ref=body.buyer_ref,
        placed_at=body.placed_at,
        paid_at=body.paid_at,
        region=body.region.model_dump(),
        lines=tuple(_line(n, line, offers[body.shop]) for n, line in enumerate(body.lines, start=1)),
        delivery_fee_minor=body.delivery_fee.amount_minor,
        total_minor=body.total.amount_minor,
        unpaid_expiry_seconds=facts.shop.unpaid_expiry_seconds,
        sealed=seal(rt.ids, rt.settings.vault_key, address),
        address_missing=address.missing,
    )


def _shop_faults(facts: ShopFacts | None, channel: str) -> list[Fault]:
    if facts is None:
        return [Fault("/shop", "unknown-shop", "There is no such shop", "店铺不存在")]
    if facts.shop.channel != channel:
        en, zh = f"This shop is on the channel {facts.shop.channel}", f"该店铺属于渠道 {facts.shop.channel}"
        return [Fault("/shop", "other-channel", en, zh, channel=facts.shop.channel)]
    return []


def _currency_faults(body: ChannelOrder, facts: ShopFacts | None) -> list[Fault]:
    if facts is None:
        return []
    amounts = {"/delivery_fee": body.delivery_fee, "/total": body.total}
    for n, line in enumerate(body.lines):
        amounts |= {f"/lines/{n}/gross": line.gross, f"/lines/{n}/discount": line.discount, f"/lines/{n}/net": line.net}
    en, zh = f"The shop's currency is {facts.shop.currency}", f"店铺币种为 {facts.shop.currency}"
    return [
        Fault(f"{pointer}/currency", "other-currency", en, zh)
        for pointer, amount in amounts.items()
        if amount.currency != facts.shop.currency
    ]


def _total_faults(body: ChannelOrder) -> list[Fault]:
    faults = []
    for n, line in enumerate(body.lines):
        expected = line.gross.amount_minor - line.discount.amount_minor
        if line.net.amount_minor != expected:
            en, zh = f"Gross less discount is {expected}", f"应为 {expected}"
            faults.append(Fault(f"/lines/{n}/net", "does-not-add-up", en, zh, expected_minor=expected))
    total = sum(line.net.amount_minor for line in body.lines) + body.delivery_fee.amount_minor
    if body.total.amount_minor != total:
        en, zh = f"The lines and the delivery fee make {total}", f"合计应为 {total}"
        faults.append(Fault("/total", "does-not-add-up", en, zh, expected_minor=total))
    return faults


def _address(body: ChannelOrder) -> Address:
    if body.address is None:
        return Address(name="", phone="", **body.region.model_dump())
    return Address(**body.address.model_dump())


def _line(n: int, line: ChannelLine, offers: Mapping[str, Offer]) -> Line:
    offer = offers.get(line.sku)
    return Line(
        line_id=f"l{n}",
        sku=line.sku,
        product_id=offer.product_id if offer else None,
        title=offer.title if offer else {"en": line.sku},
        quantity=line.quantity,
        gross_minor=line.gross.amount_minor,
        discount_minor=line.discount.amount_minor,
        components=tuple(offer.sku.components) if offer else (),
        image=offer.image if offer else None,
    )


def _fingerprint(body: ChannelOrder) -> str:
    """Of what the channel says of the order; the name it goes by is not part of it."""
    content = body.model_dump(mode="json", exclude={"external_id"})
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
