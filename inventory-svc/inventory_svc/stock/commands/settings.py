"""What the merchant sets on a level: safety stock, reorder point, how much may be sold before it is there."""

from dataclasses import replace

from inventory_svc.stock import store
from inventory_svc.stock.commands import ledger
from inventory_svc.stock.rules import Level, level_key, tell
from inventory_svc.warehouses.commands import require_warehouses
from svc_kit.refusals import Fault, Refusal
from svc_kit.transaction import Tx
from svc_kit.versions import require_version


class BackorderLimitInUse(Refusal):
    slug, status = "backorder-limit-in-use", 409
    title = {"en": "More is already promised than this limit allows", "zh": "已承诺的数量超过该限额"}


async def change_settings(
    tx: Tx,
    *,
    sku: str,
    warehouse: str,
    version: int,
    safety_stock: int | None,
    reorder_point: int | None,
    backorder_limit: int | None,
) -> Level:
    """Change what is given; version 0 also makes a level that is not there yet.

    Raises: StaleVersion, BackorderLimitInUse, UnknownWarehouse. Effects: stock.level_changed, alerts.
    """
    await require_warehouses(tx.con, [(warehouse, "/warehouse")])
    key = level_key(sku, warehouse)
    if version == 0:
        levels = await ledger.lock_or_create_levels(tx, [(sku, warehouse)])
    else:
        levels = await ledger.lock_levels(tx, [key])
    before = levels.get(key, Level(key))
    require_version(before.version, version)
    after = replace(
        before,
        safety_stock=before.safety_stock if safety_stock is None else safety_stock,
        reorder_point=before.reorder_point if reorder_point is None else reorder_point,
        backorder_limit=before.backorder_limit if backorder_limit is None else backorder_limit,
        version=before.version + 1,
    )
    _refuse_limit_in_use(before, after)
    await store.change_settings(
        tx.con,
        key,
        safety_stock=after.safety_stock,
        reorder_point=after.reorder_point,
        backorder_limit=after.backorder_limit,
    )
    telling = tell(replace(after, deficit=min(after.deficit, after.short_by)), tx.now)
    await ledger.store_and_emit(tx, [telling], {})
    return telling.level


def _refuse_limit_in_use(before: Level, after: Level) -> None:
    if after.short_by > before.deficit:
        least = after.backorder_limit + after.short_by - before.deficit
        fault = Fault(
            pointer="/backorder_limit",
            code="backorder-limit-in-use",
            en=f"{least} units are promised beyond what is on hand",
            zh=f"已超出现有库存承诺 {least} 件",
            least=least,
        )
        raise BackorderLimitInUse([fault])
