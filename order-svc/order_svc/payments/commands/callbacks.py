"""What a provider tells by itself. The signature was verified over the raw bytes before this."""

from dataclasses import dataclass
from typing import Literal

import structlog

from order_svc.payments import store
from order_svc.payments.commands.folding import fold_charge, fold_refund
from order_svc.payments.rules import Told, refund_of_key
from svc_kit.refusals import Fault, Refusal, ValidationFailed
from svc_kit.transaction import Tx

log = structlog.get_logger()


class BadSignature(Refusal):
    slug, status = "bad-signature", 401
    title = {"en": "The signature does not hold", "zh": "签名无效"}


@dataclass(frozen=True, slots=True)
class Callback:
    provider: str
    event_id: str
    kind: Literal["charge", "refund"]
    key: str
    order_id: str
    told: Told


async def take(tx: Tx, callback: Callback) -> bool:
    """Once per event, however often and however many at the same time. False where it was known.

    Raises ValidationFailed where the key is another order's: then nothing of it can be believed.
    """
    kind, key = callback.kind, callback.key
    if kind == "charge":
        attempt = await store.attempt_of_key(tx.con, callback.provider, key)
        subject, order_id = (attempt.id, attempt.order_id) if attempt else (None, None)
    else:
        refund = await store.refund(tx.con, refund_of_key(key))
        subject, order_id = (refund.id, refund.order_id) if refund else (None, None)
    if order_id is not None and order_id != callback.order_id:
        fault = Fault("/order_id", "another-order", "The key belongs to another order", "该 key 属于其他订单")
        raise ValidationFailed([fault])
    kept = await store.keep_callback(
        tx.con,
        provider=callback.provider,
        event_id=callback.event_id,
        kind=kind,
        key=key,
        told=callback.told,
        order_id=order_id,
        at=tx.now,
    )
    if not kept:
        return False
    if subject is None:
        # Kept, for it may be money; but no order of ours knows it, so somebody has to look.
        log.warning("callback fits no payment", provider=callback.provider, event_id=callback.event_id)
    elif kind == "charge":
        await fold_charge(tx, subject, callback.told)
    else:
        await fold_refund(tx, subject, callback.told, key=key)
    return True
