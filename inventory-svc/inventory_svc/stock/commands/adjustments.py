"""Corrections by hand: a difference, or what was counted. Both need a reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from inventory_svc.stock.commands import ledger
from inventory_svc.stock.rules import CauseKind, Level, Movement, MovementKind, level_key
from inventory_svc.warehouses.commands import require_warehouses
from svc_kit.refusals import Fault, Refusal
from svc_kit.transaction import Tx


class BelowZero(Refusal):
    slug, status = "below-zero", 409
    title = {"en": "There is less on hand than the adjustment takes away", "zh": "现有库存少于调整数量"}


class RepeatedLevel(Refusal):
    slug, status = "repeated-level", 422
    title = {"en": "A level may be adjusted once per adjustment", "zh": "同一库存在一次调整中只能出现一次"}


@dataclass(frozen=True, slots=True)
class AdjustmentLine:
    """Exactly one of `delta` and `counted` is given."""

    sku: str
    warehouse: str
    reason: str
    delta: int | None = None
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class Adjusted:
    line: AdjustmentLine
    delta: int
    level: Level


@dataclass(frozen=True, slots=True)
class Adjustment:
    id: str
    lines: tuple[Adjusted, ...]


async def adjust(tx: Tx, lines: Sequence[AdjustmentLine]) -> Adjustment:
    """Book the differences; a line that changes nothing books nothing.

    Raises: BelowZero, RepeatedLevel, UnknownWarehouse. Effects: movements `adjusted`; a deficit where less is left
    than was promised, with its alert.
    """
    await require_warehouses(tx.con, [(line.warehouse, f"/lines/{i}/warehouse") for i, line in enumerate(lines)])
    _refuse_repeated(lines)
    levels = await ledger.lock_or_create_levels(tx, {(line.sku, line.warehouse) for line in lines})
    befores = [levels[level_key(line.sku, line.warehouse)] for line in lines]
    changes = [_delta(line, before) for line, before in zip(lines, befores, strict=True)]
    _refuse_below_zero(befores, changes)
    adjustment_id = tx.ids.new("adj")
    movements = [
        Movement(before.key, MovementKind.ADJUSTED, change, CauseKind.ADJUSTMENT, adjustment_id, str(n), line.reason)
        for n, (line, before, change) in enumerate(zip(lines, befores, changes, strict=True), start=1)
        if change
    ]
    after = {**levels, **await ledger.post(tx, levels, movements)}
    booked = zip(lines, befores, changes, strict=True)
    return Adjustment(
        adjustment_id, tuple(Adjusted(line, change, after[before.key]) for line, before, change in booked)
    )


def _delta(line: AdjustmentLine, level: Level) -> int:
    if line.counted is not None:
        return line.counted - level.on_hand
    return line.delta or 0


def _refuse_repeated(lines: Sequence[AdjustmentLine]) -> None:
    seen: set[str] = set()
    faults = []
    for i, line in enumerate(lines):
        key = level_key(line.sku, line.warehouse)
        if key in seen:
            faults.append(
                Fault(
                    pointer=f"/lines/{i}",
                    code="repeated-level",
                    en=f"{line.sku} in {line.warehouse} stands in an earlier line",
                    zh=f"{line.warehouse} 的 {line.sku} 在前面的行中已出现",
                )
            )
        seen.add(key)
    if faults:
        raise RepeatedLevel(faults)


def _refuse_below_zero(befores: Sequence[Level], changes: Sequence[int]) -> None:
    faults = [
        Fault(
            pointer=f"/lines/{i}",
            code="below-zero",
            en=f"{before.key} has {before.on_hand} on hand; {change} is asked",
            zh=f"{before.key} 现有 {before.on_hand}，请求调整 {change}",
            sku=before.sku,
            warehouse=before.warehouse,
            on_hand=before.on_hand,
        )
        for i, (before, change) in enumerate(zip(befores, changes, strict=True))
        if before.on_hand + change < 0
    ]
    if faults:
        raise BelowZero(faults)
