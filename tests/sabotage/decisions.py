"""Pure decisions of production, broken where the simulator alone looks for it."""

from tests.sabotage.sabotage import Sabotage

SAGA = "order-svc/order_svc/orders/rules/saga.py"
MONEY = "order-svc/order_svc/orders/rules/money.py"
DESK = "inventory-svc/inventory_svc/reservations/rules.py"
STOCK = "inventory-svc/inventory_svc/stock/rules.py"
RELAY = "services/svc_kit/relay_rules.py"
CONSUMER = "services/svc_kit/consumer_rules.py"
ANY_RUN = "tests/simulator/test_simulator.py::test_nothing_is_lost_doubled_or_out_of_order_in_any_run"


def simulated(name: str, cost: str, path: str, old: str, new: str, *, seeds: int = 150) -> Sabotage:
    """Every run is what its seed makes of it: what so many find, they find each time."""
    return Sabotage(name, cost, path, old, new, ANY_RUN, {"SEEDS": str(seeds)})


SABOTAGES = (
    simulated(
        "relay-forgets-the-order-within-a-partition",
        "an order is said to be paid before it is said to be placed",
        RELAY,
        "parts.setdefault(partition_of(row), []).append(row)",
        "parts.setdefault(partition_of(row), []).insert(0, row)",
    ),
    simulated(
        "relay-never-sees-that-its-lease-is-over",
        "lanes belong for ever to a relay that no longer serves them",
        RELAY,
        "return now - beat_at > LEASE_SECONDS",
        "return False",
        seeds=20,
    ),
    simulated(
        "relays-leave-lanes-to-nobody",
        "events of some orders are never sent while two relays live",
        RELAY,
        "return math.ceil(LANES / max(1, living))",
        "return LANES // (living + 1)",
        seeds=20,
    ),
    simulated(
        "consumer-goes-on-at-any-later-offset",
        "after a failed seek events are skipped in silence",
        CONSUMER,
        "if not stored.get(place) == offset == pos.get(place)}",
        "if not stored.get(place, 0) <= offset}",
        seeds=600,
    ),
    simulated(
        "inbox-is-not-believed",
        "an order that arrives twice takes the goods twice",
        CONSUMER,
        "if record.event_id in new_ids:",
        "if record.event_id not in ():",
    ),
    simulated(
        "what-follows-a-parked-event-overtakes-it",
        "a cancellation is worked on before the order that it cancels",
        CONSUMER,
        "(behind if record.key in parked else flowing).append(record)",
        "flowing.append(record)",
    ),
    simulated(
        "poison-parks-its-whole-batch",
        "one bad event stops the orders of hundreds of buyers",
        CONSUMER,
        "        return Next.HALVE",
        "        return Next.PARK",
    ),
    simulated(
        "passing-trouble-parks-keys",
        "a restart of the database leaves orders waiting for a person",
        CONSUMER,
        "        return Next.WAIT",
        "        return Next.PARK",
    ),
    simulated(
        "money-after-the-expiry-is-kept",
        "a buyer pays for an order that is over and gets neither goods nor money",
        SAGA,
        "    elif order.status in DEAD:",
        "    elif order.status is Status.REJECTED:",
    ),
    simulated(
        "a-late-reply-decides-again",
        "a promise that comes after the cancellation stops the consumer or revives the order",
        SAGA,
        "if order.status is not Status.PLACED or StockState.ASKED is order.stock_state:",
        "if StockState.ASKED is order.stock_state:",
    ),
    simulated(
        "cancelling-asks-nobody-for-the-goods",
        "cancelled orders hold their goods for ever",
        SAGA,
        "    case.say(OrderCancelling(order_id=order.id, reason=reason, at=case.now))",
        '    case.note("asked", reason=reason)',
    ),
    simulated(
        "money-on-its-way-back-is-not-remembered",
        "money of an expired order is given back again and again",
        MONEY,
        "        order.refunding_minor += order.balance_minor",
        "        order.refunding_minor += 0",
    ),
    simulated(
        "a-promise-takes-nothing-from-what-is-free",
        "two orders of one batch are promised the same last unit",
        DESK,
        '                free[f"{sku}@{warehouse}"] -= wanted',
        '                free[f"{sku}@{warehouse}"] -= 0',
    ),
    simulated(
        "what-has-left-is-released",
        "the money goes back for goods that are on their way",
        DESK,
        "if shipped := shipped_units(order.held):",
        "if shipped := shipped_units(order.held[:0]):",
    ),
    simulated(
        "what-was-shipped-stays-reserved",
        "each parcel makes stock unsellable",
        STOCK,
        'MovementKind.SHIPPED: {"on_hand": -1, "reserved": -1},',
        'MovementKind.SHIPPED: {"on_hand": -1},',
    ),
    simulated(
        "what-is-reserved-counts-as-free",
        "more is sold than there is",
        STOCK,
        "- self.quality_hold - self.reserved - self.prelocked",
        "- self.quality_hold - self.prelocked",
    ),
)
