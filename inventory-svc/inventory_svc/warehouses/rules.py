"""What a warehouse is, and in which order warehouses are asked for goods."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["own", "store", "supplier", "virtual"]
State = Literal["active", "closed"]

TRANSITIONS: Mapping[tuple[str, str], State] = {("active", "close"): "closed", ("closed", "open"): "active"}


@dataclass(frozen=True, slots=True)
class Warehouse:
    """`cut_off` is HH:MM in `time_zone`; `channels` are those it serves."""

    code: str
    kind: Kind
    region: str
    priority: int
    channels: tuple[str, ...]
    cut_off: str
    handling_hours: int
    calendar: str
    time_zone: str
    state: State
    created_at: datetime
    version: int
    event_seq: int


def serving(warehouses: Iterable[Warehouse], channel: str) -> list[str]:
    """Codes of the open warehouses that serve the channel, the first to be asked first (ties: code)."""
    open_ones = [one for one in warehouses if one.state == "active" and channel in one.channels]
    return [one.code for one in sorted(open_ones, key=lambda one: (one.priority, one.code))]
