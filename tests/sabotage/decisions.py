"""Pure decisions of production, broken where only the simulator looks."""

from tests.sabotage.sabotage import SEEDS, Sabotage, in_simulator

SAGA = "order-svc/order_svc/orders/rules/saga.py"
MONEY = "order-svc/order_svc/orders/rules/money.py"
DESK = "inventory-svc/inventory_svc/reservations/rules.py"
STOCK = "inventory-svc/inventory_svc/stock/rules.py"
RELAY = "services/svc_kit/relay_rules.py"
CONSUMER = "services/svc_kit/consumer_rules.py"


def simulated(name: str, cost: str, path: str, old: str, new: str) -> Sabotage:
    return Sabotage(name, cost, path, old, new, in_simulator(), SEEDS)


SABOTAGES = (
    simulated("rows-of-a-partition-reversed", "c", RELAY, "setdefault(partition_of(row), []).append(row)", "setdefault(partition_of(row), []).insert(0, row)"),
    simulated("never-losing-a-lease", "c", RELAY, "return now - beat_at > LEASE_SECONDS", "return False"),
    simulated("may-send-always", "c", RELAY, "return now - beat_at < SEND_WITHIN_SECONDS", "return True"),
    simulated("fair-share-down", "c", RELAY, "return math.ceil(LANES / max(1, living))", "return LANES // (living + 1)"),
    simulated("stopped-for-ever", "c", RELAY, "stopped[lane].until <= now}", "stopped[lane].until > now}"),
    simulated("offset-at-most", "c", CONSUMER, "if not stored.get(place) == offset == pos.get(place)}", "if not stored.get(place) <= offset}"),
    simulated("offset-pos-only", "c", CONSUMER, "if not stored.get(place) == offset == pos.get(place)}", "if not offset == pos.get(place)}"),
    simulated("offset-stored-only", "c", CONSUMER, "if not stored.get(place) == offset == pos.get(place)}", "if not stored.get(place) == offset}"),
    simulated("doubles-pass", "c", CONSUMER, "if record.event_id in new_ids:", "if record.event_id:"),
    simulated("within-batch-doubles", "c", CONSUMER, "    return list(first.values())", "    return [record for record in records if record.event_id in new_ids]"),
    simulated("nothing-goes-behind", "c", CONSUMER, "(behind if record.key in parked else flowing).append(record)", "flowing.append(record)"),
    simulated("halves-lose", "c", CONSUMER, "return items[:middle], items[middle:]", "return items[:middle], items[middle + 1 :]"),
    simulated("halves-swapped", "c", CONSUMER, "return items[:middle], items[middle:]", "return items[middle:], items[:middle]"),
    simulated("whole-batch-parked", "c", CONSUMER, "        return Next.HALVE", "        return Next.PARK"),
    simulated("passing-parks", "c", CONSUMER, "        return Next.WAIT", "        return Next.PARK"),
    simulated("seek-missing-only", "c", CONSUMER, "if pos.get(place) != offset}", "if place not in pos}"),
    simulated("late-money-kept", "c", SAGA, "    elif order.status in DEAD:", "    elif order.status is Status.REJECTED:"),
    simulated("refund-before-goods", "c", SAGA, "if order.stock_state is not StockState.RELEASED or order.open_attempt is not None:", "if order.open_attempt is not None:"),
    simulated("late-reply-decides", "c", SAGA, "if order.status is not Status.PLACED or StockState.ASKED is order.stock_state:", "if StockState.ASKED is order.stock_state:"),
    simulated("cancelled-with-refund-under-way", "c", SAGA, "    elif order.refunding_minor == 0:", "    else:"),
    simulated("cancel-says-nothing", "c", SAGA, "    case.say(OrderCancelling(order_id=order.id, reason=reason, at=case.now))", '    case.note("cancelling")'),
    simulated("reject-says-nothing", "c", SAGA, "    _take_back(case)\n    case.say(\n", "    _take_back(case)\n    case.note(\n"),
    simulated("expire-keeps-money", "c", SAGA, "    case.say(OrderExpired(order_id=order.id, reason=\"unpaid\", at=case.now))\n    give_back(case)", "    case.say(OrderExpired(order_id=order.id, reason=\"unpaid\", at=case.now))\n    case.note(\"kept\")"),
    simulated("keep-not", "c", SAGA, '    case.settled += ["stock", "money"]', '    case.settled += ["money"]'),
    simulated("refund-folded-twice", "c", MONEY, "        order.refunding_minor += order.balance_minor", "        order.refunding_minor += 0"),
    simulated("same-goods-twice", "c", DESK, '                free[f"{sku}@{warehouse}"] -= wanted', '                free[f"{sku}@{warehouse}"] -= 0'),
    simulated("what-left-is-released", "c", DESK, "if shipped := shipped_units(order.held):", "if shipped := shipped_units([]):"),
    simulated("issue-after-cancel", "c", DESK, "if order.outcome is Outcome.RESERVED and not order.issued:", "if not order.issued:"),
    simulated("shipped-still-reserved", "c", STOCK, 'MovementKind.SHIPPED: {"on_hand": -1, "reserved": -1},', 'MovementKind.SHIPPED: {"on_hand": -1},'),
    simulated("movements-not-summed", "c", STOCK, "level[counter] = level.get(counter, 0) + sign * movement.quantity", "level[counter] = sign * movement.quantity"),
    simulated("reserved-still-available", "c", STOCK, "- self.quality_hold - self.reserved - self.prelocked", "- self.quality_hold - self.prelocked"),
    simulated("release-frees-nothing", "c", DESK, "            self.movements.append(_movement(one, MovementKind.RELEASED))", "            self.movements += []"),
    simulated("released-held", "c", DESK, "state=ReservationState.RELEASED) for one in order.held]", "state=one.state) for one in order.held]"),
    simulated("end-again", "c", DESK, "        if order.outcome is Outcome.RELEASED:\n", "        if order.outcome is Outcome.REFUSED:\n"),
)
