"""Routes of carts. What is wrong with a line is data, not a refusal: the buyer sees it before the order."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query, Response
from pydantic import BaseModel, Field

from order_svc.buyers import Buyer
from order_svc.carts import commands, queries
from order_svc.carts.rules import Cart, Problem, Seen, Sight, State, priced, recalculate
from order_svc.identity import buyer_of
from order_svc.quotes.bodies import CouponCode, Quantity, WantedLine
from order_svc.quotes.rules import Asked
from svc_contracts.events.base import LINES_MAX, LocalText, Sku
from svc_contracts.money import Money
from svc_kit.access import scope
from svc_kit.assembly import Runtime
from svc_kit.doors import Body, Router, Rt, Who, Write
from svc_kit.refusals import (
    IllegalTransition,
    MalformedRequest,
    NotFound,
    StaleVersion,
    Unauthenticated,
    ValidationFailed,
    refuses,
)

router = Router(tags=["carts"])

CARTS = "/v1/store/{shop}/carts"
CART = "/v1/store/{shop}/carts/{cart_id}"
# A sku may contain a slash.
LINE = "/v1/store/{shop}/carts/{cart_id}/lines/{sku:path}"
CHANGES = refuses(MalformedRequest, NotFound, StaleVersion, IllegalTransition)

SkuInPath = Annotated[Sku, Path()]


class NewCart(Body):
    lines: Annotated[list[WantedLine], Field(max_length=LINES_MAX)] = []


class LineChange(Body):
    quantity: Quantity
    version: int | None = None


class CouponChange(Body):
    code: CouponCode | None
    version: int | None = None


class ProblemView(BaseModel):
    """`code`: insufficient_stock (wanted, available), variant_unavailable (why), price_changed (was, now),
    coupon_invalid (why), shop_closed.
    """

    code: str
    why: str | None = None
    wanted: int | None = None
    available: int | None = None
    was: Money | None = None
    now: Money | None = None


class CartLineView(BaseModel):
    sku: str
    title: LocalText
    image: str | None
    quantity: int
    unit_price: Money | None
    line_total: Money | None
    problems: list[ProblemView]


@dataclass(frozen=True, slots=True)
class Opening:
    buyer: Buyer
    asked: list[Asked]
    sight: Sight


class CartView(BaseModel):
    """`subtotal`: what can be bought of it, before discounts and delivery."""

    id: str
    version: int
    lines: list[CartLineView]
    subtotal: Money
    coupon_code: str | None
    problems: list[ProblemView]
    state: State


async def opening(shop: str, rt: Rt, who: Who, body: NewCart | None = None) -> Opening:
    """Read before the route's transaction begins: nobody may wait for a second connection while holding one."""
    buyer = buyer_of(who)
    asked = [Asked(line.sku, line.quantity) for line in (body.lines if body else [])]
    return Opening(buyer, asked, await queries.look_to_change(rt, shop, {one.sku for one in asked}))


@router.post(
    CARTS,
    status_code=201,
    dependencies=[scope("store")],
    responses=refuses(MalformedRequest, NotFound, ValidationFailed),
)
async def open_cart(shop: str, given: Annotated[Opening, Depends(opening)], tx: Write, response: Response) -> CartView:
    cart = await commands.open_cart(tx, shop, given.buyer, priced(given.asked, given.sight))
    response.headers["Location"] = f"/v1/store/{shop}/carts/{cart.id}"
    return view(recalculate(cart, given.sight))


@router.get(CART, dependencies=[scope("store")], responses=refuses(MalformedRequest, NotFound))
async def get_cart(shop: str, cart_id: str, rt: Rt, who: Who) -> CartView:
    buyer = buyer_of(who)
    async with rt.db.read() as con:
        cart = await queries.cart(con, shop, cart_id, buyer)
    return await shown(rt, cart)


@router.put(LINE, dependencies=[scope("store")], responses=CHANGES)
async def put_line(shop: str, cart_id: str, sku: SkuInPath, body: LineChange, rt: Rt, who: Who) -> CartView:
    buyer = buyer_of(who)
    sight = await queries.look_to_change(rt, shop, {sku})
    [line] = priced([Asked(sku, body.quantity)], sight)
    async with rt.db.transaction(actor=who.actor) as tx:
        cart = await commands.put_line(tx, shop, cart_id, buyer, line, version=body.version)
    return await shown(rt, cart)


@router.delete(LINE, dependencies=[scope("store")], responses=CHANGES)
async def remove_line(
    shop: str, cart_id: str, sku: SkuInPath, rt: Rt, who: Who, version: Annotated[int | None, Query()] = None
) -> CartView:
    buyer = buyer_of(who)
    async with rt.db.transaction(actor=who.actor) as tx:
        cart = await commands.remove_line(tx, shop, cart_id, buyer, sku, version=version)
    return await shown(rt, cart)


@router.put(f"{CART}/coupon", dependencies=[scope("store")], responses=CHANGES)
async def set_coupon(shop: str, cart_id: str, body: CouponChange, rt: Rt, who: Who) -> CartView:
    """A coupon that cannot be used is kept and named among the problems: it may be good for the next thing."""
    buyer = buyer_of(who)
    async with rt.db.transaction(actor=who.actor) as tx:
        cart = await commands.set_coupon(tx, shop, cart_id, buyer, body.code, version=body.version)
    return await shown(rt, cart)


@router.post(
    f"{CART}/claim",
    dependencies=[scope("store")],
    responses=refuses(NotFound, IllegalTransition, Unauthenticated),
)
async def claim(shop: str, cart_id: str, rt: Rt, who: Who) -> CartView:
    """Signed in, with the X-Visitor-Id that the cart was filled under."""
    if who.kind != "person":
        raise Unauthenticated(detail="Sign in to take over a cart")
    async with rt.db.transaction(actor=who.actor) as tx:
        cart = await commands.claim(tx, shop, cart_id, buyer_of(who))
    return await shown(rt, cart)


async def shown(rt: Runtime, cart: Cart) -> CartView:
    """No transaction may be open: a coupon is tried at marketing-svc."""
    return view(await queries.seen(rt, cart))


def view(seen: Seen) -> CartView:
    def money(amount_minor: int | None) -> Money | None:
        return None if amount_minor is None else Money(amount_minor=amount_minor, currency=seen.currency)

    def problems(found: tuple[Problem, ...]) -> list[ProblemView]:
        return [
            ProblemView(
                code=one.code,
                why=one.why,
                wanted=one.wanted,
                available=one.available,
                was=money(one.was_minor),
                now=money(one.now_minor),
            )
            for one in found
        ]

    lines = [
        CartLineView(
            sku=line.sku,
            title=line.title,
            image=line.image,
            quantity=line.quantity,
            unit_price=money(line.unit_minor),
            line_total=money(line.total_minor),
            problems=problems(line.problems),
        )
        for line in seen.lines
    ]
    return CartView(
        id=seen.cart.id,
        version=seen.cart.version,
        lines=lines,
        subtotal=Money(amount_minor=seen.subtotal_minor, currency=seen.currency),
        coupon_code=seen.cart.coupon_code,
        problems=problems(seen.problems),
        state=seen.cart.state,
    )
