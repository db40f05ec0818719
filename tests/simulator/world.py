"""One run: everything from one seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from tests.simulator.actors import Consumer, Group, Relay, Step
from tests.simulator.domain import PRICE_MINOR, SHELVES, Inventory, Orders
from tests.simulator.memory import PARTITIONS, Bus, Clock, Place, Record, Tables, Work

from order_svc.orders.rules.states import DEAD, PaymentStatus, Status
from svc_contracts.events.order import PlacedLine
from svc_contracts.topics import ORDER, STOCK

SKUS = ("A", "B", "C")
ORDERS = 14
# Four hundred seconds of the clock, where fifteen are usual: well before an order gives up its undecided neighbours.
STEPS_MAX = 2_000
SETTLED = {Status.AWAITING_PAYMENT, Status.CONFIRMED, Status.IN_FULFILMENT, Status.COMPLETED, Status.ON_HOLD, *DEAD}


class Violated(AssertionError):
    """A promise is broken; the message has the seed."""


@dataclass(slots=True)
class Process:
    """A generator that can be killed or frozen. `make`: begins it anew."""

    name: str
    make: "Relay | Consumer"
    steps: Step = field(init=False)
    asleep_until: float = 0.0

    def __post_init__(self) -> None:
        self.steps = self.make.run()

    def kill(self) -> None:
        self.steps.close()
        self.steps = self.make.run()


class Simulation:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.clock = Clock()
        ids = count(1)
        self.orders = Orders(Tables(ORDER.name, ids))
        self.inventory = Inventory(Tables(STOCK.name, ids))
        self.bus = Bus(self.chance)
        self.names = count(1)
        self.seen: dict[str, dict[str, list[tuple[int, int]]]] = {"orders": {}, "inventory": {}}
        self.poison: dict[str, dict[str, int]] = {"orders": {}, "inventory": {}}
        self.groups = {
            "orders": self._group(STOCK.name),
            "inventory": self._group(ORDER.name),
        }
        self.processes = [*self._relays(), *self._consumers()]
        self.crashes = 0
        self.looked_at = -1
        for sku in SKUS:
            for shelf in SHELVES:
                self.inventory.receive(sku, shelf, self.chance.randint(0, 4))

    def _group(self, topic: str) -> Group:
        places: list[Place] = [(topic, n) for n in range(PARTITIONS)]
        group = Group(places, members=2, chance=self.chance)
        group.rebalance()
        return group

    def _relays(self) -> Iterator[Process]:
        for side, tables in (("orders", self.orders.tables), ("inventory", self.inventory.tables)):
            for n in range(2):
                yield Process(f"{side} relay {n}", Relay(tables, self.bus, self.clock, self.chance, self.names))

    def _consumers(self) -> Iterator[Process]:
        for side, service in (("orders", self.orders), ("inventory", self.inventory)):
            for n in range(2):

                def handle(work: Work, records: Sequence[Record], side: str = side, service: object = service) -> None:
                    service.handle(work, records, self.clock.now)  # type: ignore[attr-defined]
                    work.effects += [(record.event_id, record.key, record.seq) for record in records]

                arguments = (service.tables, self.bus, self.clock, self.chance, self.groups[side], n, handle)
                yield Process(f"{side} consumer {n}", Consumer(*arguments, self.poison[side]))

    # The run

    def run(self) -> "Simulation":
        self._troubled()
        self._calm()
        self._check()
        return self

    def _troubled(self) -> None:
        must_crash = self.chance.randint(5, 60)
        for n in range(self.chance.randint(330, 600)):
            self._one_step()
            if n == must_crash or self.chance.random() < 0.02:
                self._kill()
            roll = self.chance.random()
            if roll < 0.02:
                process = self.chance.choice(self.processes)
                process.asleep_until = self.clock.now + self.chance.uniform(0.5, 12.0)
            elif roll < 0.04:
                self.chance.choice(list(self.groups.values())).rebalance()
            elif roll < 0.06 and sum(map(len, self.poison.values())) < 2 and self.orders.placed:
                side = self.chance.choice(("orders", "inventory"))
                self.poison[side].setdefault(f"ord_{self.chance.randint(1, self.orders.placed)}", 0)
            elif roll < 0.35:
                self._act()

    def _calm(self) -> None:
        """No more trouble: what was started has to come to its end."""
        self.bus.trouble = False
        for group in self.groups.values():
            group.rebalance()
        for process in self.processes:
            process.asleep_until = 0.0
        for _ in range(STEPS_MAX):
            for process in self.processes:
                next(process.steps)
            self.clock.now += 0.2
            for order_id in self.orders.tables.rows:
                self.orders.answer_refund(order_id, self.clock.now)
            self.orders.fire_due(self.clock.now)
            if self._is_drained():
                if not any(side.tables.parked for side in (self.orders, self.inventory)):
                    return
                self._redrive()
        raise Violated(f"seed {self.seed}: did not come to rest")

    def _one_step(self) -> None:
        self.clock.now += self.chance.expovariate(12.0)
        awake = [process for process in self.processes if process.asleep_until <= self.clock.now]
        if awake:
            next(self.chance.choice(awake).steps)
        self.orders.fire_due(self.clock.now)
        if self.inventory.tables.emitted != self.looked_at:
            self.looked_at = self.inventory.tables.emitted
            self._conserved()

    def _kill(self) -> None:
        self.crashes += 1
        self.chance.choice(self.processes).kill()

    def _act(self) -> None:
        """Somebody does something."""
        now = self.clock.now
        if self.orders.placed < ORDERS and self.chance.random() < 0.5:
            skus = self.chance.sample(SKUS, self.chance.randint(1, 2))
            lines = [self._line(n, sku) for n, sku in enumerate(skus, start=1)]
            missing = ("street",) if self.chance.random() < 0.2 else ()
            self.orders.place(lines, address_missing=missing, now=now)
        elif self.orders.placed:
            order_id = f"ord_{self.chance.randint(1, self.orders.placed)}"
            deeds = (
                self.orders.pay, self.orders.pay, self.orders.cancel, self.orders.release_hold,
                self.orders.answer_refund, self.inventory.ship, self.inventory.ship, self.inventory.deliver,
            )  # fmt: skip
            self.chance.choice(deeds)(order_id, now)

    def _line(self, n: int, sku: str) -> PlacedLine:
        quantity = self.chance.randint(1, 3)
        amount = PRICE_MINOR * quantity
        return PlacedLine(
            line_id=f"l{n}", sku=sku, product_id=None, quantity=quantity, gross_minor=amount, discount_minor=0,
            net_minor=amount,
        )  # fmt: skip

    def _redrive(self) -> None:
        """As svc_kit.redrive: in order, one transaction each, without the inbox."""
        for side, service in (("orders", self.orders), ("inventory", self.inventory)):
            innocent = service.tables.parked.keys() - self.poison[side].keys()
            self._must(not innocent, f"{side}: {innocent} parked without poison")
            self.poison[side].clear()
            for key in list(service.tables.parked):
                for record in service.tables.parked[key]:
                    work = Work(service.tables)
                    service.handle(work, [record], self.clock.now)
                    work.effects.append((record.event_id, record.key, record.seq))
                    work.commit()
                del service.tables.parked[key]

    def _is_drained(self) -> bool:
        if self.orders.tables.outbox or self.inventory.tables.outbox:
            return False
        for service, topic in ((self.orders, STOCK.name), (self.inventory, ORDER.name)):
            for n in range(PARTITIONS):
                if service.tables.offsets.get((topic, n), 0) < len(self.bus.logs.get((topic, n), ())):
                    return False
        return True

    # What has to be true

    def _conserved(self) -> None:
        """At every instant: Σ live reservations = Σ of the movements' signs = reserved, never more than there is."""
        live = self.inventory.live()
        for key, level in self.inventory.levels.items():
            if level.reserved != live.get(key, 0) or level.reserved > level.on_hand:
                raise Violated(f"seed {self.seed}: {level} but {live.get(key, 0)} held")

    def _check(self) -> None:
        self._conserved()
        self._check_ledger()
        for side, service, topic in (
            ("orders", self.orders, STOCK.name), ("inventory", self.inventory, ORDER.name),
        ):  # fmt: skip
            self._check_effects(side, service.tables, topic)
        for order_id, kept in self.orders.tables.rows.items():
            self._check_order(order_id, kept)

    def _check_ledger(self) -> None:
        sums: dict[str, int] = {}
        for movement in self.inventory.tables.rows["ledger"]:
            sums[movement.key] = sums.get(movement.key, 0) + movement.signs.get("reserved", 0) * movement.quantity
        for key, level in self.inventory.levels.items():
            self._must(sums[key] == level.reserved, f"ledger of {key}: {sums[key]} but {level.reserved} reserved")

    def _check_effects(self, side: str, tables: Tables, topic: str) -> None:
        """Every event sent has had its effect exactly once, and those of a key in their order."""
        sent = {record.event_id for n in range(PARTITIONS) for record in self.bus.logs.get((topic, n), ())}
        done = [event_id for event_id, _, _ in tables.effects]
        self._must(len(done) == len(set(done)), f"{side}: an effect was doubled")
        self._must(set(done) == sent, f"{side}: lost {len(sent - set(done))}, invented {len(set(done) - sent)}")
        last: dict[str, int] = {}
        for _, key, seq in tables.effects:
            self._must(seq > last.get(key, 0), f"{side}: {key} went from {last.get(key)} to {seq}")
            last[key] = seq

    def _check_order(self, order_id: str, kept: object) -> None:
        order = kept.order  # type: ignore[attr-defined]
        stock = self.inventory.tables.rows.get(order_id)
        self._must(order.status in SETTLED, f"{order_id} is still {order.status}")
        self._must(stock is not None and stock.outcome is not None, f"{order_id} was never decided")
        live = [one for one in stock.held if one.state in {"reserved", "picked"}]
        shipped = [one for one in stock.held if one.state == "shipped"]
        if order.status in DEAD:
            self._must(not live and not shipped, f"{order_id} is {order.status} and holds {stock.held}")
            self._must(order.shipped_units == 0, f"{order_id} is {order.status} and {order.shipped_units} have left")
            self._must(order.balance_minor == 0, f"{order_id} is {order.status} and its money is kept")
            self._must(all(kept.owed_back.values()), f"{order_id}: not everything came back: {kept.owed_back}")  # type: ignore[attr-defined]
        if order.status in (Status.AWAITING_PAYMENT, Status.CONFIRMED):
            self._must(bool(live), f"{order_id} is {order.status} without goods")
        refunded = order.payment_status in (PaymentStatus.REFUNDED, PaymentStatus.PARTIALLY_REFUNDED)
        self._must(not (shipped and refunded), f"{order_id} was refunded and shipped")

    def _must(self, holds: bool, words: str) -> None:
        if not holds:
            raise Violated(f"seed {self.seed}: {words}")
