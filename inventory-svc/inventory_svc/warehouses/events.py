"""Every change of a warehouse tells its whole present state."""

from inventory_svc.warehouses.rules import Warehouse
from svc_contracts.events.stock import WarehouseChanged


def changed(warehouse: Warehouse) -> WarehouseChanged:
    return WarehouseChanged(
        code=warehouse.code,
        kind=warehouse.kind,
        region=warehouse.region,
        priority=warehouse.priority,
        channels=list(warehouse.channels),
        cut_off=warehouse.cut_off,
        handling_hours=warehouse.handling_hours,
        calendar=warehouse.calendar,
        time_zone=warehouse.time_zone,
        state=warehouse.state,
    )
