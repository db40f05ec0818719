"""The steps of a warehouse, one or five hundred at a time: accept, reject, pick, pack, ship, deliver."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory_svc.fulfilment import store
from inventory_svc.fulfilment.events import event_of
from inventory_svc.fulfilment.rules import (
    CLOCK_SKEW,
    FULFILMENT,
    SHIPMENT,
    Action,
    Fulfilment,
    Shipment,
    ShipmentState,
    may,
    mismatches,
    possible,
    required,
)
from inventory_svc.reservations import commands as reservations
from inventory_svc.reservations.commands import Leaving
from inventory_svc.reservations.rules import Reserved
from svc_contracts.events import Event
from svc_kit.refusals import Fault, IllegalTransition, NotFound, Refusal, ValidationFailed
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


class ScanMismatch(Refusal):
    slug, status = "scan-mismatch", 409
    title = {"en": "The scans differ from what was ordered", "zh": "扫描结果与订单不符"}


class TrackingTaken(Refusal):
    slug, status = "tracking-taken", 409
    title = {"en": "This tracking number belongs to another parcel", "zh": "该运单号已属于另一个包裹"}


class NotOnHand(Refusal):
    slug, status = "not-on-hand", 409
    title = {"en": "The goods are not in the warehouse yet", "zh": "货物尚未到仓"}


@dataclass(frozen=True, slots=True)
class Step:
    """One asked step. `scans` None means that all was scanned; a version is compared where it is given."""

    fulfilment_id: str
    version: int | None = None
    shipment_version: int | None = None
    reason: str | None = None
    scans: dict[str, int] | None = None
    weight_g: int | None = None
    carrier: str | None = None
    tracking_no: str | None = None
    at: datetime | None = None


async def take_steps(tx: Tx, action: Action, steps: Sequence[Step]) -> list[Fulfilment | Refusal]:
    """Each step's fulfilment as it became, or why it stayed as it was; the fulfilments must differ.

    Locks: stock_order by id, tracking numbers in order, levels by key. Effects: fulfilment.accepted, rejected;
    shipment.shipped, delivered; with `ship` the movements.
    """
    orders_of = await store.orders_of(tx.con, [step.fulfilment_id for step in steps])
    orders = await reservations.lock_orders(tx, set(orders_of.values()))
    found = await store.by_ids(tx.con, list(orders_of))  # read again: only now nobody else moves them
    results: list[Fulfilment | Refusal] = []
    for step in steps:
        fulfilment = found.get(step.fulfilment_id)
        results.append(NotFound() if fulfilment is None else _refusal(fulfilment, action, step, tx.now) or fulfilment)
    if action == "ship":
        await _refuse_taken_numbers(tx, steps, results)
        await _take_off_the_shelf(tx, steps, results)
    moved: list[Fulfilment] = []
    said: list[tuple[str, Event]] = []
    for step, result in zip(steps, results, strict=True):
        if isinstance(result, Fulfilment):
            _apply(tx, result, action, step)
            moved.append(result)
            if event := event_of(result, action, step.at or tx.now):
                said.append((result.order_id, event))
    if moved:
        await store.update_fulfilments(tx.con, moved)
        await store.upsert_shipments(tx.con, [one for fulfilment in moved for one in fulfilment.shipments])
        if action == "pack":
            await reservations.mark_picked(tx, [(one.order_id, one.warehouse) for one in moved])
        await reservations.say(tx, orders, said)
    return results


async def take_step(tx: Tx, action: Action, step: Step) -> Fulfilment:
    """One step; raises what `take_steps` would have returned."""
    [result] = await take_steps(tx, action, [step])
    if isinstance(result, Refusal):
        raise result
    return result


def _refusal(fulfilment: Fulfilment, action: Action, step: Step, now: datetime) -> Refusal | None:
    """What the rules have against the step."""
    shipment = fulfilment.shipment
    try:
        if step.version is not None:
            require_version(fulfilment.version, step.version)
        if step.shipment_version is not None and shipment is not None:
            require_version(shipment.version, step.shipment_version)
    except Refusal as stale:
        return stale
    if not may(fulfilment, action):
        state = shipment.state if shipment and action in ("pick", "pack", "ship", "deliver") else fulfilment.state
        return IllegalTransition(state=state.value, possible=possible(fulfilment))
    if step.at is not None and step.at > now + CLOCK_SKEW:
        return ValidationFailed(
            [Fault(pointer="/at", code="in-the-future", en="This is still to come", zh="时间晚于现在")]
        )
    if action in ("pick", "pack"):
        return _scan_refusal(fulfilment, _scans_after(fulfilment, step), complete=action == "pack")
    return None


def _scans_after(fulfilment: Fulfilment, step: Step) -> dict[str, int]:
    """What is scanned once the step is taken."""
    if step.scans is None:
        return required(fulfilment.lines)
    before = fulfilment.shipment.scans if fulfilment.shipment else {}
    return {sku: before.get(sku, 0) + step.scans.get(sku, 0) for sku in {**before, **step.scans}}


def _scan_refusal(fulfilment: Fulfilment, scans: dict[str, int], *, complete: bool) -> Refusal | None:
    faults = [
        Fault(
            pointer="/scans",
            code="scan-mismatch",
            en=f"{wrong.sku}: {wrong.scanned} scanned, {wrong.required} required",
            zh=f"{wrong.sku}：已扫描 {wrong.scanned}，应为 {wrong.required}",
            sku=wrong.sku,
            required=wrong.required,
            scanned=wrong.scanned,
        )
        for wrong in mismatches(fulfilment.lines, scans, complete=complete)
    ]
    return ScanMismatch(faults) if faults else None


async def _refuse_taken_numbers(tx: Tx, steps: Sequence[Step], results: list[Fulfilment | Refusal]) -> None:
    """Take the tracking numbers; whoever comes second is refused, in this batch or in another transaction."""
    wanted: dict[tuple[str, str], int] = {}
    for i, (step, result) in enumerate(zip(steps, results, strict=True)):
        if isinstance(result, Fulfilment) and (number := _number(step, result)):
            if number in wanted:
                results[i] = _taken(number)
            else:
                wanted[number] = i
    parcels = [(*number, _shipment_of(results[i]).id) for number, i in wanted.items()]
    ours = await store.take_tracking_numbers(tx.con, parcels) if parcels else set()
    for number, i in wanted.items():
        if number not in ours:
            results[i] = _taken(number)


def _number(step: Step, fulfilment: Fulfilment) -> tuple[str, str] | None:
    if step.tracking_no is None:
        return None
    return (_carrier(step, _shipment_of(fulfilment)) or "", step.tracking_no)


def _carrier(step: Step, shipment: Shipment) -> str | None:
    return step.carrier or shipment.carrier


def _shipment_of(result: Fulfilment | Refusal) -> Shipment:
    if isinstance(result, Refusal) or result.shipment is None:
        raise ValueError("a step on a parcel without a parcel")
    return result.shipment


def _taken(number: tuple[str, str]) -> TrackingTaken:
    fault = Fault(
        pointer="/tracking_no",
        code="tracking-taken",
        en=f"{number[1]} of {number[0] or 'no named carrier'} is already on a parcel",
        zh=f"运单号 {number[1]} 已被使用",
        tracking_no=number[1],
    )
    return TrackingTaken([fault])


async def _take_off_the_shelf(tx: Tx, steps: Sequence[Step], results: list[Fulfilment | Refusal]) -> None:
    leaving = [
        Leaving(_shipment_of(result).id, result.order_id, result.warehouse)
        for result in results
        if isinstance(result, Fulfilment)
    ]
    missing = await reservations.ship(tx, leaving) if leaving else {}
    if not missing:
        return
    await store.give_back_tracking_numbers(tx.con, missing)
    for i, result in enumerate(results):
        if isinstance(result, Fulfilment) and (absent := missing.get(_shipment_of(result).id)):
            results[i] = _not_on_hand(absent)


def _not_on_hand(absent: Sequence[Reserved]) -> NotOnHand:
    return NotOnHand(
        [
            Fault(
                pointer="",
                code="not-on-hand",
                en=f"{unit.sku} is not in {unit.warehouse} in the quantity of {unit.quantity}",
                zh=f"{unit.warehouse} 没有 {unit.quantity} 件 {unit.sku}",
                sku=unit.sku,
                warehouse=unit.warehouse,
                quantity=unit.quantity,
            )
            for unit in absent
        ]
    )


def _apply(tx: Tx, fulfilment: Fulfilment, action: Action, step: Step) -> None:
    """Move the fulfilment and its shipment; the tables allow it."""
    fulfilment.state = FULFILMENT[fulfilment.state, action]
    fulfilment.version += 1
    if action == "accept":
        fulfilment.shipments.append(Shipment(tx.ids.new("shp"), fulfilment.id, ShipmentState.OPEN))
        return
    if action == "reject":
        fulfilment.reason = step.reason
    shipment = fulfilment.shipment
    if shipment is None:
        return
    shipment.state = SHIPMENT[shipment.state, action]
    shipment.version += 1
    if action in ("pick", "pack"):
        shipment.scans = _scans_after(fulfilment, step)
    shipment.weight_g = step.weight_g if step.weight_g is not None else shipment.weight_g
    shipment.carrier = _carrier(step, shipment)
    shipment.tracking_no = step.tracking_no or shipment.tracking_no
    if action == "ship":
        shipment.shipped_at = step.at or tx.now
    elif action == "deliver":
        shipment.delivered_at = step.at or tx.now
