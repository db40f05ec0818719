"""One step of many listings at once: each is taken or refused by itself."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from catalog_svc.listings import store
from catalog_svc.listings.commands.announcing import OfferKey, tell
from catalog_svc.listings.commands.refusals import SecondPersonRequired, gate_blocked
from catalog_svc.listings.offers import Offer
from catalog_svc.listings.queries import offers
from catalog_svc.listings.rules import GATED, Action, GateCheck, Listing, State, blocks, next_state, possible
from catalog_svc.listings.store import LogEntry
from svc_kit import timers
from svc_kit.refusals import Forbidden, IllegalTransition, NotFound, Refusal
from svc_kit.timers import Due
from svc_kit.transaction import Tx
from svc_kit.versions import require_version

Verb = Literal["submit", "approve", "approve_and_publish", "reject", "revise", "publish", "pause", "unlist", "archive"]

PUBLISH = "publish"
UNPUBLISH = "unpublish"

# Who may take a step; approving is another right than submitting.
SCOPE_OF: dict[Verb, str] = {
    "submit": "listing:submit",
    "approve": "listing:approve",
    "approve_and_publish": "listing:approve",
    "reject": "listing:approve",
    "revise": "catalog:write",
    "publish": "catalog:write",
    "pause": "catalog:write",
    "unlist": "catalog:write",
    "archive": "catalog:write",
}


@dataclass(frozen=True, slots=True)
class Step:
    listing_id: str
    version: int | None = None
    reason: str | None = None


@dataclass(slots=True)
class Taken:
    """A listing on its way through a step: the log entries and gate results it leaves."""

    listing: Listing
    log: list[LogEntry]
    gate: list[GateCheck] | None = None


def require_scope(verb: Verb, scopes: Collection[str]) -> None:
    """Raises Forbidden where the step is not for this person."""
    if SCOPE_OF[verb] not in scopes:
        raise Forbidden()


async def take_steps(
    tx: Tx, verb: Verb, steps: Sequence[Step], *, shops: Collection[str] | None = None
) -> list[Listing | Refusal]:
    """In the order of the steps, whose listings are distinct; `shops`: those that the actor may touch, None for all.

    Effects: listing.changed, the log, what falls due later.
    """
    locked = await store.lock(tx.con, {step.listing_id for step in steps})
    mine = {id: one for id, one in locked.items() if shops is None or one.shop in shops}
    made = await offers(tx.con, {(one.product_id, one.shop) for one in mine.values()})
    outcomes = [_decide(tx, verb, step, mine.get(step.listing_id), made) for step in steps]
    await _write(tx, [one for one in outcomes if isinstance(one, Taken)], made)
    return [one.listing if isinstance(one, Taken) else one for one in outcomes]


async def take_step(tx: Tx, verb: Verb, step: Step, *, shops: Collection[str] | None = None) -> Listing:
    """One of them. Raises NotFound, StaleVersion, IllegalTransition, GateBlocked, SecondPersonRequired."""
    [outcome] = await take_steps(tx, verb, [step], shops=shops)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def _decide(tx: Tx, verb: Verb, step: Step, listing: Listing | None, made: dict[OfferKey, Offer]) -> Taken | Refusal:
    if listing is None:
        return NotFound()
    try:
        if step.version is not None:
            require_version(listing.version, step.version)
        taken = Taken(listing, [])
        for action in _actions(verb, listing, tx.now):
            _advance(tx, taken, action, step.reason, made[listing.product_id, listing.shop])
    except Refusal as refusal:
        return refusal
    taken.listing = replace(taken.listing, version=listing.version + 1, event_seq=listing.event_seq + 1)
    return taken


def _actions(verb: Verb, listing: Listing, now: datetime) -> list[Action]:
    if verb != "approve_and_publish":
        return [verb]
    waits = listing.publish_at is not None and listing.publish_at > now
    return ["approve"] if waits else ["approve", "publish"]


def _advance(tx: Tx, taken: Taken, action: Action, reason: str | None, offer: Offer) -> None:
    before = taken.listing
    state = next_state(before.state, action)
    if state is None:
        raise IllegalTransition(state=before.state.value, possible=possible(before.state))
    if action == "approve" and before.submitted_by == tx.actor.id:
        raise SecondPersonRequired()
    if action in GATED:
        taken.gate = offer.gate()
        if blocks(taken.gate):
            raise gate_blocked(taken.gate)
    taken.listing = _with_names(replace(before, state=state), action, tx)
    taken.log.append(LogEntry(before.id, action, before.state, state, reason))
    if state is State.CHECKING:
        _advance(tx, taken, "pass", None, offer)


def _with_names(listing: Listing, action: Action, tx: Tx) -> Listing:
    match action:
        case "submit":
            return replace(listing, submitted_by=tx.actor.id, approved_by=None)
        case "approve":
            return replace(listing, approved_by=tx.actor.id)
        case "publish":
            return replace(listing, published_at=listing.published_at or tx.now)
        case _:
            return listing


async def _write(tx: Tx, taken: Sequence[Taken], made: dict[OfferKey, Offer]) -> None:
    if not taken:
        return
    listings = [one.listing for one in taken]
    await store.update(tx.con, listings, {one.listing.id: one.gate for one in taken if one.gate is not None})
    await store.append_log(
        tx.con, [entry for one in taken for entry in one.log], actor=(tx.actor.kind, tx.actor.id), at=tx.now
    )
    await keep_dates(tx, listings)
    await tell(tx, listings, made)


async def keep_dates(tx: Tx, listings: Sequence[Listing]) -> None:
    """What falls due for these listings is exactly what their states and dates ask for."""
    due, over = [], []
    for one in listings:
        if one.state is State.SCHEDULED and one.publish_at is not None:
            due.append(Due(one.id, PUBLISH, one.publish_at))
        else:
            over.append((one.id, PUBLISH))
        if one.state in (State.LIVE, State.PAUSED) and one.unpublish_at is not None:
            due.append(Due(one.id, UNPUBLISH, one.unpublish_at))
        else:
            over.append((one.id, UNPUBLISH))
    await timers.schedule(tx, due, over=over)


async def publish_due(tx: Tx, listing_ids: Sequence[str]) -> None:
    """The date came (the timer `publish`): what no longer passes the gate goes back to draft, with the reason."""
    outcomes = await take_steps(tx, "publish", [Step(one) for one in listing_ids])
    refused = {id: one for id, one in zip(listing_ids, outcomes, strict=True) if isinstance(one, Refusal)}
    if not refused:
        return
    locked = await store.lock(tx.con, refused)
    waiting = [one for one in locked.values() if one.state is State.SCHEDULED]
    made = await offers(tx.con, {(one.product_id, one.shop) for one in waiting})
    blocked = []
    for one in waiting:
        moved = replace(one, state=State.DRAFT, version=one.version + 1, event_seq=one.event_seq + 1)
        entry = LogEntry(one.id, "block", one.state, State.DRAFT, refused[one.id].slug)
        blocked.append(Taken(moved, [entry], made[one.product_id, one.shop].gate()))
    await _write(tx, blocked, made)


async def unpublish_due(tx: Tx, listing_ids: Sequence[str]) -> None:
    """The date came (the timer `unpublish`)."""
    await take_steps(tx, "unlist", [Step(one) for one in listing_ids])
