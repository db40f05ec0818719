"""Making quotes, and what placing does with them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from order_svc.carts import queries as carts
from order_svc.copies import queries as copies
from order_svc.copies.desk import desk_of
from order_svc.delivery.rules import fee_of
from order_svc.quotes import store
from order_svc.quotes.benefits import ask_benefits
from order_svc.quotes.refusals import CouponExhausted, CouponInvalid, NotPurchasable, coupon_refused, not_purchasable
from order_svc.quotes.rules import (
    AMOUNT_MINOR_MAX,
    Asked,
    Asking,
    Granted,
    Quote,
    gross_of,
    price_lines,
    quote_of,
    withdrawn,
)
from svc_contracts.events.catalog import ShopChanged
from svc_kit.assembly import Runtime
from svc_kit.batches import Batched
from svc_kit.refusals import Fault, NotFound, Refusal, ValidationFailed
from svc_kit.transaction import Tx

__all__ = [
    "KEEP",
    "CouponExhausted",
    "CouponInvalid",
    "NotPurchasable",
    "lock_quotes",
    "make_quote",
    "mark_placed",
    "taken_off",
    "unsaved_quote",
]


async def make_quote(rt: Runtime, asking: Asking) -> Quote:
    """A stored quote. Raises NotFound, IllegalTransition (of the cart), and what unsaved_quote raises."""
    if asking.cart_id is not None:
        asking = await _with_the_carts_lines(rt, asking, asking.cart_id)
    quote = await _quote(rt, asking, rt.ids.new("quo"))
    await rt.batch(KEEP).submit(quote)
    return quote


async def keep_quotes(tx: Tx, quotes: Sequence[Quote]) -> Sequence[Quote | Refusal]:
    await store.insert(tx.con, quotes, tx.now)
    return quotes


KEEP = Batched(name="keep_quotes", command=keep_quotes)


async def unsaved_quote(rt: Runtime, asking: Asking) -> Quote:
    """For "buy now": reads nothing while the copies stay as they are, asks nobody where nothing is taken off.

    Raises NotFound (no such shop open), NotPurchasable, CouponInvalid, CouponExhausted, ValidationFailed.
    """
    return await _quote(rt, asking, None)


async def taken_off(tx: Tx, quotes: Iterable[Quote]) -> dict[str, NotPurchasable]:
    """A quote binds until it expires, unless what it names was taken off the shelf meanwhile: {id: such lines}.

    Over the transaction's own connection: to wait for another one while holding locks could be for ever.
    """
    asked = list(quotes)
    offers = await copies.offers(tx.con, {(one.shop, line.sku) for one in asked for line in one.lines}, at=tx.now)
    found: dict[str, NotPurchasable] = {}
    for quote in asked:
        of_shop = {sku: offer for (shop, sku), offer in offers.items() if shop == quote.shop}
        if bad := withdrawn(quote, of_shop):
            found[str(quote.id)] = not_purchasable(bad, pointer="/quote_id")
    return found


async def lock_quotes(tx: Tx, quote_ids: Sequence[str]) -> dict[str, Quote]:
    """Locked in order of ids; unknown ones are absent."""
    return {str(quote.id): quote for quote in await store.lock(tx.con, quote_ids)} if quote_ids else {}


async def mark_placed(tx: Tx, placed: Sequence[tuple[str, str]]) -> None:
    """Of (quote, order): who checks out the same quote again finds the order. The quotes are locked."""
    if placed:
        await store.set_orders(tx.con, placed)


async def _quote(rt: Runtime, asking: Asking, quote_id: str | None) -> Quote:
    desk, at = desk_of(rt.db), rt.clock.now()
    facts = await desk.shop(rt.db, asking.shop)
    if facts is None or not facts.is_open:
        raise NotFound()
    shop = facts.shop
    offers = await desk.offers(rt.db, shop.shop, {one.sku for one in asking.lines})
    lines, bad = price_lines(asking.lines, offers, shop, at=at)
    if bad:
        raise not_purchasable(bad, pointer="/cart_id" if asking.cart_id else "/lines/{n}")
    gross = gross_of(lines)
    fee = _fee(shop, asking, gross)
    granted: Granted | None = Granted()
    if asking.coupon_code is not None or facts.promotes:
        granted = await ask_benefits(
            rt,
            shop,
            lines,
            person_id=asking.buyer.person_id,
            coupon_code=asking.coupon_code,
            delivery_fee_minor=fee,
        )
        if granted is not None and granted.coupon_why is not None and asking.coupon_code is not None:
            raise coupon_refused(asking.coupon_code, granted.coupon_why, pointer="/coupon_code")
    return quote_of(asking, shop, lines, quote_id=quote_id, delivery_fee_minor=fee, granted=granted, at=at)


def _fee(shop: ShopChanged, asking: Asking, gross_minor: int) -> int:
    """Raises ValidationFailed for a method that the shop does not have, and for more than anything may cost."""
    faults = []
    fee = fee_of(shop, asking.delivery_method, gross_minor)
    if fee is None:
        possible = [method.id for method in shop.delivery_methods]
        en, zh = "This shop does not deliver that way", "本店不支持该配送方式"
        faults.append(Fault("/delivery_method", "unknown-delivery-method", en, zh, possible=possible))
    if gross_minor + (fee or 0) > AMOUNT_MINOR_MAX:
        pointer = "/cart_id" if asking.cart_id else "/lines"
        faults.append(Fault(pointer, "amount-too-large", "That is more than can be counted", "金额超出上限"))
    if faults or fee is None:
        raise ValidationFailed(faults)
    return fee


async def _with_the_carts_lines(rt: Runtime, asking: Asking, cart_id: str) -> Asking:
    async with rt.db.read() as con:
        cart = await carts.active_cart(con, asking.shop, cart_id, asking.buyer)
    if not cart.lines:
        raise ValidationFailed([Fault("/cart_id", "cart-empty", "There is nothing in this cart", "购物车是空的")])
    lines = tuple(Asked(line.sku, line.quantity) for line in cart.lines)
    return replace(asking, lines=lines, coupon_code=asking.coupon_code or cart.coupon_code)
