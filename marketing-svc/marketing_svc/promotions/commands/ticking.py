"""The clock of a shop: windows begin and end, and the prices on the pages follow. One timer per shop."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from marketing_svc.copies import queries as copies
from marketing_svc.copies.rules import Offer, best
from marketing_svc.promotions import store
from marketing_svc.promotions.events import changed, prices_changed
from marketing_svc.promotions.rules.engine import Line
from marketing_svc.promotions.rules.pricing import Prices, changes, next_turn, shown_prices
from marketing_svc.promotions.rules.promotion import Promotion, State, state_at, turns
from svc_kit import timers
from svc_kit.timers import Due
from svc_kit.transaction import Tx

TICK = "promotion-clock"


async def wake(tx: Tx, shops: Collection[str]) -> None:
    """Let the clocks of these shops look at once. Their rows are locked by the caller, or locked here."""
    locked = await store.lock_shops(tx.con, shops) if shops else set()
    await timers.schedule(tx, [Due(shop, TICK, tx.now) for shop in sorted(locked)])


async def tick(tx: Tx, shops: Sequence[str]) -> None:
    """The timer: what the clock changes, then the prices, then when to look again. The shops are locked.

    Locks: promotions by id. Effects: promotion.changed, promotion.price_changed.
    """
    for shop in shops:
        promotions = await _move(tx, await store.lock_moving(tx.con, shop))
        offers = await _reprice(tx, shop, promotions)
        moments = [moment for one in promotions for moment in turns(one)]
        moments += [moment for offer in offers for moment in offer.turns()]
        if (due := next_turn(moments, after=tx.now)) is not None:
            await timers.schedule(tx, [Due(shop, TICK, due)])


async def _move(tx: Tx, promotions: Sequence[Promotion]) -> list[Promotion]:
    """Windows begin and end."""
    after = [_moved(one, tx.now) for one in promotions]
    if moved := [new for new, old in zip(after, promotions, strict=True) if new is not old]:
        await store.update(tx.con, moved)
        for one in moved:
            tx.emit(changed(one), seq=one.event_seq)
    return after


def _moved(promotion: Promotion, now: datetime) -> Promotion:
    state = state_at(promotion, now)
    if state is promotion.state:
        return promotion
    # By the clock it ends when its window does, however late the timer is.
    ended_at = promotion.until if state is State.ENDED else None
    version, seq = promotion.version + 1, promotion.event_seq + 1
    return replace(promotion, state=state, ended_at=ended_at, version=version, event_seq=seq)


async def _reprice(tx: Tx, shop: str, promotions: Sequence[Promotion]) -> list[Offer]:
    """Announce what differs from the last word; returns the offers that prices were made of."""
    shown = [one for one in promotions if one.is_shown and one.is_on(tx.now) and not one.exhausted]
    known = await store.prices(tx.con, shop)
    offers = await copies.live_offers(tx.con, shop) if shown else []
    prices = await _prices(tx, shop, shown, offers) if shown else {}
    found = changes(known, prices)
    if not found:
        return offers
    seqs = {one.id: one for one in promotions}
    spoken = []
    for promotion_id, skus in found.items():
        promotion = seqs[promotion_id]
        for event in prices_changed(promotion, skus):
            promotion = replace(promotion, event_seq=promotion.event_seq + 1)
            tx.emit(event, seq=promotion.event_seq)
        spoken.append(promotion)
    await store.update(tx.con, spoken)
    await store.write_prices(tx.con, shop, found)
    return offers


async def _prices(tx: Tx, shop: str, shown: Sequence[Promotion], offers: Sequence[Offer]) -> Prices:
    facts = await copies.shop(tx.con, shop)
    if facts is None:
        return {}
    units = [
        Line(offer.sku, offer.sku, offer.product_id, offer.category_path, offer.brand, 1, price)
        for offer in best(offers, tx.now).values()
        if offer.is_open(tx.now) and (price := offer.price_minor(facts, tx.now)) is not None
    ]
    return shown_prices(shown, units)
