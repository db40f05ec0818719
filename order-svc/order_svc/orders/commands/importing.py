"""Orders of other channels: many per transaction, each exactly once, never refused for want of stock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from order_svc.addresses import commands as addresses
from order_svc.channels.commands import persons_of
from order_svc.orders.commands.placing import write_new
from order_svc.orders.rules.order import CHANNEL, Order
from order_svc.orders.rules.placing import Line, NewOrder, bundles_of
from order_svc.orders.store import orders as store
from svc_kit.refusals import Refusal
from svc_kit.transaction import Tx


class ChannelOrderChanged(Refusal):
    """`order_id`: what was imported under this name before."""

    slug, status = "channel-order-changed", 409
    title = {"en": "This order was imported before, with other content", "zh": "该订单已导入且内容不同"}


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """Amounts and times are the channel's own. `fingerprint`: of all that it sent."""

    order_id: str
    channel: str
    external_id: str
    fingerprint: str
    shop: str
    currency: str
    buyer_ref: str
    placed_at: datetime
    paid_at: datetime | None
    region: Mapping[str, Any]
    lines: tuple[Line, ...]
    delivery_fee_minor: int
    total_minor: int
    unpaid_expiry_seconds: int
    sealed: tuple[str, bytes] = field(repr=False)
    address_missing: tuple[str, ...] = ()

    @property
    def name(self) -> tuple[str, str]:
        return self.channel, self.external_id


@dataclass(frozen=True, slots=True)
class Imported:
    order_id: str
    is_new: bool


async def import_orders(tx: Tx, items: Sequence[ImportOrder]) -> list[Imported | Refusal]:
    """Emits order.placed for each new one. Of the same name twice in one batch the first counts."""
    known = await store.by_external(tx.con, {item.name for item in items})
    first: dict[tuple[str, str], ImportOrder] = {}
    for item in items:
        if item.name not in known:
            first.setdefault(item.name, item)
    written = await _write(tx, list(first.values())) if first else set()
    if raced := [name for name, item in first.items() if item.order_id not in written]:
        known |= await store.by_external(tx.con, raced)
    known |= {name: (item.order_id, item.fingerprint) for name, item in first.items() if item.order_id in written}
    return [_outcome(item, *known[item.name], is_new=item.order_id in written) for item in items]


def _outcome(item: ImportOrder, order_id: str, fingerprint: str | None, *, is_new: bool) -> Imported | Refusal:
    if fingerprint != item.fingerprint:
        return ChannelOrderChanged(order_id=order_id)
    return Imported(order_id, is_new)


async def _write(tx: Tx, items: Sequence[ImportOrder]) -> set[str]:
    persons = await persons_of(tx, {(item.channel, item.buyer_ref) for item in items})
    numbers = await store.numbers(tx.con, len(items))
    made = [
        _new_order(item, persons[item.channel, item.buyer_ref], number, tx.now)
        for item, number in zip(items, numbers, strict=True)
    ]
    written = await store.insert(tx.con, made)
    fresh = [new for new in made if new.order.id in written]
    await addresses.keep(tx, [item.sealed for item in items if item.order_id in written])
    if fresh:
        await write_new(tx, fresh, origins=[None] * len(fresh))
    return written


def _new_order(item: ImportOrder, person_id: str, number: int, now: datetime) -> NewOrder:
    gross = sum(line.gross_minor for line in item.lines)
    order = Order(
        id=item.order_id,
        number=number,
        shop=item.shop,
        channel=item.channel,
        external_id=item.external_id,
        person_id=person_id,
        visitor_id=None,
        session_id=None,
        cart_id=None,
        currency=item.currency,
        gross_minor=gross,
        discount_minor=gross - sum(line.net_minor for line in item.lines),
        delivery_fee_minor=item.delivery_fee_minor,
        total_minor=item.total_minor,
        payment_method=CHANNEL,
        region=dict(item.region),
        benefits=[],
        bundles=bundles_of(item.lines),
        units=sum(line.quantity for line in item.lines),
        address_ref=item.sealed[0],
        address_missing=item.address_missing,
        unpaid_expiry_seconds=item.unpaid_expiry_seconds,
        placed_at=item.placed_at,
        received_at=now,
        prepaid_at=item.paid_at,
        event_seq=1,
    )
    return NewOrder(order, item.lines, fingerprint=item.fingerprint)
