"""What a run says on the terminal."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from svc_local.demo.comparison import FIGURES, Cell, Number, money, shown
from svc_local.demo.expected import Expected
from svc_local.demo.report import NAMES, Outcome

TOP = 10


def facts_of(expected: Expected) -> dict[str, Any]:
    """The counts of the data, in the words that people read."""
    left_out = expected.left_out
    return {
        "orders": expected.orders,
        "orders that total 0": expected.orders_of_zero,
        "lines": expected.lines,
        "units": expected.units,
        "products": expected.products,
        "net": money(expected.net_minor),
        "discount": money(expected.discount_minor),
        "lines of quantity 0, left out": left_out.lines,
        "of them with an amount": left_out.with_amount,
        "amount left out": money(left_out.amount_minor),
    }


def print_data(console: Console, expected: Expected) -> None:
    left_out = expected.left_out
    console.print(
        f"  {expected.orders:,} orders ({expected.orders_of_zero} of them total 0), {expected.lines:,} lines, "
        f"{expected.units:,} units of {expected.products:,} products, {money(expected.net_minor)} USD net, "
        f"{money(expected.discount_minor)} discount\n"
        f"  left out: {left_out.lines:,} lines of quantity 0, {left_out.with_amount} of them carrying "
        f"{money(left_out.amount_minor)}",
        soft_wrap=True,
    )


def print_verdict(console: Console, outcome: Outcome, files: tuple[Path, Path]) -> None:
    console.print()
    console.print(_figures(outcome))
    console.print()
    console.print(_categories(outcome))
    console.print()
    for line in lines_of(outcome):
        console.print(line, soft_wrap=True, markup=False, style="green" if outcome.is_equal else "red")
    console.print(*(f"  {file}" for file in files), sep="\n", soft_wrap=True)


def _figures(outcome: Outcome) -> Table:
    table = Table("figure", box=None, pad_edge=True, header_style="dim")
    for side in ("pandas", "metrics-svc"):
        table.add_column(side, justify="right")
    table.add_column()
    for figure in FIGURES:
        cell = Cell(figure)
        one, other = outcome.expected.get(cell, 0), outcome.found.get(cell, 0)
        table.add_row(NAMES[figure], shown(cell, one), shown(cell, other), _sign(one, other))
    for grain, name in (("day", "days"), ("category", "categories"), ("product", "products")):
        pairs = outcome.places("gmv", grain)
        equal = sum(one.expected == one.found for one in pairs)
        table.add_row(f"Sales of {name}, equal", f"{len(pairs):,}", f"{equal:,}", _sign(len(pairs), equal))
    return table


def _categories(outcome: Outcome) -> Table:
    table = Table("sales of category", box=None, pad_edge=True, header_style="dim")
    for side in ("pandas", "metrics-svc"):
        table.add_column(side, justify="right")
    table.add_column()
    for one in outcome.top_categories()[:TOP]:
        table.add_row(one.at, money(one.expected), money(one.found), _sign(one.expected, one.found))
    return table


def _sign(one: Number, other: Number) -> str:
    return "[green]✓[/green]" if one == other else "[red]✗[/red]"


def lines_of(outcome: Outcome) -> list[str]:
    """The verdict, or a line for each difference."""
    if outcome.is_equal:
        return [
            f"Equal to the cent. {outcome.levels_checked:,} stock levels are exactly 0 and the sum of their movements; "
            f"one order more was refused for each of {outcome.refused_checked} products. {outcome.seconds:.0f} s."
        ]
    said = [f"Not equal: {len(outcome.wrong)} findings.", *(f"  {one}" for one in outcome.wrong)]
    if line := outcome.tampered:
        said.append(
            f"TAMPER=1 sent product {line.product} of basket {line.basket} for {money(line.sent_minor)} instead of "
            f"{money(line.true_minor)}."
        )
    return said
