"""Lay the tables of promotions, coupons, campaigns and benefits beside those of the kit."""

from alembic import op

from svc_kit import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE benefit_order (
    order_id TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C",
    items JSONB NOT NULL,
    refusals JSONB,
    event_seq BIGINT NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (order_id),
    CONSTRAINT benefit_order_outcome CHECK (outcome IN ('pending', 'locked', 'refused', 'used', 'released'))
);

CREATE TABLE benefit_use (
    order_id TEXT COLLATE "C" NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    person_id TEXT COLLATE "C" NOT NULL,
    slot BIGINT,
    amount_minor BIGINT NOT NULL,
    PRIMARY KEY (order_id, subject_id)
);
CREATE UNIQUE INDEX benefit_use_slot ON benefit_use (subject_id, person_id, slot);

CREATE TABLE budget_entry (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    subject_id TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    uses BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT budget_entry_kind CHECK (kind IN ('reserve', 'settle', 'release', 'return')),
    CONSTRAINT budget_entry_positive CHECK (uses > 0 AND amount_minor >= 0),
    CONSTRAINT budget_entry_once UNIQUE (subject_id, order_id, attempt, kind)
);

CREATE TABLE campaign (
    id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    name JSONB NOT NULL,
    goals JSONB NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    owner_id TEXT COLLATE "C" NOT NULL,
    planned_minor BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT campaign_state CHECK (state IN ('draft', 'approved', 'warming_up', 'live', 'paused', 'ended',
        'reviewed', 'cancelled')),
    CONSTRAINT campaign_planned CHECK (planned_minor >= 0)
);
CREATE INDEX campaign_by_shop ON campaign (shop, state);

CREATE TABLE coupon_batch (
    id TEXT COLLATE "C" NOT NULL,
    promotion_id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    total BIGINT NOT NULL,
    per_customer BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT coupon_batch_code UNIQUE (shop, code),
    CONSTRAINT coupon_batch_total CHECK (total > 0),
    CONSTRAINT coupon_batch_per_customer CHECK (per_customer > 0),
    CONSTRAINT coupon_batch_state CHECK (state IN ('active', 'revoked')),
    CONSTRAINT coupon_batch_validity CHECK (from_at < until)
);
CREATE INDEX coupon_batch_by_promotion ON coupon_batch (promotion_id);

CREATE TABLE offer_copy (
    listing_id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    product_id TEXT COLLATE "C" NOT NULL,
    slug TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    brand TEXT COLLATE "C",
    category_path TEXT[] COLLATE "C" NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (listing_id)
);
CREATE INDEX offer_copy_by_slug ON offer_copy (shop, slug);

CREATE TABLE offer_sku_copy (
    listing_id TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    prices JSONB NOT NULL,
    PRIMARY KEY (listing_id, sku)
);
CREATE INDEX offer_sku_copy_by_sku ON offer_sku_copy (shop, sku);

CREATE TABLE promotion (
    id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    campaign_id TEXT COLLATE "C",
    name JSONB NOT NULL,
    trigger TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    conditions JSONB NOT NULL,
    rate_bp BIGINT,
    amount_minor BIGINT,
    currency TEXT COLLATE "C" NOT NULL,
    priority BIGINT NOT NULL,
    stacking TEXT COLLATE "C" NOT NULL,
    exclusive_group TEXT COLLATE "C",
    from_at TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE,
    total BIGINT,
    per_customer BIGINT,
    paused_by_campaign BOOLEAN NOT NULL,
    exhausted BOOLEAN NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT promotion_state CHECK (state IN ('draft', 'scheduled', 'active', 'paused', 'ended')),
    CONSTRAINT promotion_one_reward CHECK ((rate_bp IS NULL) <> (amount_minor IS NULL)),
    CONSTRAINT promotion_rate CHECK (rate_bp BETWEEN 1 AND 10000),
    CONSTRAINT promotion_amount CHECK (amount_minor > 0),
    CONSTRAINT promotion_window CHECK (from_at < until),
    CONSTRAINT promotion_ended_at CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);
CREATE INDEX promotion_by_campaign ON promotion (campaign_id);
CREATE INDEX promotion_by_shop ON promotion (shop, state);

CREATE TABLE promotion_price (
    promotion_id TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (promotion_id, sku)
);
CREATE INDEX promotion_price_by_shop ON promotion_price (shop);

CREATE TABLE promotion_shop (
    shop TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shop)
);

CREATE TABLE shop_copy (
    shop TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    timeline BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (shop)
);

CREATE TABLE usage_counter (
    subject_id TEXT COLLATE "C" NOT NULL,
    cap BIGINT,
    used BIGINT NOT NULL,
    locked BIGINT NOT NULL,
    hard_cap_minor BIGINT,
    reserved_minor BIGINT NOT NULL,
    spent_minor BIGINT NOT NULL,
    PRIMARY KEY (subject_id),
    CONSTRAINT usage_counter_not_negative CHECK (used >= 0 AND locked >= 0),
    CONSTRAINT usage_counter_cap CHECK (used + locked <= cap),
    CONSTRAINT usage_counter_money_not_negative CHECK (reserved_minor >= 0 AND spent_minor >= 0),
    CONSTRAINT usage_counter_budget CHECK (reserved_minor + spent_minor <= hard_cap_minor)
) WITH (fillfactor = 50);
"""

# What was taken and given back stays written: a counter is the sum of its entries.
REFUSE_REWRITING = """
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'budget_entry is append-only';
END $$
"""
APPEND_ONLY = """
CREATE TRIGGER budget_entry_append_only BEFORE UPDATE OR DELETE ON budget_entry
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
