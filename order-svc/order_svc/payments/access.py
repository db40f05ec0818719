"""Whose order it is that is to be paid or looked at. Foreign ones are not there."""

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import asyncpg

from order_svc.identity import buyer_of
from order_svc.orders import queries as orders
from order_svc.orders.commands.placing import person_of_guest
from order_svc.orders.rules.order import Order
from svc_kit.access import Principal
from svc_kit.refusals import NotFound

if TYPE_CHECKING:
    from svc_kit.assembly import Runtime


def order_token(key: bytes, order_id: str) -> str:
    """What opens a guest's order wherever the guest is (api.md §1)."""
    return hmac.new(key, order_id.encode(), hashlib.sha256).hexdigest()


async def buyers_order(
    con: "asyncpg.Connection[Any]", rt: "Runtime", who: Principal, *, shop: str, order_id: str, token: str | None
) -> Order:
    """By person, X-Visitor-Id or X-Order-Token. Raises NotFound, MalformedRequest for one who shows none of them.

    A member's order is the member's alone: the browser it was placed with opens only what it bought as a guest.
    """
    expected = order_token(rt.settings.token_key, order_id)
    by_token = token is not None and hmac.compare_digest(expected.encode(), token.encode())
    persons = set() if by_token else persons_of(who)
    order = await orders.order(con, order_id)
    if order is None or order.shop != shop or not (by_token or order.person_id in persons):
        raise NotFound()
    return order


def persons_of(who: Principal) -> set[str]:
    """The member, and the guest that this browser is. Raises MalformedRequest where it is neither."""
    buyer = buyer_of(who)
    guest = person_of_guest(buyer.visitor_key) if buyer.visitor_key else None
    return {one for one in (buyer.person_id, guest) if one is not None}


async def staffs_order(con: "asyncpg.Connection[Any]", who: Principal, order_id: str) -> Order:
    """Raises NotFound."""
    order = await orders.order(con, order_id)
    if order is None or not who.may_in(order.shop):
        raise NotFound()
    return order
