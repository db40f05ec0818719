"""What a person sees while the demo works: a bar with its rate and the time left; elsewhere a line per step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

NAME_WIDTH = 28
RATED_SECONDS = 0.1  # what took less was mostly there already


@dataclass(slots=True)
class Step:
    """`done` of `total`; seconds once it has ended."""

    name: str
    unit: str = ""
    total: int | None = None
    done: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.done / self.seconds if self.seconds > 0 else 0.0


class RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        unit = task.fields["unit"]
        speed = task.completed / task.elapsed if task.elapsed else 0
        return Text(f"{speed:,.0f} {unit}/s" if unit and speed else "", style="cyan")


class CountColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{int(task.completed):,} of {int(task.total):,}", justify="right")


@dataclass(slots=True)
class Display:
    """The steps of a run, in order."""

    console: Console
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, *, unit: str = "", total: int | None = None) -> "Iterator[Progressing]":
        """One step; what it yields counts it forward."""
        step = Step(name, unit, total)
        began = time.monotonic()
        columns = (
            TextColumn("  {task.description}"), BarColumn(bar_width=26), CountColumn(), RateColumn(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        )  # fmt: skip
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bar:
            task = bar.add_task(f"{name:<{NAME_WIDTH}}", total=total, unit=unit)
            yield Progressing(step, bar, task)
        step.seconds = time.monotonic() - began
        self.steps.append(step)
        self.console.print(line_of(step), highlight=False, soft_wrap=True)


def line_of(step: Step) -> str:
    counted = f"{step.done:>12,} {step.unit:<12}" if step.unit else " " * 25
    rate = f"{step.rate:>10,.0f}/s" if step.unit and step.done and step.seconds >= RATED_SECONDS else ""
    return f"  {step.name:<{NAME_WIDTH}}{step.seconds:>7.1f} s{counted}{rate}".rstrip()


@dataclass(slots=True)
class Progressing:
    step: Step
    bar: Progress
    task: "int"

    def advance(self, count: int = 1) -> None:
        self.step.done += count
        self.bar.advance(self.task, count)  # type: ignore[arg-type]
