"""The suite before anybody comes: how fast it stood, how much it holds."""

import asyncio

from bench.processes import usage_of
from bench.stand import Figure, Stand
from svc_local.layout import State

SERVERS = frozenset({"postgres", "kafka", "load generator"})
QUIET_SECONDS = 3.0


async def rest(stand: Stand) -> list[Figure]:
    """PSS: common pages are shared among those who share them. The servers stand aside. Empty, as `make up` leaves it
    without its sample; and with a thousand products, their pictures and the Chinese dictionary (33 MiB of catalog-svc).
    """
    await asyncio.sleep(QUIET_SECONDS)
    before = usage_of(stand.state)
    await asyncio.sleep(QUIET_SECONDS)
    after = usage_of(stand.state)
    own = own_pss_mib(stand.state)
    idle = sum(after[name].cpu_seconds - before[name].cpu_seconds for name in own)
    return [
        Figure("rest", "ready_seconds", float(stand.report["ready_in_seconds"]), aim="≤ 10"),
        Figure("rest", "empty_pss_mib", sum(stand.empty_pss_mib.values()), aim="≤ 300", rss_mib=stand.empty_pss_mib),
        Figure("rest", "filled_pss_mib", sum(own.values()), rss_mib=own),
        Figure("rest", "idle_cpu_share_of_a_core", idle / QUIET_SECONDS),
    ]


def own_pss_mib(state: State) -> dict[str, float]:
    return {name: round(usage.pss_mib, 1) for name, usage in usage_of(state).items() if name not in SERVERS}
