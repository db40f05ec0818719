"""Ten thousand runs of the backbone in memory, each replayable by its number."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest
from tests.simulator import actors, domain
from tests.simulator.world import Simulation, Violated

from inventory_svc.reservations import commands as stock_commands
from order_svc.orders.rules import saga
from svc_kit import batches, consumer, consuming, relay

SEEDS = int(os.environ.get("SEEDS", "10000"))
BLOCK = 250
EVENTS_MIN = 50


def run_block(first: int) -> tuple[int, int, int, list[str]]:
    """(events, doubled records, crashes, what was violated)"""
    events = doubled = crashes = 0
    violated: list[str] = []
    for seed in range(first, min(first + BLOCK, SEEDS)):
        simulation = Simulation(seed)
        try:
            simulation.run()
        except Exception as fault:  # noqa: BLE001 - whatever a run dies of is told with its seed
            violated.append(str(fault) if isinstance(fault, Violated) else f"seed {seed}: {fault!r}")
        events += simulation.orders.tables.emitted + simulation.inventory.tables.emitted
        doubled += simulation.bus.doubled
        crashes += simulation.crashes
    return events, doubled, crashes, violated


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_out_of_order_in_any_run() -> None:
    # Fresh interpreters: this one has threads, and may not be forked.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        blocks = list(pool.map(run_block, range(0, SEEDS, BLOCK)))

    violated = [words for *_, found in blocks for words in found]
    assert violated == [], f"{len(violated)} of {SEEDS}; replay one: SEED=… pytest tests/simulator -k one_seed"
    assert sum(crashes for *_, crashes, _ in blocks) >= SEEDS
    assert sum(doubled for _, doubled, *_ in blocks) >= SEEDS
    assert sum(events for events, *_ in blocks) >= SEEDS * EVENTS_MIN


def test_one_seed_runs_the_same_twice() -> None:
    seed = int(os.environ.get("SEED", "4711"))

    first, second = Simulation(seed).run(), Simulation(seed).run()

    assert first.bus.logs == second.bus.logs
    assert first.orders.tables.sent == second.orders.tables.sent


def test_the_simulator_decides_with_the_functions_of_production() -> None:
    for name in ("after_pass", "by_partition", "fair_share", "has_lost_lease", "may_send", "sendable", "Stopped"):
        assert getattr(actors, name) is getattr(relay, name), name
    for name in ("after_failure", "halves", "standing", "to_seek", "Failures"):
        assert getattr(actors, name) is getattr(consuming, name), name
    for name in ("apart", "around", "first_of_each"):
        assert getattr(actors, name) is getattr(consumer, name), name
    assert actors.halves is batches.halves
    assert domain.Desk is stock_commands.Desk
    assert domain.saga is saga
