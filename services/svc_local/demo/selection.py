"""Which households are replayed, and where: each selection has a shop of its own, so that none disturbs another."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from svc_local.troubles import Trouble

HOUSEHOLDS = 40
HOUSEHOLDS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Selection:
    """`households`: the first so many by id, or None for all. `tampered`: one line is sent a cent off."""

    households: int | None
    tampered: bool = False

    @property
    def shop(self) -> str:
        """Also the name of the channel and of the warehouse; stable, so that a run goes on where the last one ended."""
        size = "all" if self.households is None else str(self.households)
        return f"journey-{size}" + ("-tampered" if self.tampered else "")

    @property
    def words(self) -> str:
        many = "all households" if self.households is None else f"the first {self.households} households"
        return many + (", one line a cent off" if self.tampered else "")

    def of(self, ids: Collection[int]) -> set[int]:
        """Those of these households that take part."""
        return set(sorted(set(ids))[: self.households])


def asked(environment: Mapping[str, str]) -> Selection:
    """HOUSEHOLDS (a number or `all`, default 40) and TAMPER=1. Raises Trouble for anything else."""
    given = environment.get("HOUSEHOLDS", "").strip() or str(HOUSEHOLDS)
    tamper = environment.get("TAMPER", "").strip() or "0"
    if tamper not in ("0", "1"):
        raise Trouble(f"TAMPER is {tamper!r}; it must be 1 (send one line a cent off) or 0.")
    if given == "all":
        return Selection(None, tamper == "1")
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= HOUSEHOLDS_MAX:
        raise Trouble(f"HOUSEHOLDS is {given!r}; it must be a number from 1 to {HOUSEHOLDS_MAX}, or `all`.")
    return Selection(int(given), tamper == "1")
