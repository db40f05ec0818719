"""Telling the facts anew. The events are recorded by the very commands that record them every day."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from metrics_svc.events_in import PROJECT, TRAFFIC
from metrics_svc.rebuild import store
from metrics_svc.rebuild.reading import Reader
from metrics_svc.rebuild.rules import Report, may_swap
from svc_contracts import topics
from svc_kit.consumer import Consumer, Poison, Received, Record, received_of, wanted
from svc_kit.transaction import Database, Tx

CONSUMERS = (PROJECT, TRAFFIC)
GROUPS = tuple(consumer.group for consumer in CONSUMERS)
# The broker may delete a little after the time is over, never before.
STILL_TOLD = timedelta(milliseconds=topics.TRAFFIC.retention_ms) - timedelta(hours=1)


def rebuilding_url(owner_url: str) -> str:
    """The owner's address, where a table's plain name means the one that is being rebuilt."""
    parts = urlsplit(owner_url)
    query = [*parse_qsl(parts.query), ("search_path", f"{store.REBUILT},{store.LIVE}")]
    return parts._replace(query=urlencode(query)).geturl()


async def rebuild(db: Database, reader: Reader, *, cluster: str, swap: bool) -> Report:
    """`db`: opened by `rebuilding_url`. The consumers go on until the end; while the last records are read and all is
    compared, and swapped, they wait.

    swap: put the rebuilt tables in use; without it they are dropped again.
    """
    async with db.transaction() as tx:
        await store.make_schema(tx.con)
        so_far = await store.places(tx.con, GROUPS, cluster, locked=False)
    telling = Telling(db)
    async for batch in reader.up_to(so_far):
        await telling.tell(batch)
    async with db.transaction(by_range=True) as tx:
        await store.take_time(tx.con)
        async for batch in reader.up_to(await store.places(tx.con, GROUPS, cluster, locked=True)):
            await telling.tell(batch)
        copied = await store.copy_old_traffic(tx.con, before=db.clock.now() - STILL_TOLD)
        tables = {table: await store.difference(tx.con, table) for table in store.TOLD}
        swapped = swap and may_swap(tables)
        await (store.swap(tx.con) if swapped else store.drop_schema(tx.con))
    return Report(telling.records, tuple(sorted(telling.parked)), copied, tables, swapped)


class Telling:
    """Records batches as the consumers would, and parks as they would: a key from its first unreadable event on."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.records = 0
        self.parked: set[str] = set()

    async def tell(self, batch: Sequence[Record]) -> None:
        self.records += len(batch)
        for consumer in CONSUMERS:
            events = [one for record in batch if wanted(consumer, record) and (one := self._read(record)) is not None]
            if events:
                await self._record(consumer, events)

    def _read(self, record: Record) -> Received | None:
        if record.key in self.parked:
            return None
        try:
            return received_of(record)
        except Poison:
            self.parked.add(record.key)
            return None

    async def _record(self, consumer: Consumer, events: Sequence[Received]) -> None:
        try:
            async with self.db.transaction(may_emit=False, lazily=True) as tx:
                await self._handle(tx, consumer, events)
        except Poison:
            if len(events) == 1:
                self.parked.add(events[0].key)
                return
            for one in events:
                if one.key not in self.parked:
                    await self._record(consumer, [one])

    @staticmethod
    async def _handle(tx: Tx, consumer: Consumer, events: Sequence[Received]) -> None:
        await consumer.handle(tx, events)
