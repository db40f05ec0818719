"""Reading carts, and seeing what they are worth now."""

from collections.abc import Collection
from dataclasses import replace

import asyncpg

from order_svc.buyers import Buyer
from order_svc.carts import store
from order_svc.carts.rules import Cart, Problem, Seen, Sight, possible, recalculate
from order_svc.copies import queries as copies
from order_svc.copies.desk import desk_of
from order_svc.delivery.rules import fee_of
from order_svc.quotes.benefits import ask_benefits
from order_svc.quotes.rules import Asked, price_lines
from svc_kit.assembly import Runtime
from svc_kit.refusals import IllegalTransition, NotFound


async def cart(con: asyncpg.Connection, shop: str, cart_id: str, buyer: Buyer) -> Cart:
    """Raises NotFound, also where it is somebody else's."""
    return require(await store.by_id(con, cart_id), shop, buyer)


async def active_cart(con: asyncpg.Connection, shop: str, cart_id: str, buyer: Buyer) -> Cart:
    """Raises NotFound, IllegalTransition."""
    return require_active(await cart(con, shop, cart_id, buyer))


def require(found: Cart | None, shop: str, buyer: Buyer) -> Cart:
    """Raises NotFound."""
    is_theirs = found is not None and buyer.owns(person_id=found.person_id, visitor_key=found.visitor_key)
    if found is None or found.shop != shop or not is_theirs:
        raise NotFound()
    return found


def require_active(found: Cart) -> Cart:
    """Raises IllegalTransition."""
    if found.state != "active":
        raise IllegalTransition(state=found.state, possible=possible(found.state), merged_into=found.merged_into)
    return found


async def look(rt: Runtime, shop: str, skus: Collection[str]) -> Sight:
    """What the copies say. No connection may be held meanwhile: this one takes its own.

    Raises NotFound where there is no such shop.
    """
    desk = desk_of(rt.db)
    facts = await desk.shop(rt.db, shop)
    if facts is None:
        raise NotFound()
    offers = await desk.offers(rt.db, shop, skus)
    parts = {sku for offer in offers.values() for sku in offer.parts}
    units: dict[str, int] = {}
    if parts:
        async with rt.db.read() as con:
            units = await copies.available(con, parts, channel=facts.shop.channel)
    return Sight(facts.shop, offers, units, rt.clock.now())


async def look_to_change(rt: Runtime, shop: str, skus: Collection[str]) -> Sight:
    """Raises NotFound where there is no such shop open."""
    sight = await look(rt, shop, skus)
    if sight.shop.state != "open":
        raise NotFound()
    return sight


async def seen(rt: Runtime, cart: Cart) -> Seen:
    """Recalculated from the copies; a coupon is tried at marketing-svc. No transaction may be open.

    Raises NotFound where the shop is not known any more.
    """
    sight = await look(rt, cart.shop, {line.sku for line in cart.lines})
    found = recalculate(cart, sight)
    if cart.coupon_code is not None and (why := await _coupon_why(rt, sight, found)):
        found = replace(found, problems=(*found.problems, Problem("coupon_invalid", why=why)))
    return found


async def _coupon_why(rt: Runtime, sight: Sight, found: Seen) -> str | None:
    """Why the coupon takes nothing off now; None where it does, or where nobody knows."""
    asked = [Asked(line.sku, line.quantity) for line in found.lines if line.unit_minor is not None]
    lines, _ = price_lines(asked, sight.offers, sight.shop, at=sight.at)
    if not lines or sight.shop.state != "open":
        return None
    methods = sight.shop.delivery_methods
    fee = fee_of(sight.shop, methods[0].id, found.subtotal_minor) if methods else 0
    granted = await ask_benefits(
        rt,
        sight.shop,
        lines,
        person_id=found.cart.person_id,
        coupon_code=found.cart.coupon_code,
        delivery_fee_minor=fee or 0,
    )
    return granted.coupon_why if granted else None
