"""The baskets go through the suite: sent as paid channel orders, then confirmed, packed, shipped, delivered."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from svc_local.demo import bodies
from svc_local.demo.baskets import Basket, batches
from svc_local.demo.display import Progressing
from svc_local.demo.door import DemoDoor, at_once
from svc_local.demo.selection import Selection
from svc_local.sample.stocking import parts
from svc_local.troubles import Trouble

ORDERS_PER_BULK = 100
LINES_PER_BULK = 2_000  # a line is some 220 bytes and a body may have a mebibyte
STEPS_PER_BULK = 250  # shipping locks the levels of all its lines: larger ones wait for each other
IN_FLIGHT = 4
GROUPS_IN_FLIGHT = 2
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.3
REFUSALS_NAMED = 5

ACTIONS = ("accept", "pick", "pack", "ship", "deliver")
OPEN_STATES = ("issued", "accepted", "picking")
# What a parcel's state leaves to do; a fulfilment that was only issued has no parcel yet.
LEFT = {"open": ACTIONS[1:], "picking": ACTIONS[2:], "packed": ACTIONS[3:], "shipped": ACTIONS[4:], "delivered": ()}


def send_orders(door: DemoDoor, selection: Selection, baskets: Sequence[Basket], progress: Progressing) -> None:
    """In time order, a few requests at once. The basket's number is the order's on the channel: twice is once."""
    bulks = batches(baskets, orders_max=ORDERS_PER_BULK, lines_max=LINES_PER_BULK)
    for count in at_once(partial(_send, door, selection), bulks, many=IN_FLIGHT):
        progress.advance(count)


def _send(door: DemoDoor, selection: Selection, baskets: list[Basket]) -> int:
    path = "/v1/admin/channel-orders/bulk"
    results = door.post(path, bodies.orders_body(selection, baskets))["results"]
    refused = [one for one in results if one["http_status"] not in (200, 201, 202)]
    if refused:
        named = "; ".join(f"{one['external_id']}: {one.get('problem')}" for one in refused[:REFUSALS_NAMED])
        raise Trouble(f"The demo was refused: {path}: {len(refused)} orders: {named}")
    return len(results)


def fulfil(door: DemoDoor, selection: Selection, orders: int, progress: Progressing) -> None:
    """Until every order is delivered, those of an earlier run included. Raises Trouble where nothing moves any more."""
    shipped = []
    for one in _in_state(door, selection, "done"):
        if left_to_do(one):
            shipped.append(one)
        else:
            progress.advance()
    _drive(door, shipped, progress)
    moved_at = time.monotonic()
    while progress.step.done < orders:
        waiting = [one for state in OPEN_STATES for one in _in_state(door, selection, state)]
        if waiting:
            _drive(door, waiting, progress)
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > PATIENCE_SECONDS:
            raise Trouble(
                f"{progress.step.done} of {orders} orders were delivered, and for {PATIENCE_SECONDS:.0f} s no other "
                f"was confirmed. {_why(door, selection)}"
            )
        else:
            time.sleep(POLL_SECONDS)


def _in_state(door: DemoDoor, selection: Selection, state: str) -> Iterator[dict[str, Any]]:
    return door.all_of("/v1/admin/fulfilments", warehouse=selection.shop, state=state)


def left_to_do(fulfilment: Mapping[str, Any]) -> tuple[str, ...]:
    parcels = [one for one in fulfilment["shipments"] if one["state"] != "cancelled"]
    return LEFT[parcels[-1]["state"]] if parcels else ACTIONS


def _drive(door: DemoDoor, fulfilments: Sequence[Mapping[str, Any]], progress: Progressing) -> None:
    """Each to its end: those that have the same steps before them together."""
    by_steps: dict[tuple[str, ...], list[str]] = {}
    for one in fulfilments:
        by_steps.setdefault(left_to_do(one), []).append(one["id"])
    groups = [(steps, ids) for steps, some in by_steps.items() for ids in parts(some, STEPS_PER_BULK)]
    for count in at_once(partial(_take_steps, door), groups, many=GROUPS_IN_FLIGHT):
        progress.advance(count)


def _take_steps(door: DemoDoor, group: tuple[tuple[str, ...], list[str]]) -> int:
    steps, ids = group
    path = "/v1/admin/fulfilments/bulk"
    for action in steps:
        results = door.post(path, bodies.step_body(action, ids))["results"]
        refused = [one for one in results if one["http_status"] != 200]
        if refused:
            named = "; ".join(f"{one['id']}: {one.get('problem')}" for one in refused[:REFUSALS_NAMED])
            raise Trouble(f"The demo was refused: {path} {action}: {len(refused)} fulfilments: {named}")
    return len(ids)


def _why(door: DemoDoor, selection: Selection) -> str:
    """What the orders wait for, as far as the suite tells."""
    for status in ("on_hold", "rejected", "placed", "auditing"):
        params = {"shop": selection.shop, "status": status, "limit": REFUSALS_NAMED}
        found = door.ask("GET", "/v1/admin/orders", params=params)["items"]
        if found:
            return f"Some are {status}: " + ", ".join(str(one.get("external_id") or one["id"]) for one in found)
    return "See `make status` and `make logs`."
