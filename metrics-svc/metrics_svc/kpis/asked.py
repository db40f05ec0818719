"""What a client asks for, read from query parameters: every fault at once, or a question that can be answered. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from metrics_svc.kpis.definitions import BY_KEY, DIMS, WINDOW_DAYS, WINDOWS_DAYS, By, Definition, Grain, Measure

DAY_FIRST, DAY_LAST = date(2000, 1, 1), date(2199, 12, 31)
DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$", re.ASCII)
Choice = TypeVar("Choice", Grain, By)
# A day of any time zone lies within these hours around the same day of UTC (zones run from −12 to +14).
WEST, EAST = timedelta(hours=13), timedelta(hours=15)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault, in words; the doors make it a refusal's."""

    pointer: str
    code: str
    en: str
    zh: str
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Period:
    """Shop days, both inclusive."""

    first: date
    last: date

    @property
    def utc(self) -> tuple[datetime, datetime, datetime, datetime]:
        """(a, b, c, d): outside [a, d) a moment is in no shop's period, within [b, c) it is in every shop's."""
        begin = datetime.combine(self.first, time.min, UTC)
        end = datetime.combine(self.last + timedelta(days=1), time.min, UTC)
        return begin - EAST, begin + WEST, end - EAST, end + WEST

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def window(self, days: int) -> "Period":
        """The `days` days that end with the last."""
        return Period(self.last - timedelta(days=days - 1), self.last)

    def __str__(self) -> str:
        return f"{self.first.isoformat()}/{self.last.isoformat()}"


@dataclass(frozen=True, slots=True)
class Asked:
    definitions: tuple[Definition, ...]
    period: Period
    grain: Grain
    by: By | None
    window_days: int

    @property
    def widest(self) -> Period:
        """The longest period that is read."""
        windows = [self.period.window(self.window_days)] if any(one.windows_days for one in self.definitions) else []
        return max([self.period, *windows], key=lambda period: period.days)


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters as they came."""

    keys: str | None = None
    from_: str | None = None
    to: str | None = None
    grain: str | None = None
    by: str | None = None
    window_days: str | None = None


@dataclass(frozen=True, slots=True)
class Looking:
    """A question for the facts behind a figure. `only`: dimension → what it must say."""

    key: str
    from_: str | None = None
    to: str | None = None
    window_days: str | None = None
    part: str | None = None
    only: Mapping[By, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    definition: Definition
    measure: Measure
    period: Period


@dataclass(frozen=True, slots=True)
class Faulty:
    """`unknown`: keys that there are not; they make the answer a 404, whatever else is wrong."""

    unknown: tuple[str, ...]
    wrong: tuple[Wrong, ...]


def read(question: Question) -> Asked | Faulty:
    wrong: list[Wrong] = []
    keys, unknown = keys_of(question.keys, wrong)
    period = period_of(question.from_, question.to, wrong)
    grain = _one_of(Grain, "/grain", question.grain, wrong) or Grain.TOTAL
    by = _one_of(By, "/by", question.by, wrong)
    window = window_of(question.window_days, wrong)
    definitions = _possible(keys, by, grain, wrong) if question.keys else _fitting(by, grain)
    if wrong or period is None:
        return Faulty(unknown, tuple(wrong))
    return Asked(definitions, period, grain, by, window)


def look(looking: Looking) -> Looked | Faulty:
    wrong: list[Wrong] = []
    definition = BY_KEY.get(looking.key)
    if definition is None:
        wrong.append(unknown_key("/key", looking.key))
    period = period_of(looking.from_, looking.to, wrong)
    window = window_of(looking.window_days, wrong)
    measure = _part_of(definition, looking.part, wrong)
    for by in looking.only if definition else ():
        if definition and by not in definition.by:
            en, zh = f"{definition.key} cannot be shown by {by}", f"{definition.key} 不支持按 {by} 拆分"
            facts: dict[str, object] = {"key": definition.key, "possible": sorted(definition.by)}
            wrong.append(Wrong(f"/{DIMS[by]}", "by-not-possible", en, zh, facts))
    if wrong or definition is None or period is None or measure is None:
        return Faulty(() if definition else (looking.key[:64],), tuple(wrong))
    return Looked(definition, measure, period.window(window) if definition.windows_days else period)


def _part_of(definition: Definition | None, part: str | None, wrong: list[Wrong]) -> Measure | None:
    if part not in (None, "numerator", "denominator"):
        words = "numerator, denominator"
        facts: dict[str, object] = {"possible": ["numerator", "denominator"]}
        wrong.append(Wrong("/part", "unknown-value", f"One of {words}", f"可选值：{words}", facts))
        return None
    if definition is None or part != "denominator":
        return definition.numerator if definition else None
    if definition.denominator is None:
        en, zh = f"{definition.key} has no denominator", f"{definition.key} 没有分母"
        wrong.append(Wrong("/part", "no-denominator", en, zh, {"key": definition.key}))
    return definition.denominator


def keys_of(text: str | None, wrong: list[Wrong]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(known, unknown), each once, in the order asked."""
    named = tuple(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))
    if text is not None and not named:
        wrong.append(Wrong("/keys", "missing", "Name at least one figure", "请至少指定一个指标"))
    unknown = tuple(key for key in named if key not in BY_KEY)
    wrong += [unknown_key("/keys", key) for key in unknown]
    return tuple(key for key in named if key in BY_KEY), unknown


def unknown_key(pointer: str, key: str) -> Wrong:
    shown = key[:64]
    return Wrong(pointer, "unknown-kpi", f"There is no figure {shown}", f"没有名为 {shown} 的指标", {"key": shown})


def period_of(first: str | None, last: str | None, wrong: list[Wrong]) -> Period | None:
    begin, end = _date("/from", first, wrong), _date("/to", last, wrong)
    if begin is None or end is None:
        return None
    if begin > end:
        wrong.append(Wrong("/to", "before-from", "The period ends before it begins", "结束日期早于开始日期"))
        return None
    return Period(begin, end)


def _date(pointer: str, text: str | None, wrong: list[Wrong]) -> date | None:
    if not text:
        wrong.append(Wrong(pointer, "missing", "Give a date such as 2026-01-31", "请填写日期，例如 2026-01-31"))
        return None
    try:
        day = date.fromisoformat(text) if DATE.match(text) else None
    except ValueError:
        day = None
    if day is None:
        wrong.append(Wrong(pointer, "not-a-date", "Give a date such as 2026-01-31", "请填写日期，例如 2026-01-31"))
    elif not DAY_FIRST <= day <= DAY_LAST:
        en, zh = f"Dates run from {DAY_FIRST} to {DAY_LAST}", f"日期须在 {DAY_FIRST} 与 {DAY_LAST} 之间"
        wrong.append(Wrong(pointer, "out-of-range", en, zh))
    else:
        return day
    return None


def _one_of(kind: type[Choice], pointer: str, text: str | None, wrong: list[Wrong]) -> Choice | None:
    if text is None:
        return None
    if text in set(kind):
        return kind(text)
    possible = [one.value for one in kind]
    words = ", ".join(possible)
    wrong.append(Wrong(pointer, "unknown-value", f"One of {words}", f"可选值：{words}", {"possible": possible}))
    return None


def window_of(text: str | None, wrong: list[Wrong]) -> int:
    if text is None:
        return WINDOW_DAYS
    if text in map(str, WINDOWS_DAYS):
        return int(text)
    words = ", ".join(map(str, WINDOWS_DAYS))
    facts: dict[str, object] = {"possible": list(WINDOWS_DAYS)}
    wrong.append(Wrong("/window_days", "unknown-value", f"One of {words}", f"可选值：{words}", facts))
    return WINDOW_DAYS


def _fitting(by: By | None, grain: Grain) -> tuple[Definition, ...]:
    """Where no key is named: all that can be shown so."""
    return tuple(one for one in BY_KEY.values() if (by is None or by in one.by) and grain in one.grains)


def _possible(keys: Iterable[str], by: By | None, grain: Grain, wrong: list[Wrong]) -> tuple[Definition, ...]:
    found = tuple(BY_KEY[key] for key in keys)
    for one in found:
        if by is not None and by not in one.by:
            possible = sorted(one.by)
            en, zh = f"{one.key} cannot be shown by {by}", f"{one.key} 不支持按 {by} 拆分"
            wrong.append(Wrong("/by", "by-not-possible", en, zh, {"key": one.key, "possible": possible}))
        if grain not in one.grains:
            en, zh = f"{one.key} cannot be shown per {grain}", f"{one.key} 不支持粒度 {grain}"
            facts: dict[str, object] = {"key": one.key, "possible": list(one.grains)}
            wrong.append(Wrong("/grain", "grain-not-possible", en, zh, facts))
    return found
