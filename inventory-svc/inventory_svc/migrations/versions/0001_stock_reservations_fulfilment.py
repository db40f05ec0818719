"""Lay the tables of stock, reservations and fulfilment beside those of the kit."""

from alembic import op

from svc_kit import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE fulfilment (
    id TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    warehouse TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    lines JSONB NOT NULL,
    address_ref TEXT COLLATE "C" NOT NULL,
    ship_by TIMESTAMP WITH TIME ZONE NOT NULL,
    accept_by TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT COLLATE "C",
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT fulfilment_state CHECK (state IN ('issued', 'accepted', 'picking', 'done', 'rejected', 'recalled')),
    CONSTRAINT fulfilment_reason CHECK (state <> 'rejected' OR reason IS NOT NULL)
);
CREATE UNIQUE INDEX fulfilment_order_warehouse ON fulfilment (order_id, warehouse);
CREATE INDEX fulfilment_by_state ON fulfilment (state, id);

CREATE TABLE parcel (
    carrier TEXT COLLATE "C" NOT NULL,
    tracking_no TEXT COLLATE "C" NOT NULL,
    shipment_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (carrier, tracking_no)
);

CREATE TABLE reservation (
    order_id TEXT COLLATE "C" NOT NULL,
    line_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    quantity BIGINT NOT NULL,
    per_unit BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    reserved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (order_id, line_id, key),
    CONSTRAINT reservation_quantity CHECK (quantity > 0 AND per_unit > 0 AND quantity % per_unit = 0),
    CONSTRAINT reservation_state CHECK (state IN ('reserved', 'picked', 'shipped', 'released'))
);
CREATE INDEX reservation_by_level ON reservation (key);

CREATE TABLE shipment (
    id TEXT COLLATE "C" NOT NULL,
    fulfilment_id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    scans JSONB NOT NULL,
    weight_g BIGINT,
    carrier TEXT COLLATE "C",
    tracking_no TEXT COLLATE "C",
    shipped_at TIMESTAMP WITH TIME ZONE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT shipment_state CHECK (state IN ('open', 'picking', 'packed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT shipment_shipped_at CHECK ((state IN ('shipped', 'delivered')) = (shipped_at IS NOT NULL)),
    CONSTRAINT shipment_delivered_at CHECK ((state = 'delivered') = (delivered_at IS NOT NULL))
);
CREATE INDEX shipment_by_fulfilment ON shipment (fulfilment_id);

CREATE TABLE shop_copy (
    shop TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (shop)
);

CREATE TABLE stock_alert (
    id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT stock_alert_kind CHECK (kind IN ('low', 'out', 'over', 'stale', 'deficit')),
    CONSTRAINT stock_alert_state CHECK (state IN ('open', 'acknowledged', 'snoozed', 'resolved'))
);
CREATE UNIQUE INDEX stock_alert_one_open ON stock_alert (key, kind) WHERE state <> 'resolved';

CREATE TABLE stock_level (
    key TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    warehouse TEXT COLLATE "C" NOT NULL,
    on_hand BIGINT DEFAULT 0 NOT NULL,
    reserved BIGINT DEFAULT 0 NOT NULL,
    prelocked BIGINT DEFAULT 0 NOT NULL,
    damaged BIGINT DEFAULT 0 NOT NULL,
    quality_hold BIGINT DEFAULT 0 NOT NULL,
    incoming BIGINT DEFAULT 0 NOT NULL,
    safety_stock BIGINT DEFAULT 0 NOT NULL,
    reorder_point BIGINT DEFAULT 0 NOT NULL,
    backorder_limit BIGINT DEFAULT 0 NOT NULL,
    deficit BIGINT DEFAULT 0 NOT NULL,
    version BIGINT DEFAULT 0 NOT NULL,
    event_seq BIGINT DEFAULT 0 NOT NULL,
    announced_on_hand BIGINT,
    announced_available BIGINT,
    announced_availability TEXT COLLATE "C",
    announced_at TIMESTAMP WITH TIME ZONE,
    announce_pending BOOLEAN DEFAULT false NOT NULL,
    alert_low BOOLEAN DEFAULT false NOT NULL,
    alert_out BOOLEAN DEFAULT false NOT NULL,
    alert_deficit BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (key),
    CONSTRAINT stock_level_sku_warehouse UNIQUE (sku, warehouse),
    CONSTRAINT stock_level_key CHECK (key = sku || '@' || warehouse),
    CONSTRAINT stock_level_not_negative CHECK (on_hand >= 0 AND reserved >= 0 AND prelocked >= 0 AND
        damaged >= 0 AND quality_hold >= 0 AND incoming >= 0 AND safety_stock >= 0 AND reorder_point >= 0
        AND backorder_limit >= 0 AND deficit >= 0),
    CONSTRAINT stock_level_not_oversold CHECK (reserved + prelocked <= on_hand - damaged - quality_hold
        + backorder_limit + deficit)
) WITH (fillfactor = 70);
CREATE INDEX stock_level_by_warehouse ON stock_level (warehouse, key);

CREATE TABLE stock_movement (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    key TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    quantity BIGINT NOT NULL,
    cause_kind TEXT COLLATE "C" NOT NULL,
    cause_id TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    actor_kind TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT stock_movement_once UNIQUE (cause_id, line, key, kind, cause_kind),
    CONSTRAINT stock_movement_kind CHECK (kind IN ('received', 'ordered', 'ordered_back', 'reserved',
        'released', 'shipped', 'prelocked', 'unlocked', 'damaged', 'restored', 'quarantined', 'cleared',
        'written_off', 'adjusted', 'transfer_out', 'transfer_in')),
    CONSTRAINT stock_movement_quantity CHECK (quantity > 0 OR (kind = 'adjusted' AND quantity <> 0)),
    CONSTRAINT stock_movement_reason CHECK (kind <> 'adjusted' OR reason IS NOT NULL)
);
CREATE INDEX stock_movement_by_level ON stock_movement (key, id);

CREATE TABLE stock_order (
    order_id TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    shortages JSONB,
    issued BOOLEAN DEFAULT false NOT NULL,
    event_seq BIGINT NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (order_id),
    CONSTRAINT stock_order_outcome CHECK (outcome IN ('reserved', 'refused', 'released'))
);

CREATE TABLE stock_receipt (
    id TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    warehouse TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    lines JSONB NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT stock_receipt_reference UNIQUE (reference)
);

CREATE TABLE warehouse (
    code TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    region TEXT COLLATE "C" NOT NULL,
    priority BIGINT NOT NULL,
    channels TEXT[] NOT NULL,
    cut_off TEXT COLLATE "C" NOT NULL,
    handling_hours BIGINT NOT NULL,
    calendar TEXT COLLATE "C" NOT NULL,
    time_zone TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (code),
    CONSTRAINT warehouse_kind CHECK (kind IN ('own', 'store', 'supplier', 'virtual')),
    CONSTRAINT warehouse_state CHECK (state IN ('active', 'closed')),
    CONSTRAINT warehouse_handling_hours CHECK (handling_hours >= 0)
);

"""

# What was written stays written: a mistake is reversed by a counterpart, never edited away.
REFUSE_REWRITING = """
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'stock_movement is append-only';
END $$
"""
APPEND_ONLY = """
CREATE TRIGGER stock_movement_append_only BEFORE UPDATE OR DELETE ON stock_movement
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()
"""


def upgrade() -> None:
    schema.install(op)
    for statement in filter(None, map(str.strip, TABLES.split(";\n"))):
        op.execute(statement)
    op.execute(REFUSE_REWRITING)
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    raise RuntimeError("the first migration has nothing to go back to: drop the database")
