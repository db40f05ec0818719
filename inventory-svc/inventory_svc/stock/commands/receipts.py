"""Goods come in under a reference that counts once."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory_svc.stock import store
from inventory_svc.stock.commands import ledger
from inventory_svc.stock.rules import CauseKind, Movement, MovementKind, level_key
from inventory_svc.warehouses.commands import require_warehouses
from svc_kit.refusals import Fault, Refusal
from svc_kit.transaction import Tx


class ReceiptChanged(Refusal):
    slug, status = "receipt-changed", 409
    title = {"en": "This reference already stands for another receipt", "zh": "该单号已对应另一张入库单"}


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Receipt:
    id: str
    reference: str
    warehouse: str
    lines: tuple[ReceiptLine, ...]
    received_at: datetime
    replayed: bool = False


async def receive(tx: Tx, *, warehouse: str, reference: str, lines: Sequence[ReceiptLine]) -> Receipt:
    """Book the goods; the same reference with the same content answers the first receipt and changes nothing.

    Raises: ReceiptChanged, UnknownWarehouse. Effects: movements `received`, stock.level_changed.
    """
    await require_warehouses(tx.con, [(warehouse, "/warehouse")])
    fresh = Receipt(tx.ids.new("rcp"), reference, warehouse, tuple(lines), tx.now)
    fingerprint = _fingerprint(fresh)
    row = {
        "id": fresh.id,
        "reference": reference,
        "warehouse": warehouse,
        "fingerprint": fingerprint,
        "lines": [[line.sku, line.quantity] for line in lines],
        "received_at": tx.now,
    }
    if not await store.insert_receipt(tx.con, row):
        return await _replay(tx, reference, fingerprint)
    levels = await ledger.lock_or_create_levels(tx, {(line.sku, warehouse) for line in lines})
    movements = [
        Movement(
            level_key(line.sku, warehouse), MovementKind.RECEIVED, line.quantity, CauseKind.RECEIPT, fresh.id, str(n)
        )
        for n, line in enumerate(lines, start=1)
    ]
    await ledger.post(tx, levels, movements)
    return fresh


async def _replay(tx: Tx, reference: str, fingerprint: str) -> Receipt:
    row = await store.receipt_by_reference(tx.con, reference)
    if row["fingerprint"] != fingerprint:
        fault = Fault(
            pointer="/reference",
            code="receipt-changed",
            en=f"{reference} was received with other lines or in another warehouse",
            zh=f"{reference} 已按其他明细或其他仓库入库",
        )
        raise ReceiptChanged([fault], receipt_id=row["id"])
    lines = tuple(ReceiptLine(sku, quantity) for sku, quantity in json.loads(row["lines"]))
    return Receipt(row["id"], reference, row["warehouse"], lines, row["received_at"], replayed=True)


def _fingerprint(receipt: Receipt) -> str:
    content = [receipt.warehouse, [[line.sku, line.quantity] for line in receipt.lines]]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
