"""Beginning to pay: the attempt and its call are written together; the call itself comes after the commit."""

from collections.abc import Sequence
from dataclasses import dataclass

from order_svc.orders.commands import book
from order_svc.orders.rules import money
from order_svc.orders.rules.order import Case, LedgerRow
from order_svc.orders.rules.states import Status, possible_for_buyer
from order_svc.payments import store
from order_svc.payments.rules import BANK_TRANSFER, SANDBOX, Attempt, AttemptState, Method, provider_key
from svc_kit import effects
from svc_kit.batches import Batched
from svc_kit.effects import Wanted
from svc_kit.refusals import IllegalTransition, NotFound, Refusal
from svc_kit.transaction import Origin, Tx

CHARGE = "charge"


class AttemptOpen(Refusal):
    """`attempt_id`, `state`: the one whose outcome has to come first."""

    slug, status = "attempt-open", 409
    title = {"en": "A payment of this order is still under way", "zh": "该订单有一笔支付正在处理中"}


@dataclass(frozen=True, slots=True)
class StartAttempt:
    attempt_id: str
    order_id: str
    method: Method
    sandbox_outcome: str | None = None


async def start_attempts(tx: Tx, items: Sequence[StartAttempt]) -> list[Attempt | Refusal]:
    """One open attempt per order; of two in one batch the second is refused."""
    wanted = {item.order_id for item in items}
    cases = await book.open_cases(tx, wanted)
    known = await store.attempts(tx.con, wanted)
    outcomes: list[Attempt | Refusal] = []
    started: list[Attempt] = []
    origins: dict[str, Origin] = {}
    for n, item in enumerate(items):
        mine = known.setdefault(item.order_id, [])
        outcome = await _start(tx, item, cases.get(item.order_id), mine)
        if isinstance(outcome, Attempt):
            mine.append(outcome)
            started.append(outcome)
            if tx.origins:
                origins[item.order_id] = tx.origins[n]
        outcomes.append(outcome)
    if started:
        await store.insert_attempts(tx.con, started)
    await effects.request(
        tx, [Wanted(CHARGE, one.order_id, {"attempt_id": one.id}) for one in started if one.method == SANDBOX]
    )
    await book.close_cases(tx, list(cases.values()), origins=origins)
    return outcomes


START = Batched(name="start_attempts", command=start_attempts, resource_id=lambda attempt: attempt.id)


async def _start(tx: Tx, item: StartAttempt, case: Case | None, known: Sequence[Attempt]) -> Attempt | Refusal:
    if case is None:
        return NotFound()
    order = case.order
    if order.status is not Status.AWAITING_PAYMENT:
        possible = possible_for_buyer(order.status, shipped_units=order.shipped_units)
        return IllegalTransition(state=order.status.value, possible=possible)
    if (open_one := next((one for one in known if one.is_open), None)) is not None:
        if open_one.method != BANK_TRANSFER or item.method == BANK_TRANSFER:
            return AttemptOpen(attempt_id=open_one.id, n=open_one.n, state=open_one.state.value)
        # Nobody is charging anything: the buyer changed their mind, and a transfer that comes still counts.
        open_one.become(AttemptState.FAILED, at=tx.now)
        open_one.reason = "other_method"
        await store.update_attempts(tx.con, [open_one])
    n = len(known) + 1
    key = provider_key(order.id, n)
    attempt = Attempt(
        id=item.attempt_id,
        order_id=order.id,
        n=n,
        method=item.method,
        provider=item.method,
        key=key,
        amount_minor=money.owes_minor(order),
        currency=order.currency,
        requested_at=tx.now,
        sandbox_outcome=item.sandbox_outcome,
    )
    money.record(case, LedgerRow(n, "charge", "request", attempt.provider, key, attempt.amount_minor, tx.now))
    case.note("payment_requested", attempt=n, method=attempt.method, amount_minor=attempt.amount_minor)
    # An expiry waits for what a provider may be doing right now, not for a transfer that may never come.
    if attempt.method == SANDBOX:
        order.open_attempt = n
    return attempt
