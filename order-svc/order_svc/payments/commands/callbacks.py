"""What a provider tells by itself. The signature was verified over the raw bytes before this."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from order_svc.orders.commands import book
from order_svc.payments import store
from order_svc.payments.commands.folding import Charged, fold_charges, fold_refund
from order_svc.payments.rules import Callback, refund_of_key
from svc_kit.batches import Batched
from svc_kit.refusals import Fault, Refusal, ValidationFailed
from svc_kit.transaction import Tx

log = structlog.get_logger()


class BadSignature(Refusal):
    slug, status = "bad-signature", 401
    title = {"en": "The signature does not hold", "zh": "签名无效"}


@dataclass(frozen=True, slots=True)
class Subject:
    """The attempt or the refund that a key belongs to."""

    id: str
    order_id: str


async def take_all(tx: Tx, callbacks: Sequence[Callback]) -> list[bool | Refusal]:
    """Each once per event, however often and however many at the same time. False where it was known.

    Refused where the key is another order's: then nothing of it can be believed.
    """
    subjects = [await _subject_of_refund(tx, one) if one.kind == "refund" else None for one in callbacks]
    attempts = await _attempts(tx, callbacks)
    for n, one in enumerate(callbacks):
        if one.kind == "charge" and (attempt := attempts.get((one.provider, one.key))) is not None:
            subjects[n] = attempt
    believed = [
        (one, subject)
        for one, subject in zip(callbacks, subjects, strict=True)
        if subject is None or subject.order_id == one.order_id
    ]
    kept = await store.keep_callbacks(
        tx.con, [(one, subject.order_id if subject else None) for one, subject in believed], at=tx.now
    )
    fresh = {(one.provider, one.event_id): (one, subject) for one, subject in reversed(believed)}
    await _fold(tx, [fresh[name] for name in sorted(kept)])
    believable = {id(one) for one, _ in believed}
    outcomes: list[bool | Refusal] = []
    for one in callbacks:
        if id(one) not in believable:
            fault = Fault("/order_id", "another-order", "The key belongs to another order", "该 key 属于其他订单")
            outcomes.append(ValidationFailed([fault]))
            continue
        first = fresh[one.provider, one.event_id][0] is one
        outcomes.append(first and (one.provider, one.event_id) in kept)
    return outcomes


TAKE = Batched(name="take_callbacks", command=take_all)


async def _attempts(tx: Tx, callbacks: Sequence[Callback]) -> dict[tuple[str, str], Subject]:
    found: dict[tuple[str, str], Subject] = {}
    for provider in sorted({one.provider for one in callbacks if one.kind == "charge"}):
        keys = {one.key for one in callbacks if one.kind == "charge" and one.provider == provider}
        for key, attempt in (await store.attempts_of_keys(tx.con, provider, keys)).items():
            found[provider, key] = Subject(attempt.id, attempt.order_id)
    return found


async def _subject_of_refund(tx: Tx, callback: Callback) -> Subject | None:
    refund = await store.refund(tx.con, refund_of_key(callback.key))
    return Subject(refund.id, refund.order_id) if refund else None


async def _fold(tx: Tx, kept: Sequence[tuple[Callback, Subject | None]]) -> None:
    for one, subject in kept:
        if subject is None:
            # Kept, for it may be money; but no order of ours knows it, so somebody has to look.
            log.warning("callback fits no payment", provider=one.provider, event_id=one.event_id)
    known = [(one, subject) for one, subject in kept if subject is not None]
    refunds = [(one, subject) for one, subject in known if one.kind == "refund"]
    if refunds and len(known) > 1:
        # All orders by id first: the folds below would lock them in another order.
        await book.open_cases(tx, {subject.order_id for _, subject in known})
    await fold_charges(
        tx, [Charged(subject.id, subject.order_id, one.told) for one, subject in known if one.kind == "charge"]
    )
    for one, subject in refunds:
        await fold_refund(tx, subject.id, one.told, key=one.key)
