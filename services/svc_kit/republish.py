"""A broker that lost its topics is filled again from the archive: the ids and the order of then (kit.md §2)."""

from datetime import datetime

from svc_kit.transaction import Tx


class RelaysLive(RuntimeError):
    """A relay that sends meanwhile would put newer events before older ones of the same key."""


async def republish(tx: Tx, *, since: datetime) -> int:
    """Puts what was published since then back into the outbox. Returns how many events.

    The old row ids come back too: they are lower than those of all that waits, so each key's order is the old one.
    Consumers know the event ids already and drop what they had processed. The archive reaches back seven days.
    Raises RelaysLive: stop all relays of this service first, start them afterwards.
    """
    living = await tx.con.fetchval("SELECT count(*) FROM relay WHERE until > clock_timestamp()")
    if living:
        raise RelaysLive(f"{living} relays are running")
    done = await tx.con.execute(
        "INSERT INTO outbox (id, lane, event_id, topic, key, headers, value, created_at) OVERRIDING SYSTEM VALUE "
        "SELECT DISTINCT ON (event_id) id, lane, event_id, topic, key, headers, value, created_at FROM outbox_archive "
        "WHERE published_at >= $1 ORDER BY event_id, id ON CONFLICT (event_id) DO NOTHING",
        since,
    )
    return int(done.rpartition(" ")[2])
