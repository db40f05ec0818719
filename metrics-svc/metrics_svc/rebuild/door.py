"""`python -m metrics_svc rebuild [--swap]`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from metrics_svc.rebuild.commands import rebuild, rebuilding_url
from metrics_svc.rebuild.reading import Reader
from metrics_svc.rebuild.rules import Report, sentences
from metrics_svc.settings import MetricsSettings
from svc_contracts.ids import Ids
from svc_kit.clock import SystemClock
from svc_kit.telemetry import configure_logs
from svc_kit.transaction import Database


def main(arguments: Sequence[str]) -> int:
    """0 where the rebuilt rows are those in use, or were put in their place; 1 where they differ."""
    parser = argparse.ArgumentParser(prog="metrics_svc rebuild", description="tell the facts anew from the topics")
    parser.add_argument("--swap", action="store_true", help="put the rebuilt tables in use")
    swap = parser.parse_args(arguments).swap
    settings = MetricsSettings()
    configure_logs("metrics-svc", settings.log_level)
    if not (settings.migration_database_url and settings.kafka_bootstrap_servers):
        sys.stderr.write("set MIGRATION_DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS\n")
        return 2
    report = asyncio.run(_run(settings, swap=swap))
    sys.stdout.write("".join(f"{sentence}\n" for sentence in sentences(report)))
    return 0 if report.is_equal or report.swapped else 1


async def _run(settings: MetricsSettings, *, swap: bool) -> Report:
    clock = SystemClock()
    url = rebuilding_url(settings.migration_database_url)
    async with (
        Database.open(url, source="metrics-rebuild", clock=clock, ids=Ids(now=clock.now), size=3) as db,
        Reader.open(settings.kafka_bootstrap_servers, clock) as reader,
    ):
        return await rebuild(db, reader, cluster=settings.kafka_cluster, swap=swap)
