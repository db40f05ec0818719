"""Lay the tables of orders, copies, addresses and channel buyers beside those of the kit."""

from alembic import op

from svc_kit import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Numbers for people; gaps are allowed.
NUMBERS = "CREATE SEQUENCE order_number START 100001"

TABLES = """
CREATE TABLE address (
    id TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE channel_buyer (
    channel TEXT COLLATE "C" NOT NULL,
    buyer_ref TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (channel, buyer_ref)
);

CREATE TABLE compensation (
    order_id TEXT COLLATE "C" NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (order_id, what),
    CONSTRAINT compensation_what CHECK (what IN ('stock', 'benefits', 'money'))
);
CREATE INDEX compensation_open ON compensation (order_id) WHERE settled_at IS NULL;

CREATE TABLE level_copy (
    key TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    warehouse TEXT COLLATE "C" NOT NULL,
    available BIGINT NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (key)
);
CREATE INDEX level_copy_by_sku ON level_copy (sku);

CREATE TABLE offer_copy (
    listing_id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    document JSONB NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (listing_id)
);

CREATE TABLE offer_sku_copy (
    listing_id TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    document JSONB NOT NULL,
    PRIMARY KEY (listing_id, sku)
);
CREATE INDEX offer_sku_copy_by_sku ON offer_sku_copy (shop, sku);

CREATE TABLE order_line (
    order_id TEXT COLLATE "C" NOT NULL,
    line_id TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    product_id TEXT COLLATE "C",
    title JSONB NOT NULL,
    image TEXT COLLATE "C",
    quantity BIGINT NOT NULL,
    components JSONB,
    gross_minor BIGINT NOT NULL,
    discount_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    trace JSONB,
    shipped BIGINT DEFAULT '0' NOT NULL,
    delivered BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (order_id, line_id),
    CONSTRAINT order_line_quantity CHECK (quantity > 0),
    CONSTRAINT order_line_amounts CHECK (net_minor = gross_minor - discount_minor AND net_minor >= 0),
    CONSTRAINT order_line_delivered CHECK (0 <= delivered AND delivered <= shipped AND shipped <= quantity)
);

CREATE TABLE order_shipment (
    order_id TEXT COLLATE "C" NOT NULL,
    shipment_id TEXT COLLATE "C" NOT NULL,
    warehouse TEXT COLLATE "C" NOT NULL,
    carrier TEXT COLLATE "C",
    tracking_no TEXT COLLATE "C",
    lines JSONB NOT NULL,
    shipped_at TIMESTAMP WITH TIME ZONE NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (order_id, shipment_id)
);

CREATE TABLE order_timeline (
    order_id TEXT COLLATE "C" NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    actor_kind TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    facts JSONB NOT NULL,
    PRIMARY KEY (order_id, id)
);

CREATE TABLE orders (
    id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C",
    fingerprint TEXT COLLATE "C",
    person_id TEXT COLLATE "C" NOT NULL,
    visitor_id TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    cart_id TEXT COLLATE "C",
    quote_id TEXT COLLATE "C",
    currency TEXT COLLATE "C" NOT NULL,
    gross_minor BIGINT NOT NULL,
    discount_minor BIGINT NOT NULL,
    delivery_fee_minor BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    payment_method TEXT COLLATE "C" NOT NULL,
    delivery_method TEXT COLLATE "C",
    remark TEXT COLLATE "C",
    region JSONB NOT NULL,
    benefits JSONB,
    bundles JSONB,
    units BIGINT NOT NULL,
    address_ref TEXT COLLATE "C" NOT NULL,
    address_missing TEXT[] COLLATE "C" NOT NULL,
    unpaid_expiry_seconds BIGINT NOT NULL,
    prepaid_at TIMESTAMP WITH TIME ZONE,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    stock_state TEXT COLLATE "C" NOT NULL,
    benefit_state TEXT COLLATE "C" NOT NULL,
    allocations JSONB,
    shortages JSONB,
    refusals JSONB,
    waived TEXT[] COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    paid_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    promise JSONB,
    open_attempt BIGINT,
    charged_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    refunding_minor BIGINT NOT NULL,
    shipped_units BIGINT NOT NULL,
    delivered_units BIGINT NOT NULL,
    version BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT orders_status CHECK (status IN ('placed', 'rejected', 'awaiting_payment', 'expired', 'auditing',
        'on_hold', 'confirmed', 'in_fulfilment', 'completed', 'cancelling', 'cancelled')),
    CONSTRAINT orders_total CHECK (total_minor = gross_minor - discount_minor + delivery_fee_minor),
    CONSTRAINT orders_amounts CHECK (
        gross_minor >= 0 AND discount_minor >= 0 AND delivery_fee_minor >= 0 AND total_minor >= 0
    ),
    CONSTRAINT orders_never_refunds_more CHECK (
        refunded_minor >= 0 AND refunding_minor >= 0 AND refunded_minor + refunding_minor <= charged_minor
    ),
    CONSTRAINT orders_units CHECK (
        0 <= delivered_units AND delivered_units <= shipped_units AND shipped_units <= units
    ),
    CONSTRAINT orders_number UNIQUE (number),
    CONSTRAINT orders_external UNIQUE (channel, external_id)
);
CREATE INDEX orders_by_person ON orders (person_id, id);
CREATE INDEX orders_by_placed_at ON orders (placed_at, id);
CREATE INDEX orders_by_status ON orders (status, id);
CREATE INDEX orders_unpaid ON orders (person_id) WHERE status IN ('placed', 'awaiting_payment');

CREATE TABLE promotion_copy (
    promotion_id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C",
    trigger TEXT COLLATE "C",
    state TEXT COLLATE "C",
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    exhausted BOOLEAN DEFAULT 'false' NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    exhausted_timeline BIGINT NOT NULL,
    exhausted_seq BIGINT NOT NULL,
    PRIMARY KEY (promotion_id)
);
CREATE INDEX promotion_copy_by_shop ON promotion_copy (shop);

CREATE TABLE shop_copy (
    shop TEXT COLLATE "C" NOT NULL,
    document JSONB NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (shop)
);

CREATE TABLE warehouse_copy (
    code TEXT COLLATE "C" NOT NULL,
    document JSONB NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (code)
);
"""


def upgrade() -> None:
    schema.install(op)
    op.execute(NUMBERS)
    for statement in filter(None, map(str.strip, TABLES.split(";\n"))):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the first migration has nothing to go back to: drop the database")
