"""Planning campaigns, and moving them with their promotions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from marketing_svc.benefits.commands.counters import change_budget, lock_counters, open_counter
from marketing_svc.campaigns import store
from marketing_svc.campaigns.rules import TRANSITIONS, Campaign, State, Verb, possible
from marketing_svc.copies import queries as copies
from marketing_svc.promotions.commands.exhaustion import settle
from marketing_svc.promotions.commands.refusals import unknown_shop
from marketing_svc.promotions.commands.steps import lock_shop, step_with_campaign
from marketing_svc.promotions.rules.promotion import Verb as PromotionVerb
from svc_contracts.events.campaign import CampaignEnded, CampaignStarted
from svc_contracts.money import Money
from svc_kit.refusals import Fault, IllegalTransition, NotFound, ValidationFailed
from svc_kit.transaction import Tx
from svc_kit.versions import require_version

WITH_PROMOTIONS = {
    Verb.START: PromotionVerb.ACTIVATE,
    Verb.PAUSE: PromotionVerb.PAUSE,
    Verb.RESUME: PromotionVerb.RESUME,
    Verb.END: PromotionVerb.END,
}


async def plan_campaign(
    tx: Tx,
    *,
    shop: str,
    name: dict[str, str],
    goals: Sequence[dict[str, Any]],
    planned: Money,
    hard_cap: Money | None,
) -> Campaign:
    """Raises ValidationFailed."""
    known = await copies.shop(tx.con, shop)
    if known is None:
        raise ValidationFailed([unknown_shop(shop)])
    _require_currency(known.currency, planned=planned, hard_cap=hard_cap)
    campaign = Campaign(
        id=tx.ids.new("cmp"),
        shop=shop,
        name=name,
        goals=list(goals),
        state=State.DRAFT,
        owner_id=tx.actor.id,
        planned_minor=planned.amount_minor,
        currency=known.currency,
        created_at=tx.now,
        version=1,
        event_seq=0,
    )
    await store.insert(tx.con, campaign)
    await open_counter(tx, campaign.id, hard_cap_minor=hard_cap.amount_minor if hard_cap else None)
    return campaign


async def change_campaign(tx: Tx, campaign_id: str, *, version: int, changes: dict[str, Any]) -> Campaign:
    """`changes`: name, goals, planned and hard_cap (Money; None: no cap).

    Raises NotFound, StaleVersion, IllegalTransition, ValidationFailed, BudgetInUse. Effects: promotion.exhausted,
    available.
    """
    counters = await lock_counters(tx, [campaign_id])
    campaign = await _lock(tx, campaign_id, version=version)
    if campaign.is_over:
        raise IllegalTransition(state=campaign.state.value, possible=[])
    planned, hard_cap = changes.get("planned"), changes.get("hard_cap")
    _require_currency(campaign.currency, planned=planned, hard_cap=hard_cap)
    if "hard_cap" in changes:
        await change_budget(tx, counters[campaign_id], hard_cap.amount_minor if hard_cap else None)
    campaign = replace(
        campaign,
        name=changes.get("name", campaign.name),
        goals=list(changes.get("goals", campaign.goals)),
        planned_minor=planned.amount_minor if planned else campaign.planned_minor,
        version=campaign.version + 1,
    )
    await store.update(tx.con, campaign)
    await settle(tx, {campaign_id})
    return campaign


async def take_step(tx: Tx, campaign_id: str, verb: Verb, *, version: int) -> Campaign:
    """Raises NotFound, StaleVersion, IllegalTransition. Effects: campaign.started, ended; promotion.changed."""
    campaign = await _lock(tx, campaign_id, version=version)
    state = TRANSITIONS.get((campaign.state, verb))
    if state is None:
        raise IllegalTransition(state=campaign.state.value, possible=possible(campaign.state))
    begins = campaign.state is State.DRAFT and state is State.LIVE
    ends = state is State.ENDED
    campaign = replace(
        campaign, state=state, version=campaign.version + 1, event_seq=campaign.event_seq + (begins or ends)
    )
    await store.update(tx.con, campaign)
    if begins or ends:
        kind = CampaignStarted if begins else CampaignEnded
        event = kind(campaign_id=campaign.id, shop=campaign.shop, name=campaign.name, at=tx.now)
        tx.emit(event, seq=campaign.event_seq)
    resumed = state is State.LIVE and not begins
    await step_with_campaign(tx, campaign_id, PromotionVerb.RESUME if resumed else WITH_PROMOTIONS[verb])
    return campaign


async def _lock(tx: Tx, campaign_id: str, *, version: int) -> Campaign:
    known = await store.by_id(tx.con, campaign_id)
    if known is None:
        raise NotFound()
    await lock_shop(tx, known.shop)
    campaign = await store.lock(tx.con, campaign_id)
    assert campaign is not None
    require_version(campaign.version, version)
    return campaign


def _require_currency(currency: str, **amounts: Money | None) -> None:
    faults = [
        Fault(f"/{name}/currency", "wrong-currency", f"The shop counts in {currency}", f"店铺币种为 {currency}")
        for name, amount in amounts.items()
        if amount is not None and amount.currency != currency
    ]
    if faults:
        raise ValidationFailed(faults)
