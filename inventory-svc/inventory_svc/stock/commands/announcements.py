"""The trailing word about a level: what changed within a second of the last announcement is told when it is over."""

from collections.abc import Sequence
from dataclasses import replace

from inventory_svc.stock.commands import ledger
from inventory_svc.stock.rules import tell
from svc_kit.transaction import Tx


async def announce(tx: Tx, level_keys: Sequence[str]) -> None:
    """Tell the present state of these levels where it differs from the last word (the timer `announce`)."""
    levels = await ledger.lock_levels(tx, level_keys)
    tellings = [tell(replace(level, announce_pending=False), tx.now) for level in levels.values()]
    await ledger.store_and_emit(tx, tellings, {})
