"""Lay the tables of carts and quotes, and the mark that says when the copies changed."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE cart (
    id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C",
    visitor_key TEXT COLLATE "C",
    coupon_code TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    merged_into TEXT COLLATE "C",
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT cart_state CHECK (state IN ('active', 'converting', 'converted', 'abandoned', 'recovered', 'expired')),
    CONSTRAINT cart_owner CHECK (person_id IS NOT NULL OR visitor_key IS NOT NULL)
);
CREATE INDEX cart_active_by_person ON cart (shop, person_id, changed_at)
    WHERE state = 'active' AND person_id IS NOT NULL;

CREATE TABLE cart_line (
    cart_id TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    unit_minor BIGINT,
    PRIMARY KEY (cart_id, sku),
    CONSTRAINT cart_line_quantity CHECK (quantity > 0)
);

CREATE TABLE quote (
    id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    cart_id TEXT COLLATE "C",
    person_id TEXT COLLATE "C",
    visitor_key TEXT COLLATE "C",
    region JSONB NOT NULL,
    delivery_method TEXT COLLATE "C" NOT NULL,
    lines JSONB NOT NULL,
    gross_minor BIGINT NOT NULL,
    discount_minor BIGINT NOT NULL,
    delivery_fee_minor BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    benefits JSONB NOT NULL,
    benefits_state TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    order_id TEXT COLLATE "C",
    PRIMARY KEY (id),
    CONSTRAINT quote_total CHECK (total_minor = gross_minor - discount_minor + delivery_fee_minor),
    CONSTRAINT quote_amounts CHECK (
        gross_minor >= 0 AND discount_minor >= 0 AND discount_minor <= gross_minor AND delivery_fee_minor >= 0
    ),
    CONSTRAINT quote_benefits_state CHECK (benefits_state IN ('applied', 'none', 'unavailable')),
    CONSTRAINT quote_owner CHECK (person_id IS NOT NULL OR visitor_key IS NOT NULL)
);
CREATE INDEX quote_by_expiry ON quote (expires_at);

CREATE TABLE copy_mark (
    name TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (name)
);
"""


def upgrade() -> None:
    for statement in filter(None, map(str.strip, TABLES.split(";\n"))):
        op.execute(statement)


def downgrade() -> None:
    for table in ("copy_mark", "quote", "cart_line", "cart"):
        op.execute(f"DROP TABLE {table}")
