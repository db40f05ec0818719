"""Lay the facts of orders and traffic and the copies beside the tables of the kit."""

from alembic import op

from svc_kit import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Indexes and keys have the names that PostgreSQL gives by itself: a rebuild makes its tables LIKE these, and the
# copies' indexes are named by PostgreSQL.
TABLES = """
CREATE TABLE fact_order (
    order_id TEXT COLLATE "C" NOT NULL,
    n BIGINT GENERATED ALWAYS AS IDENTITY,
    shop TEXT COLLATE "C",
    channel TEXT COLLATE "C",
    currency TEXT COLLATE "C",
    person_n INTEGER,
    visitor_id TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    attempt BIGINT,
    placed_at TIMESTAMP WITH TIME ZONE,
    received_at TIMESTAMP WITH TIME ZONE,
    line_count BIGINT,
    units BIGINT,
    gross_minor BIGINT,
    discount_minor BIGINT,
    net_minor BIGINT,
    delivery_fee_minor BIGINT,
    total_minor BIGINT,
    placed_event UUID,
    placed_timeline BIGINT,
    placed_seq BIGINT,
    paid_at TIMESTAMP WITH TIME ZONE,
    paid_minor BIGINT,
    paid_event UUID,
    paid_timeline BIGINT,
    paid_seq BIGINT,
    rejected_at TIMESTAMP WITH TIME ZONE,
    rejected_event UUID,
    rejected_timeline BIGINT,
    rejected_seq BIGINT,
    PRIMARY KEY (order_id),
    UNIQUE (n),
    CONSTRAINT fact_order_placed CHECK (num_nulls(shop, channel, currency, person_n, attempt, placed_at, received_at,
        line_count, units, gross_minor, discount_minor, net_minor, delivery_fee_minor, total_minor, placed_event,
        placed_timeline, placed_seq) IN (0, 17)),
    CONSTRAINT fact_order_paid CHECK (num_nulls(paid_at, paid_minor, paid_event, paid_timeline, paid_seq) IN (0, 5)),
    CONSTRAINT fact_order_rejected CHECK (num_nulls(rejected_at, rejected_event, rejected_timeline, rejected_seq)
        IN (0, 4))
) WITH (fillfactor = 85);
CREATE INDEX ON fact_order (shop, placed_at);
CREATE INDEX ON fact_order (shop, paid_at);

CREATE TABLE fact_order_line (
    order_n BIGINT NOT NULL,
    line_id TEXT COLLATE "C" NOT NULL,
    sku_n INTEGER NOT NULL,
    product_n INTEGER,
    quantity BIGINT NOT NULL,
    gross_minor BIGINT NOT NULL,
    discount_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    PRIMARY KEY (order_n, line_id)
);

CREATE TABLE fact_refund (
    event_id UUID NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    refunded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (event_id)
);
CREATE INDEX ON fact_refund (refunded_at);

CREATE TABLE fact_traffic (
    visitor_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    event_id UUID NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C",
    product_id TEXT COLLATE "C",
    sku TEXT COLLATE "C",
    campaign TEXT COLLATE "C",
    utm JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (visitor_id, id),
    CONSTRAINT fact_traffic_kind CHECK (kind IN ('page_viewed', 'cart_added', 'checkout_started'))
);
CREATE INDEX ON fact_traffic (at);

CREATE TABLE fact_word (
    word TEXT COLLATE "C" NOT NULL,
    n INTEGER GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (word),
    UNIQUE (n)
);

CREATE TABLE product_copy (
    product_id TEXT COLLATE "C" NOT NULL,
    category_id TEXT COLLATE "C" NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (product_id)
);

CREATE TABLE shop_copy (
    shop TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    time_zone TEXT COLLATE "C" NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (shop)
);
"""


def upgrade() -> None:
    schema.install(op)
    for statement in filter(None, map(str.strip, TABLES.split(";\n"))):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the first migration has nothing to go back to: drop the database")
