"""Activating, pausing, resuming and ending promotions, one by one or with their campaign."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from marketing_svc.promotions import store
from marketing_svc.promotions.commands import ticking
from marketing_svc.promotions.commands.refusals import WindowOver
from marketing_svc.promotions.events import changed
from marketing_svc.promotions.rules.promotion import Promotion, State, Verb, possible, state_after
from svc_kit.refusals import IllegalTransition, NotFound
from svc_kit.transaction import Tx
from svc_kit.versions import require_version

BEGINS = (Verb.ACTIVATE, Verb.RESUME)


async def take_step(tx: Tx, promotion_id: str, verb: Verb, *, version: int) -> Promotion:
    """Raises NotFound, StaleVersion, IllegalTransition, WindowOver. Effects: promotion.changed."""
    known = (await store.by_ids(tx.con, [promotion_id])).get(promotion_id)
    if known is None:
        raise NotFound()
    await store.lock_shops(tx.con, [known.shop])
    promotion = await store.lock(tx.con, promotion_id)
    assert promotion is not None
    require_version(promotion.version, version)
    after = stepped(promotion, verb, tx.now)
    if after is None:
        raise IllegalTransition(state=promotion.state.value, possible=possible(promotion.state))
    if verb in BEGINS and promotion.until is not None and promotion.until <= tx.now:
        raise WindowOver(until=promotion.until)
    await _write(tx, [after])
    return after


async def lock_shop(tx: Tx, shop: str) -> None:
    """Before anything of the shop's campaigns and promotions changes."""
    await store.open_shop(tx.con, shop)
    await store.lock_shops(tx.con, [shop])


async def step_with_campaign(tx: Tx, campaign_id: str, verb: Verb) -> None:
    """Whichever of its promotions the verb moves; resumed is only what the campaign had paused. The shop is locked.

    Effects: promotion.changed.
    """
    moved = []
    for promotion in await store.lock_of_campaign(tx.con, campaign_id):
        over = promotion.until is not None and promotion.until <= tx.now
        if (verb in BEGINS and over) or (verb is Verb.RESUME and not promotion.paused_by_campaign):
            continue
        after = stepped(promotion, verb, tx.now)
        if after is not None:
            moved.append(replace(after, paused_by_campaign=verb is Verb.PAUSE))
    if moved:
        await _write(tx, moved)


def stepped(promotion: Promotion, verb: Verb, now: datetime) -> Promotion | None:
    """None where it is not possible."""
    state = state_after(promotion.state, verb, from_at=promotion.from_at, now=now)
    if state is None:
        return None
    return replace(
        promotion,
        state=state,
        ended_at=now if state is State.ENDED else None,
        paused_by_campaign=False,
        version=promotion.version + 1,
        event_seq=promotion.event_seq + 1,
    )


async def _write(tx: Tx, promotions: Sequence[Promotion]) -> None:
    await store.update(tx.con, promotions)
    for promotion in promotions:
        tx.emit(changed(promotion), seq=promotion.event_seq)
    await ticking.wake(tx, {promotion.shop for promotion in promotions})
