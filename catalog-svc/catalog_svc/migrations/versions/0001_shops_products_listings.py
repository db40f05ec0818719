"""Lay the tables of shops, products, listings and the shop front beside those of the kit."""

from alembic import op

from svc_kit import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Similar words, for typing errors. A trusted extension: the database's owner may create it.
SIMILAR_WORDS = "CREATE EXTENSION IF NOT EXISTS pg_trgm"

TABLES = """
CREATE TABLE category (
    id TEXT COLLATE "C" NOT NULL,
    parent_id TEXT COLLATE "C",
    path TEXT[] COLLATE "C" NOT NULL,
    name JSONB NOT NULL,
    attributes JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX category_by_parent ON category (parent_id, id);

CREATE TABLE level_copy (
    sku TEXT COLLATE "C" NOT NULL,
    warehouse TEXT COLLATE "C" NOT NULL,
    available BIGINT NOT NULL,
    availability TEXT COLLATE "C" NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (sku, warehouse)
);

CREATE TABLE listing (
    id TEXT COLLATE "C" NOT NULL,
    product_id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    publish_at TIMESTAMP WITH TIME ZONE,
    unpublish_at TIMESTAMP WITH TIME ZONE,
    submitted_by TEXT COLLATE "C",
    approved_by TEXT COLLATE "C",
    published_at TIMESTAMP WITH TIME ZONE,
    gate JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT listing_state CHECK (state IN ('draft', 'checking', 'pending_review', 'rejected', 'scheduled',
        'live', 'paused', 'unlisted', 'archived')),
    CONSTRAINT listing_second_person CHECK (approved_by <> submitted_by),
    CONSTRAINT listing_published_at CHECK (state <> 'live' OR published_at IS NOT NULL),
    CONSTRAINT listing_window CHECK (publish_at < unpublish_at)
);
CREATE INDEX listing_by_shop ON listing (shop, state, id);
CREATE UNIQUE INDEX listing_one_per_shop ON listing (product_id, shop) WHERE state <> 'archived';

CREATE TABLE listing_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    listing_id TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    from_state TEXT COLLATE "C" NOT NULL,
    to_state TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    actor_kind TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX listing_log_by_listing ON listing_log (listing_id, id);

CREATE TABLE media (
    sha256 TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (sha256),
    CONSTRAINT media_sha256 CHECK (length(sha256) = 64),
    CONSTRAINT media_size CHECK (octet_length(content) BETWEEN 1 AND 5242880)
);

CREATE TABLE price (
    list_id TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    PRIMARY KEY (list_id, sku),
    CONSTRAINT price_amount CHECK (amount_minor >= 0)
);
CREATE INDEX price_by_sku ON price (sku, list_id);

CREATE TABLE price_history (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    list_id TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    actor_kind TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX price_history_by_price ON price_history (sku, list_id, id);

CREATE TABLE price_list (
    id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    rules JSONB NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE,
    until_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT price_list_state CHECK (state IN ('draft', 'active', 'scheduled', 'inactive')),
    CONSTRAINT price_list_scheduled CHECK (state <> 'scheduled' OR from_at IS NOT NULL),
    CONSTRAINT price_list_window CHECK (from_at IS NULL OR until_at IS NULL OR from_at < until_at)
);
CREATE INDEX price_list_by_shop ON price_list (shop, position, id);

CREATE TABLE product (
    id TEXT COLLATE "C" NOT NULL,
    category_id TEXT COLLATE "C" NOT NULL,
    brand TEXT COLLATE "C",
    title JSONB NOT NULL,
    slug TEXT COLLATE "C" NOT NULL,
    keywords TEXT[] COLLATE "C" NOT NULL,
    attributes JSONB NOT NULL,
    media JSONB NOT NULL,
    details JSONB NOT NULL,
    role TEXT COLLATE "C",
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT product_slug UNIQUE (slug),
    CONSTRAINT product_role CHECK (role IN ('hero', 'traffic', 'profit', 'support'))
);
CREATE INDEX product_by_category ON product (category_id, id);

CREATE TABLE product_sales (
    shop TEXT COLLATE "C" NOT NULL,
    product_id TEXT COLLATE "C" NOT NULL,
    units BIGINT NOT NULL,
    PRIMARY KEY (shop, product_id)
);

CREATE TABLE promotion_price (
    promotion_id TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT,
    from_at TIMESTAMP WITH TIME ZONE,
    until_at TIMESTAMP WITH TIME ZONE,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (promotion_id, sku)
);
CREATE INDEX promotion_price_by_sku ON promotion_price (shop, sku);

CREATE TABLE promotion_state (
    promotion_id TEXT COLLATE "C" NOT NULL,
    active BOOLEAN NOT NULL,
    exhausted BOOLEAN NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (promotion_id)
);

CREATE TABLE search_word (
    shop TEXT COLLATE "C" NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shop, word)
);
CREATE INDEX search_word_similar ON search_word USING gin (word gin_trgm_ops);

CREATE TABLE shop (
    slug TEXT COLLATE "C" NOT NULL,
    name JSONB NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    time_zone TEXT COLLATE "C" NOT NULL,
    locales TEXT[] COLLATE "C" NOT NULL,
    delivery_methods JSONB NOT NULL,
    payment_methods TEXT[] COLLATE "C" NOT NULL,
    unpaid_expiry_seconds BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    price_list_id TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (slug),
    CONSTRAINT shop_state CHECK (state IN ('draft', 'onboarding', 'ready_for_review', 'open', 'suspended', 'closed')),
    CONSTRAINT shop_unpaid_expiry CHECK (unpaid_expiry_seconds > 0)
);

CREATE TABLE shown_offer (
    listing_id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    product_id TEXT COLLATE "C" NOT NULL,
    slug TEXT COLLATE "C" NOT NULL,
    category_path TEXT[] COLLATE "C" NOT NULL,
    brand TEXT COLLATE "C",
    title JSONB NOT NULL,
    title_run TEXT COLLATE "C" NOT NULL,
    image TEXT COLLATE "C",
    price_minor BIGINT NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    skus JSONB NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (listing_id)
);
CREATE INDEX shown_offer_by_category ON shown_offer USING gin (category_path);
CREATE INDEX shown_offer_by_price ON shown_offer (shop, price_minor, listing_id);
CREATE UNIQUE INDEX shown_offer_by_slug ON shown_offer (shop, slug);
CREATE INDEX shown_offer_newest ON shown_offer (shop, published_at, listing_id);
CREATE INDEX shown_offer_words ON shown_offer USING gin (words);

CREATE TABLE sold_order (
    order_id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    lines JSONB NOT NULL,
    PRIMARY KEY (order_id),
    CONSTRAINT sold_order_state CHECK (state IN ('counted', 'rejected'))
);

CREATE TABLE variant (
    sku TEXT COLLATE "C" NOT NULL,
    product_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    gtin TEXT COLLATE "C",
    options JSONB NOT NULL,
    option_key TEXT COLLATE "C" NOT NULL,
    weight_g BIGINT,
    components JSONB NOT NULL,
    PRIMARY KEY (sku),
    CONSTRAINT variant_options UNIQUE (product_id, option_key),
    CONSTRAINT variant_weight CHECK (weight_g >= 0)
);

CREATE TABLE warehouse_copy (
    code TEXT COLLATE "C" NOT NULL,
    channels TEXT[] COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (code)
);
"""

# What was written stays written.
REFUSE_REWRITING = """
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$
"""
APPEND_ONLY = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()
"""


def upgrade() -> None:
    schema.install(op)
    op.execute(SIMILAR_WORDS)
    for statement in filter(None, map(str.strip, TABLES.split(";\n"))):
        op.execute(statement)
    op.execute(REFUSE_REWRITING)
    for table in ("price_history", "listing_log"):
        op.execute(APPEND_ONLY.format(table=table))


def downgrade() -> None:
    raise RuntimeError("the first migration has nothing to go back to: drop the database")
