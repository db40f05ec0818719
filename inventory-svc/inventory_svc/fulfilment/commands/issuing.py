"""Telling the warehouses what to do, and taking it back."""

from collections.abc import Sequence

from inventory_svc.fulfilment import store
from inventory_svc.fulfilment.rules import ACCEPT_WITHIN, FULFILMENT, SHIPMENT, Fulfilment, FulfilmentState, Line
from inventory_svc.reservations.rules import Issue, Reserved
from svc_kit.transaction import Tx


async def issue(tx: Tx, issues: Sequence[Issue]) -> None:
    """One fulfilment per order and warehouse, with exactly what is reserved there."""
    fulfilments: list[Fulfilment] = []
    for one in issues:
        by_warehouse: dict[str, list[Reserved]] = {}
        for held in one.held:
            by_warehouse.setdefault(held.warehouse, []).append(held)
        fulfilments += [_fulfilment(tx, one, code, held) for code, held in sorted(by_warehouse.items())]
    if fulfilments:
        await store.insert_fulfilments(tx.con, fulfilments)


def _fulfilment(tx: Tx, one: Issue, warehouse: str, held: Sequence[Reserved]) -> Fulfilment:
    return Fulfilment(
        id=tx.ids.new("ful"),
        order_id=one.order_id,
        warehouse=warehouse,
        state=FulfilmentState.ISSUED,
        lines=tuple(Line(unit.line_id, unit.sku, unit.quantity, unit.per_unit) for unit in held),
        address_ref=one.address_ref,
        ship_by=one.ship_by,
        accept_by=tx.now + ACCEPT_WITHIN,
        issued_at=tx.now,
    )


async def recall(tx: Tx, order_ids: Sequence[str]) -> None:
    """Nothing of these orders has left (the caller holds their locks and has seen it): call everything back."""
    if not order_ids:
        return
    called_back: list[Fulfilment] = []
    for fulfilment in (await store.by_orders(tx.con, order_ids)).values():
        state = FULFILMENT.get((fulfilment.state, "recall"))
        if state is None:
            continue
        fulfilment.state = state
        fulfilment.version += 1
        called_back.append(fulfilment)
        for shipment in fulfilment.shipments:
            if cancelled := SHIPMENT.get((shipment.state, "recall")):
                shipment.state = cancelled
                shipment.version += 1
    if called_back:
        await store.update_fulfilments(tx.con, called_back)
        await store.upsert_shipments(tx.con, [one for fulfilment in called_back for one in fulfilment.shipments])
