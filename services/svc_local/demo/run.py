"""A run of the demo from the first count to the verdict."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from svc_local.demo import bodies, entering, report, stock, verdict
from svc_local.demo.baskets import Stock, read
from svc_local.demo.comparison import Difference, Figures, differences, explained
from svc_local.demo.display import Display, Progressing
from svc_local.demo.door import DemoDoor
from svc_local.demo.entering import Categories
from svc_local.demo.expected import Expected, count
from svc_local.demo.figures import Desk
from svc_local.demo.replaying import fulfil, send_orders
from svc_local.demo.report import Outcome
from svc_local.demo.selection import Selection
from svc_local.layout import ROOT, State, read_json
from svc_local.troubles import Trouble

POLL_SECONDS = 0.5
SETTLED_AFTER_SECONDS = 4.0  # figures that have not moved for so long are what the suite has to say
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Doors:
    """Everybody whom the demo is at the gateway; `visitor` is nobody in particular."""

    merchant: DemoDoor
    approver: DemoDoor
    visitor: DemoDoor


def run(selection: Selection, state: State, console: Console, *, reports: Path = ROOT / "reports") -> int:
    """0 where all is equal, else 1 and a sentence for each difference. Raises Trouble where it cannot go on."""
    suite = read_json(state.suite_file)
    if suite.get("state") != "ready":
        raise Trouble("The suite is not running: type `make up` first.")
    display = Display(console)
    console.print(f"[bold]Complete Journey, {selection.words}[/bold]")
    with display.step("Counted by pandas"):
        expected = count(selection)
    with display.step("Baskets read", unit="orders") as progress:
        goods = read(selection)
        progress.advance(len(goods.baskets))
    verdict.print_data(console, expected)
    with ExitStack() as stack:
        owner, *others = (stack.enter_context(DemoDoor(suite["gateway_url"])) for _ in range(4))
        doors = Doors(*others)
        with display.step("Shop and staff"):
            _sign_in(owner, doors, suite["credentials"], state)
            entering.open_shop(doors.merchant, selection)
        categories = _enter(display, doors, selection, goods)
        _replay(display, doors, selection, goods)
        outcome = _outcome(display, doors, selection, goods, expected, categories)
    files = report.write(outcome, reports)
    verdict.print_verdict(console, outcome, files)
    return 0 if outcome.is_equal else 1


def _sign_in(owner: DemoDoor, doors: Doors, credentials: dict[str, str], state: State) -> None:
    owner.sign_in(credentials["login"], credentials["password"])
    merchant, approver = entering.hire(owner, state)
    doors.merchant.sign_in(merchant.login, merchant.password)
    doors.approver.sign_in(approver.login, approver.password)


def _enter(display: Display, doors: Doors, selection: Selection, goods: Stock) -> Categories:
    """Everything that the orders need."""
    articles, many = goods.articles, len(goods.articles)
    names = {one.category for one in articles}
    with display.step("Categories", unit="categories", total=len(names)) as progress:
        categories = entering.add_categories(doors.merchant, articles, progress)
    with display.step("Products, prices, listings", unit="products", total=many) as progress:
        entering.bring_goods(doors.merchant, selection, articles, categories, progress)
    with display.step("Approved and published", unit="listings", total=many) as progress:
        entering.publish(doors.approver, selection, progress)
    with display.step("Stock received", unit="products", total=many) as progress:
        entering.receive(doors.merchant, selection, articles, progress)
    with display.step("On sale", unit="products", total=many) as progress:
        entering.wait_until_on_sale(doors.visitor, selection, articles, progress)
    return categories


def _replay(display: Display, doors: Doors, selection: Selection, goods: Stock) -> None:
    many = len(goods.baskets)
    with display.step("Orders sent", unit="orders", total=many) as progress:
        send_orders(doors.merchant, selection, goods.baskets, progress)
    with display.step("Packed, shipped, delivered", unit="orders", total=many) as progress:
        fulfil(doors.merchant, selection, many, progress)


def _outcome(
    display: Display, doors: Doors, selection: Selection, goods: Stock, expected: Expected, categories: Categories
) -> Outcome:
    desk = Desk(doors.merchant, selection, first=goods.first_day, last=goods.last_day)
    with display.step("Metrics caught up", unit="orders", total=len(goods.baskets)) as progress:
        _wait_for_metrics(desk, len(goods.baskets), progress)
    with display.step("Figures compared"):
        found, different = _compare(desk, expected.figures, categories)
    days = {one.cell.at for one in different if one.cell.grain == "day"}
    wrong = explained(different, expected.sold_on(days))
    if goods.tampered and not different:
        wrong.append(f"a line was sent a cent off and no figure shows it: {goods.tampered}")
    left, refused = _look_at_stock(display, doors, selection, goods)
    return Outcome(
        words=selection.words,
        shop=selection.shop,
        first_day=expected.first_day,
        last_day=expected.last_day,
        facts=verdict.facts_of(expected),
        expected=expected.figures,
        found=found,
        different=different,
        wrong=[*wrong, *left],
        levels_checked=len(goods.articles),
        refused_checked=refused,
        steps=display.steps,
        tampered=goods.tampered,
    )


def _wait_for_metrics(desk: Desk, orders: int, progress: Progressing) -> None:
    """Raises Trouble where nothing comes in any more."""
    moved_at = time.monotonic()
    while True:
        known, paid = desk.orders_known()
        if min(known, paid) > progress.step.done:
            progress.advance(min(known, paid) - progress.step.done)
            moved_at = time.monotonic()
        if min(known, paid) >= orders:
            return
        if time.monotonic() - moved_at > PATIENCE_SECONDS:
            raise Trouble(
                f"metrics-svc knows {known} of {orders} orders, {paid} of them paid, and learnt of no other for "
                f"{PATIENCE_SECONDS:.0f} s: see `make status` and `make logs SERVICE=metrics-svc`."
            )
        time.sleep(POLL_SECONDS)


def _compare(desk: Desk, expected: Figures, categories: Categories) -> tuple[Figures, list[Difference]]:
    """What differs once nothing moves any more; the facts of an order do not arrive all in one moment."""
    found, moved_at = desk.figures(categories), time.monotonic()
    while (different := differences(expected, found)) and time.monotonic() - moved_at < SETTLED_AFTER_SECONDS:
        time.sleep(POLL_SECONDS)
        before, found = found, desk.figures(categories)
        if found != before:
            moved_at = time.monotonic()
    return found, different


def _look_at_stock(display: Display, doors: Doors, selection: Selection, goods: Stock) -> tuple[Sequence[str], int]:
    """A sentence for each thing that is not so, and how many were refused one unit more."""
    skus = [bodies.sku(selection, one.id) for one in goods.articles]
    with display.step("Stock levels read", unit="levels", total=len(skus)) as progress:
        levels = stock.levels_of(doors.merchant, selection, progress)
    with display.step("Movements added up", unit="levels", total=len(skus)) as progress:
        sums = stock.sums_of(doors.merchant, selection, skus, progress)
    said = stock.left_over(skus, levels, sums)
    sample = stock.sample_of(goods.articles)
    with display.step("One more asked for", unit="products", total=len(sample)) as progress:
        answers = []
        for article in sample:
            answers.append(stock.one_more(doors.visitor, selection, article))
            progress.advance()
    return [*said, *(one for one in answers if one)], len(sample)
