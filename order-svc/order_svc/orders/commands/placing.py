"""Placing orders: many per transaction, a handful of statements in all, nobody else is asked."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from order_svc.addresses import commands as addresses
from order_svc.buyers import Buyer
from order_svc.carts import commands as carts
from order_svc.orders import events
from order_svc.orders.refusals import QuoteExpired, TooManyUnpaidOrders, TotalChanged
from order_svc.orders.rules.order import Entry, Order
from order_svc.orders.rules.placing import UNPAID_ORDERS_MAX, NewOrder, bundles_of
from order_svc.orders.rules.saga import UNDECIDED_AFTER
from order_svc.orders.rules.states import BenefitState
from order_svc.orders.store import details
from order_svc.orders.store import orders as store
from order_svc.quotes import commands as quotes
from order_svc.quotes.rules import Quote
from order_svc.quotes.views import quote_view
from svc_contracts.ids import base32
from svc_kit import timers
from svc_kit.batches import Batched
from svc_kit.refusals import Fault, NotFound, Refusal, ValidationFailed
from svc_kit.timers import Due
from svc_kit.transaction import Origin, Tx

REGION = ("country", "province", "city", "district")


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Either `quote_id`, or of "buy now" the unsaved `quote` or its `refusal`. The address was sealed before."""

    order_id: str
    shop: str
    buyer: Buyer
    session_id: str | None
    expected_total_minor: int
    expected_currency: str
    sealed: tuple[str, bytes] = field(repr=False)
    address_missing: tuple[str, ...]
    region: Mapping[str, Any]
    payment_method: str
    unpaid_expiry_seconds: int
    remark: str | None = field(default=None, repr=False)
    quote_id: str | None = None
    quote: Quote | None = None
    refusal: Refusal | None = None  # why there is no quote now; a repeated request finds its order all the same

    @property
    def person_id(self) -> str:
        return self.buyer.person_id or person_of_guest(str(self.buyer.visitor_key))


@dataclass(frozen=True, slots=True)
class Placed:
    """`new` is None where the same quote had been placed before: that order answers."""

    order_id: str
    new: NewOrder | None = None


def person_of_guest(visitor_key: str) -> str:
    """The same for the same visitor, so that a guest who comes again is counted once."""
    return f"per_{base32(UUID(bytes=hashlib.sha256(f'guest {visitor_key}'.encode()).digest()[:16]))}"


async def place_orders(tx: Tx, items: Sequence[PlaceOrder]) -> list[Placed | Refusal]:
    """Locks quotes by id, then carts by id. Emits order.placed; the deadline T1 stands for each."""
    known = await quotes.lock_quotes(tx, sorted({item.quote_id for item in items if item.quote_id}))
    gone = await quotes.taken_off(tx, [quote for quote in known.values() if quote.order_id is None])
    unpaid = await store.unpaid_counts(tx.con, {item.person_id for item in items})
    outcomes: list[Placed | Refusal] = []
    chosen: list[tuple[int, PlaceOrder, Quote]] = []
    taken: dict[str, str] = {}
    for n, item in enumerate(items):
        quote = item.quote if item.quote_id is None else known.get(item.quote_id)
        refusal = item.refusal or gone.get(item.quote_id or "")
        outcome = _verdict(tx.now, item, quote, taken, unpaid, refusal)
        outcomes.append(outcome)
        if isinstance(outcome, Placed) and outcome.order_id == item.order_id and quote is not None:
            chosen.append((n, item, quote))
            unpaid[item.person_id] = unpaid.get(item.person_id, 0) + 1
            if item.quote_id:
                taken[item.quote_id] = item.order_id
    if chosen:
        numbers = await store.numbers(tx.con, len(chosen))
        made = [
            _new_order(item, quote, number, tx.now) for (_, item, quote), number in zip(chosen, numbers, strict=True)
        ]
        await _write(tx, chosen, made)
        for (n, item, _), new in zip(chosen, made, strict=True):
            outcomes[n] = Placed(item.order_id, new)
    return outcomes


PLACE = Batched(name="place_orders", command=place_orders, resource_id=lambda placed: placed.order_id)


def _verdict(
    now: datetime,
    item: PlaceOrder,
    quote: Quote | None,
    taken: Mapping[str, str],
    unpaid: Mapping[str, int],
    refusal: Refusal | None,
) -> Placed | Refusal:
    if quote is None and item.quote_id is None and refusal is not None:
        return refusal
    if quote is None or quote.shop != item.shop or not quote.is_of(item.buyer):
        return NotFound()
    if before := quote.order_id or taken.get(item.quote_id or ""):
        return Placed(before)
    if refusal is not None:
        return refusal
    if quote.is_expired(now):
        return QuoteExpired(expired_at=quote.expires_at.isoformat())
    if (quote.total_minor, quote.currency) != (item.expected_total_minor, item.expected_currency):
        return TotalChanged(quote=quote_view(quote).model_dump(mode="json"))
    if elsewhere := [name for name in REGION if item.region.get(name) != quote.region.get(name)]:
        en, zh = "The parcel would go elsewhere than the quote says", "收货地区与报价不一致"
        return ValidationFailed([Fault(f"/address/{name}", "region-differs", en, zh) for name in elsewhere])
    if unpaid.get(item.person_id, 0) >= UNPAID_ORDERS_MAX:
        return TooManyUnpaidOrders(limit=UNPAID_ORDERS_MAX)
    return Placed(item.order_id)


def _new_order(item: PlaceOrder, quote: Quote, number: int, now: datetime) -> NewOrder:
    order = Order(
        id=item.order_id,
        number=number,
        shop=quote.shop,
        channel=quote.channel,
        external_id=None,
        person_id=item.person_id,
        visitor_id=item.buyer.visitor_key,
        session_id=item.session_id,
        cart_id=quote.cart_id,
        currency=quote.currency,
        gross_minor=quote.gross_minor,
        discount_minor=quote.discount_minor,
        delivery_fee_minor=quote.delivery_fee_minor,
        total_minor=quote.total_minor,
        payment_method=item.payment_method,
        region=dict(quote.region),
        benefits=list(quote.benefits),
        bundles=bundles_of(quote.lines),
        units=sum(line.quantity for line in quote.lines),
        address_ref=item.sealed[0],
        address_missing=item.address_missing,
        unpaid_expiry_seconds=item.unpaid_expiry_seconds,
        placed_at=now,
        received_at=now,
        benefit_state=BenefitState.ASKED if quote.benefits else BenefitState.NONE,
        event_seq=1,
    )
    return NewOrder(order, quote.lines, quote_id=quote.id, delivery_method=quote.delivery_method, remark=item.remark)


async def _write(tx: Tx, chosen: Sequence[tuple[int, PlaceOrder, Quote]], made: Sequence[NewOrder]) -> None:
    await addresses.keep(tx, [item.sealed for _, item, _ in chosen])
    await store.insert(tx.con, made)
    await write_new(tx, made, origins=[tx.origins[n] for n, _, _ in chosen])
    await quotes.mark_placed(tx, [(new.quote_id, new.order.id) for new in made if new.quote_id])
    await carts.convert(tx, sorted({new.order.cart_id for new in made if new.order.cart_id}))


async def write_new(tx: Tx, made: Sequence[NewOrder], *, origins: Sequence[Origin | None]) -> None:
    """What hangs on orders whose rows were just inserted. `origins`: who asked for each, behind a batched door."""
    await details.insert_lines(tx.con, made)
    actors = [origin.actor if origin else tx.actor for origin in origins]
    entries = [(new.order.id, Entry("placed", {})) for new in made]
    await details.insert_timeline(tx.con, entries, actors=actors, at=tx.now)
    await timers.schedule(tx, [Due(new.order.id, "undecided", tx.now + UNDECIDED_AFTER) for new in made])
    for new, origin in zip(made, origins, strict=True):
        event = events.placed(new.order, new.lines)
        tx.emit(event, seq=new.order.event_seq, benefits=new.order.has_benefits, by=origin)
