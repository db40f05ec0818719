"""Filling carts, taking them over, and turning them into orders."""

from collections.abc import Sequence
from dataclasses import replace

from order_svc.buyers import Buyer
from order_svc.carts import store
from order_svc.carts.queries import require, require_active
from order_svc.carts.rules import QUANTITY_MAX, Cart, CartLine, merged
from svc_contracts.events.base import LINES_MAX
from svc_kit.refusals import Fault, NotFound, ValidationFailed
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


async def open_cart(tx: Tx, shop: str, buyer: Buyer, lines: Sequence[CartLine]) -> Cart:
    """`lines`: one per sku. Raises ValidationFailed."""
    faults = [
        Fault("/lines", "less-than-equal", f"At most {QUANTITY_MAX} of one", f"每种最多 {QUANTITY_MAX}", sku=line.sku)
        for line in lines
        if line.quantity > QUANTITY_MAX
    ]
    if faults:
        raise ValidationFailed(faults)
    cart = Cart(
        id=tx.ids.new("crt"),
        shop=shop,
        person_id=buyer.person_id,
        visitor_key=None if buyer.person_id else buyer.visitor_key,
        coupon_code=None,
        state="active",
        merged_into=None,
        created_at=tx.now,
        changed_at=tx.now,
        version=1,
        lines=tuple(lines),
    )
    await store.insert(tx.con, cart)
    return cart


async def put_line(
    tx: Tx, shop: str, cart_id: str, buyer: Buyer, line: CartLine, *, version: int | None = None
) -> Cart:
    """Raises NotFound, IllegalTransition, StaleVersion, ValidationFailed (too many lines)."""
    cart = await _lock(tx, shop, cart_id, buyer, version=version)
    is_new = cart.line(line.sku) is None
    if is_new and len(cart.lines) >= LINES_MAX:
        en, zh = f"A cart holds at most {LINES_MAX} lines", f"购物车最多 {LINES_MAX} 行"
        raise ValidationFailed([Fault("", "too-many-lines", en, zh, limit=LINES_MAX)])
    await store.put_lines(tx.con, cart.id, [line])
    kept = tuple(line if one.sku == line.sku else one for one in cart.lines)
    return await _changed(tx, replace(cart, lines=(*kept, line) if is_new else kept))


async def remove_line(tx: Tx, shop: str, cart_id: str, buyer: Buyer, sku: str, *, version: int | None = None) -> Cart:
    """Raises NotFound (also for a line that is not there), IllegalTransition, StaleVersion."""
    cart = await _lock(tx, shop, cart_id, buyer, version=version)
    if cart.line(sku) is None:
        raise NotFound()
    await store.remove_line(tx.con, cart.id, sku)
    return await _changed(tx, replace(cart, lines=tuple(line for line in cart.lines if line.sku != sku)))


async def set_coupon(
    tx: Tx, shop: str, cart_id: str, buyer: Buyer, code: str | None, *, version: int | None = None
) -> Cart:
    """None takes it off. Raises NotFound, IllegalTransition, StaleVersion."""
    cart = await _lock(tx, shop, cart_id, buyer, version=version)
    return await _changed(tx, replace(cart, coupon_code=code))


async def claim(tx: Tx, shop: str, cart_id: str, buyer: Buyer) -> Cart:
    """The guest's cart becomes the member's: merged into the own active one where there is one. Asked again, the
    same cart answers.

    Raises NotFound, IllegalTransition.
    """
    assert buyer.person_id is not None
    own_id = await store.active_of(tx.con, shop, buyer.person_id)
    locked = {cart.id: cart for cart in await store.lock(tx.con, [cart_id, *([own_id] if own_id else [])])}
    cart = require(locked.get(cart_id), shop, buyer)
    if cart.person_id is not None:
        return await _where_it_went(tx, cart)
    require_active(cart)
    own = locked.get(own_id) if own_id else None
    if own is None or own.state != "active":
        return await _changed(tx, replace(cart, person_id=buyer.person_id, visitor_key=None))
    lines = merged(own, cart)
    await store.put_lines(tx.con, own.id, lines)
    gone = replace(cart, person_id=buyer.person_id, visitor_key=None, state="expired", merged_into=own.id)
    await _changed(tx, gone)
    return await _changed(tx, replace(own, lines=lines, coupon_code=own.coupon_code or cart.coupon_code))


async def convert(tx: Tx, cart_ids: Sequence[str]) -> None:
    """An order came of each; one that is over already stays as it is. Effects: locks them in order of ids."""
    if cart_ids:
        await store.lock_ids(tx.con, cart_ids)
        await store.convert(tx.con, cart_ids, tx.now)


async def _where_it_went(tx: Tx, cart: Cart) -> Cart:
    if cart.merged_into is None:
        return cart
    found = await store.by_id(tx.con, cart.merged_into)
    if found is None:
        raise NotFound()
    return found


async def _lock(tx: Tx, shop: str, cart_id: str, buyer: Buyer, *, version: int | None) -> Cart:
    found = await store.lock(tx.con, [cart_id])
    cart = require_active(require(found[0] if found else None, shop, buyer))
    require_version(cart.version, version)
    return cart


async def _changed(tx: Tx, cart: Cart) -> Cart:
    cart = replace(cart, changed_at=tx.now, version=cart.version + 1)
    await store.update(tx.con, cart)
    return cart
