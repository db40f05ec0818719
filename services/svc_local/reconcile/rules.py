"""What has to agree with what. Pure: rows in, drift out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

# What inventory-svc has to have answered about an order in this state, and marketing-svc where it had benefits.
STOCK_OF: Mapping[str, frozenset[str | None]] = {
    "placed": frozenset({None, "reserved", "refused", "released"}),
    "awaiting_payment": frozenset({"reserved"}),
    "auditing": frozenset({"reserved"}),
    "on_hold": frozenset({"reserved", "refused"}),
    "confirmed": frozenset({"reserved"}),
    "in_fulfilment": frozenset({"reserved"}),
    "completed": frozenset({"reserved"}),
    "cancelling": frozenset({"reserved", "refused", "released"}),
    "rejected": frozenset({"refused", "released"}),
    "expired": frozenset({"released"}),
    "cancelled": frozenset({"released"}),
}
BENEFITS_OF: Mapping[str, frozenset[str | None]] = {
    "placed": frozenset({None, "pending", "locked", "refused", "released"}),
    "awaiting_payment": frozenset({"locked"}),
    "auditing": frozenset({"locked"}),
    "on_hold": frozenset({"locked", "refused"}),
    "confirmed": frozenset({"locked", "used"}),
    "in_fulfilment": frozenset({"used"}),
    "completed": frozenset({"used"}),
    "cancelling": frozenset({"locked", "used", "refused", "released"}),
    "rejected": frozenset({"refused", "released"}),
    "expired": frozenset({"released"}),
    "cancelled": frozenset({"released"}),
}
DEAD = frozenset({"rejected", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class Drift:
    """`expected` and `found` differ at `subject`."""

    check: str
    subject: str
    expected: str
    found: str


def levels(rows: Iterable[Row], held: Mapping[str, int], moved: Mapping[str, Mapping[str, int]]) -> list[Drift]:
    """Σ live reservations = Σ of the movements' signs = the counter, and no more is promised than there is."""
    found = []
    seen: set[str] = set()
    for row in rows:
        key = str(row["key"])
        seen.add(key)
        if (units := held.get(key, 0)) != row["reserved"]:
            found.append(Drift("reservations = reserved", key, str(units), str(row["reserved"])))
        for counter, total in moved.get(key, {}).items():
            if total != row[counter]:
                found.append(Drift(f"movements = {counter}", key, str(total), str(row[counter])))
        good = row["on_hand"] - row["damaged"] - row["quality_hold"] + row["backorder_limit"] + row["deficit"]
        if row["reserved"] + row["prelocked"] > good:
            found.append(Drift("never oversold", key, f"≤ {good}", str(row["reserved"] + row["prelocked"])))
    found += [
        Drift("reservations = reserved", key, str(units), "no level") for key, units in held.items() if key not in seen
    ]
    return found


def decisions(orders: Iterable[Row], stock: Mapping[str, str], benefits: Mapping[str, str]) -> list[Drift]:
    """Each order's state and what the others decided about it."""
    found = []
    known: set[str] = set()
    for row in orders:
        order_id, status = str(row["id"]), str(row["status"])
        known.add(order_id)
        if (outcome := stock.get(order_id)) not in STOCK_OF[status]:
            found.append(Drift(f"stock of {status}", order_id, words(STOCK_OF[status]), str(outcome)))
        outcome = benefits.get(order_id)
        if row["has_benefits"] and outcome not in BENEFITS_OF[status]:
            found.append(Drift(f"benefits of {status}", order_id, words(BENEFITS_OF[status]), str(outcome)))
    found += [
        Drift("a reservation has its order", order_id, "an order", "none")
        for order_id, outcome in stock.items()
        if outcome == "reserved" and order_id not in known
    ]
    return found


def money(orders: Iterable[Row], ledger: Mapping[str, tuple[int, int]], under_way: Mapping[str, int]) -> list[Drift]:
    """The folds of the ledger, and money that nobody has a right to keep. `ledger`: (charged, refunded)."""
    found = []
    for row in orders:
        order_id = str(row["id"])
        charged, refunded = ledger.get(order_id, (0, 0))
        if (charged, refunded) != (row["charged_minor"], row["refunded_minor"]):
            told = f"{row['charged_minor']} − {row['refunded_minor']}"
            found.append(Drift("ledger = order", order_id, f"{charged} − {refunded}", told))
        kept = charged - refunded - under_way.get(order_id, 0)
        if row["status"] in DEAD and kept > 0:
            found.append(Drift("no money is kept", order_id, "0", str(kept)))
        if row["shipped_units"] > 0 and refunded > 0:
            found.append(Drift("never refunded and shipped", order_id, "0", str(refunded)))
        if row["status"] in DEAD and row["owed"]:
            found.append(Drift("everything came back", order_id, "nothing owed", ", ".join(row["owed"])))
    return found


def facts(orders: Iterable[Row], told: Mapping[str, tuple[int, bool]]) -> list[Drift]:
    """`told`: order → (total, whether it was rejected), as metrics-svc knows it."""
    found = []
    known: set[str] = set()
    for row in orders:
        order_id = str(row["id"])
        known.add(order_id)
        expected = (row["total_minor"], row["status"] == "rejected")
        if (fact := told.get(order_id)) != expected:
            found.append(Drift("order = fact", order_id, pair(expected), "no fact" if fact is None else pair(fact)))
    found += [Drift("order = fact", order_id, "no order", pair(told[order_id])) for order_id in told.keys() - known]
    return found


def pair(fact: tuple[int, bool]) -> str:
    return f"{fact[0]}{', rejected' if fact[1] else ''}"


def words(outcomes: Collection[str | None]) -> str:
    return " or ".join(sorted(str(one) for one in outcomes))
