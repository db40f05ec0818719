"""What buyers and staff do to one order."""

from order_svc.addresses import commands as addresses
from order_svc.addresses.rules import Address
from order_svc.audit import queries as audit
from order_svc.audit.commands import releasing
from order_svc.orders.commands import book
from order_svc.orders.rules import saga
from order_svc.orders.rules.order import Case, Order
from order_svc.orders.rules.states import Impossible, Status, possible_for_buyer, possible_for_staff
from order_svc.orders.store import orders as store
from svc_contracts.events.order import OrderChanged
from svc_kit.refusals import Fault, IllegalTransition, NotFound, ValidationFailed
from svc_kit.transaction import Tx
from svc_kit.versions import require_version

# Until the warehouse takes the parcel in hand it can still be sent elsewhere.
ADDRESS_MAY_CHANGE = frozenset(
    {Status.PLACED, Status.AWAITING_PAYMENT, Status.AUDITING, Status.ON_HOLD, Status.CONFIRMED}
)


async def cancel(tx: Tx, order_id: str, *, reason: str, by_staff: bool, version: int | None = None) -> Order:
    """What was taken comes back afterwards, by events. Raises NotFound, StaleVersion, IllegalTransition."""
    case = await _open(tx, order_id, version)
    try:
        saga.cancel(case, reason)
    except Impossible as fault:
        raise illegal(case.order, by_staff=by_staff) from fault
    await book.close_cases(tx, [case])
    return case.order


async def approve(tx: Tx, order_id: str, *, version: int, note: str | None) -> Order:
    """Releases every open hold. Raises NotFound, StaleVersion, IllegalTransition."""
    case = await _open(tx, order_id, version)
    held = (await audit.open_holds_of(tx.con, [order_id])).get(order_id, [])
    if case.order.status is not Status.ON_HOLD or not held:
        raise illegal(case.order, by_staff=True)
    for one in held:
        await releasing.release(tx, one.hold.id, version=one.hold.version, note=note, shops=None)
    return (await store.lock(tx.con, [order_id]))[order_id]


async def amend_address(tx: Tx, key: bytes, order_id: str, *, version: int, address: Address) -> Order:
    """The parcel stays in its city, whose delivery fee was paid.

    Raises NotFound, StaleVersion, IllegalTransition, ValidationFailed.
    """
    case = await _open(tx, order_id, version)
    order = case.order
    if order.status not in ADDRESS_MAY_CHANGE:
        raise illegal(order, by_staff=True)
    names = ("country", "province", "city")
    if elsewhere := [name for name in names if getattr(address, name) != order.region.get(name)]:
        en, zh = "Another region has another delivery fee: cancel and order anew", "更换地区需取消后重新下单"
        raise ValidationFailed([Fault(f"/address/{name}", "region-differs", en, zh) for name in elsewhere])
    await addresses.change(tx, key, order.address_ref, address)
    before = _where(order)
    order.address_missing = address.missing
    order.region = {**order.region, "district": address.district}
    await store.set_address(tx.con, order)
    case.note("address_changed")
    case.say(OrderChanged(order_id=order.id, before=before, after=_where(order), at=tx.now))
    await book.close_cases(tx, [case])
    return order


def _where(order: Order) -> dict[str, object]:
    return {"region": order.region, "address_missing": list(order.address_missing)}


async def _open(tx: Tx, order_id: str, version: int | None) -> Case:
    case = (await book.open_cases(tx, [order_id])).get(order_id)
    if case is None:
        raise NotFound()
    require_version(case.order.version, version)
    return case


def illegal(order: Order, *, by_staff: bool) -> IllegalTransition:
    possible = possible_for_staff if by_staff else possible_for_buyer
    return IllegalTransition(
        state=order.status.value, possible=possible(order.status, shipped_units=order.shipped_units)
    )
