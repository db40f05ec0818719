"""The kit's own tables, in every service's database. The service's first migration installs them."""

from typing import Any, Protocol


class Operations(Protocol):
    def execute(self, sqltext: str) -> Any: ...


TABLES = (
    """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
        lane smallint NOT NULL CHECK (lane BETWEEN 0 AND 63),
        event_id uuid NOT NULL UNIQUE,
        topic text NOT NULL,
        key text COLLATE "C" NOT NULL,
        headers bytea NOT NULL,
        value bytea NOT NULL CONSTRAINT outbox_value_size CHECK (octet_length(value) <= 262144),
        created_at timestamptz NOT NULL DEFAULT now()
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0)
    """,
    "CREATE INDEX outbox_lane_id ON outbox (lane, id)",
    """
    CREATE TABLE outbox_archive (
        id bigint NOT NULL,
        lane smallint NOT NULL,
        event_id uuid NOT NULL,
        topic text NOT NULL,
        key text COLLATE "C" NOT NULL,
        headers bytea NOT NULL,
        value bytea NOT NULL,
        created_at timestamptz NOT NULL,
        published_at timestamptz NOT NULL
    ) PARTITION BY RANGE (published_at)
    """,
    "CREATE TABLE outbox_archive_default PARTITION OF outbox_archive DEFAULT",
    # The application role has no DDL: it calls this function, which runs as the owner.
    """
    CREATE FUNCTION keep_archive(today date, days_ahead integer, days_kept integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE
        day date;
        old record;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('keep_archive'));
        FOR day IN SELECT today + n FROM generate_series(1, days_ahead) n LOOP
            IF to_regclass(format('outbox_archive_%s', to_char(day, 'YYYYMMDD'))) IS NULL THEN
                EXECUTE format('CREATE TABLE outbox_archive_%s PARTITION OF outbox_archive '
                    'FOR VALUES FROM (%L) TO (%L)', to_char(day, 'YYYYMMDD'),
                    day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
            END IF;
        END LOOP;
        FOR old IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'outbox_archive'::regclass AND c.relname ~ '^outbox_archive_\\d{8}$'
              AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - days_kept LOOP
            EXECUTE format('DROP TABLE %I', old.relname);
        END LOOP;
        DELETE FROM outbox_archive_default WHERE published_at < (today - days_kept)::timestamp AT TIME ZONE 'UTC';
    END $$
    """,
    "CREATE TABLE relay (owner uuid PRIMARY KEY, until timestamptz NOT NULL)",
    "CREATE TABLE outbox_lane (lane smallint PRIMARY KEY, owner uuid, epoch bigint NOT NULL DEFAULT 0)",
    "INSERT INTO outbox_lane (lane) SELECT generate_series(0, 63)",
    """
    CREATE TABLE consumer_offset (
        consumer text NOT NULL, cluster text NOT NULL, topic text NOT NULL, "partition" integer NOT NULL,
        next_offset bigint NOT NULL, PRIMARY KEY (consumer, cluster, topic, "partition")
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE inbox (
        consumer text NOT NULL, event_id uuid NOT NULL, processed_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, event_id)
    )
    """,
    "CREATE INDEX inbox_processed_at ON inbox USING brin (processed_at)",
    """
    CREATE TABLE parked_key (
        consumer text NOT NULL, key text COLLATE "C" NOT NULL, parked_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, key)
    )
    """,
    """
    CREATE TABLE parked_event (
        consumer text NOT NULL, key text COLLATE "C" NOT NULL, n bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
        event_id uuid NOT NULL, topic text NOT NULL, "partition" integer NOT NULL, "offset" bigint NOT NULL,
        headers bytea NOT NULL, value bytea NOT NULL, reason text NOT NULL, error text, tries integer NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (consumer, key, n),
        FOREIGN KEY (consumer, key) REFERENCES parked_key (consumer, key)
    )
    """,
    """
    CREATE TABLE discarded_event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, consumer text NOT NULL, key text COLLATE "C" NOT NULL,
        event_id uuid NOT NULL, topic text NOT NULL, headers bytea NOT NULL, value bytea NOT NULL, error text,
        reason text NOT NULL, discarded_by text NOT NULL, discarded_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE deadline (
        aggregate_id text COLLATE "C" NOT NULL, kind text NOT NULL, due_at timestamptz NOT NULL,
        tries integer NOT NULL DEFAULT 0, next_at timestamptz NOT NULL, parked boolean NOT NULL DEFAULT false,
        PRIMARY KEY (aggregate_id, kind)
    )
    """,
    "CREATE INDEX deadline_due ON deadline (kind, next_at) WHERE NOT parked",
    """
    CREATE TABLE effect (
        id text COLLATE "C" PRIMARY KEY, kind text NOT NULL, aggregate_id text COLLATE "C" NOT NULL,
        request jsonb NOT NULL, state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done')),
        lease timestamptz, next_at timestamptz NOT NULL, tries integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX effect_waiting ON effect (next_at) WHERE state = 'waiting'",
    "CREATE INDEX effect_aggregate ON effect (aggregate_id)",
    """
    CREATE TABLE idempotency_key (
        principal text NOT NULL, key text NOT NULL, operation text NOT NULL, fingerprint bytea NOT NULL,
        status integer, headers jsonb, body bytea, resource_id text,
        expires_at timestamptz NOT NULL, PRIMARY KEY (principal, key)
    )
    """,
    "CREATE INDEX idempotency_key_expires_at ON idempotency_key (expires_at)",
)


def install(op: Operations) -> None:
    """Effects: outbox, relay, inbox, offsets, parking, timers, effects, idempotency keys."""
    for statement in TABLES:
        op.execute(statement)
