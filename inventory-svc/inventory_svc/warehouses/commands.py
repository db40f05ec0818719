"""Opening, changing and closing warehouses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import asyncpg

from inventory_svc.warehouses import store
from inventory_svc.warehouses.events import changed
from inventory_svc.warehouses.rules import TRANSITIONS, Warehouse
from svc_kit.refusals import Fault, IllegalTransition, NotFound, Refusal
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


class WarehouseTaken(Refusal):
    slug, status = "warehouse-taken", 409
    title = {"en": "This warehouse code is already in use", "zh": "仓库编码已被占用"}


class UnknownWarehouse(Refusal):
    slug, status = "unknown-warehouse", 422
    title = {"en": "There is no such warehouse", "zh": "仓库不存在"}


async def open_warehouse(tx: Tx, warehouse: Warehouse) -> Warehouse:
    """Raises WarehouseTaken. Effects: warehouse.changed."""
    if not await store.insert(tx.con, warehouse):
        fault = Fault(
            pointer="/code",
            code="warehouse-taken",
            en=f"{warehouse.code} is in use",
            zh=f"{warehouse.code} 已被占用",
        )
        raise WarehouseTaken([fault])
    tx.emit(changed(warehouse), seq=warehouse.event_seq)
    return warehouse


async def change_warehouse(tx: Tx, code: str, *, version: int, changes: Mapping[str, Any]) -> Warehouse:
    """Raises NotFound, StaleVersion. Effects: warehouse.changed."""
    warehouse = await _lock(tx, code, version=version)
    return await _write(tx, replace(warehouse, **changes))


async def move(tx: Tx, code: str, *, version: int, verb: str) -> Warehouse:
    """`verb` is close or open; a closed warehouse gets no new reservations, what it holds is still fulfilled.

    Raises NotFound, StaleVersion, IllegalTransition. Effects: warehouse.changed.
    """
    warehouse = await _lock(tx, code, version=version)
    state = TRANSITIONS.get((warehouse.state, verb))
    if state is None:
        raise IllegalTransition(state=warehouse.state, possible=[v for s, v in TRANSITIONS if s == warehouse.state])
    return await _write(tx, replace(warehouse, state=state))


async def require_warehouses(con: asyncpg.Connection, asked: Sequence[tuple[str, str]]) -> None:
    """Raises UnknownWarehouse with a fault for every (code, pointer) that is not there."""
    known = await store.known_codes(con, {code for code, _ in asked})
    faults = [
        Fault(pointer=pointer, code="unknown-warehouse", en=f"There is no warehouse {code}", zh=f"仓库 {code} 不存在")
        for code, pointer in asked
        if code not in known
    ]
    if faults:
        raise UnknownWarehouse(faults)


async def _lock(tx: Tx, code: str, *, version: int) -> Warehouse:
    warehouse = await store.lock(tx.con, code)
    if warehouse is None:
        raise NotFound()
    require_version(warehouse.version, version)
    return warehouse


async def _write(tx: Tx, warehouse: Warehouse) -> Warehouse:
    warehouse = replace(warehouse, version=warehouse.version + 1, event_seq=warehouse.event_seq + 1)
    await store.update(tx.con, warehouse)
    tx.emit(changed(warehouse), seq=warehouse.event_seq)
    return warehouse
