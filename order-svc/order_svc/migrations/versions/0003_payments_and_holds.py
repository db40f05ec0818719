"""Lay the tables of payments and of the audit."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE payment_event (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    order_id TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    phase TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    provider_ref TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT payment_event_kind CHECK (kind IN ('authorization', 'charge', 'refund', 'cancel', 'chargeback')),
    CONSTRAINT payment_event_phase CHECK (phase IN ('request', 'success', 'failure')),
    CONSTRAINT payment_event_amount CHECK (amount_minor >= 0),
    CONSTRAINT payment_event_once UNIQUE (provider, provider_ref, kind, phase)
);
CREATE INDEX payment_event_by_order ON payment_event (order_id, id);

CREATE TABLE payment_attempt (
    id TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    sandbox_outcome TEXT COLLATE "C",
    provider_ref TEXT COLLATE "C",
    charged_minor BIGINT,
    reason TEXT COLLATE "C",
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT payment_attempt_n UNIQUE (order_id, n),
    CONSTRAINT payment_attempt_key UNIQUE (provider, key),
    CONSTRAINT payment_attempt_state CHECK (state IN ('requested', 'unknown', 'succeeded', 'failed')),
    CONSTRAINT payment_attempt_amount CHECK (amount_minor > 0),
    CONSTRAINT payment_attempt_ended_at CHECK ((state IN ('succeeded', 'failed')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX payment_attempt_one_open ON payment_attempt (order_id) WHERE state IN ('requested', 'unknown');

CREATE TABLE payment_refund (
    id TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    charge_ref TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    tries BIGINT NOT NULL,
    provider_ref TEXT COLLATE "C",
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT payment_refund_state CHECK (state IN ('requested', 'unknown', 'failed', 'succeeded')),
    CONSTRAINT payment_refund_amount CHECK (amount_minor > 0 AND tries > 0),
    CONSTRAINT payment_refund_ended_at CHECK ((state = 'succeeded') = (ended_at IS NOT NULL))
);
CREATE INDEX payment_refund_by_order ON payment_refund (order_id, id);

CREATE TABLE payment_callback (
    provider TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    provider_ref TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C",
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (provider, event_id),
    CONSTRAINT payment_callback_kind CHECK (kind IN ('charge', 'refund'))
);
CREATE INDEX payment_callback_unmatched ON payment_callback (received_at) WHERE order_id IS NULL;

CREATE TABLE order_hold (
    id TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    shop TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    evidence JSONB NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    on_deadline TEXT COLLATE "C",
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_why TEXT COLLATE "C",
    released_by TEXT COLLATE "C",
    note TEXT COLLATE "C",
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT order_hold_severity CHECK (severity IN ('warn', 'fail')),
    CONSTRAINT order_hold_state CHECK (state IN ('open', 'released', 'closed')),
    CONSTRAINT order_hold_on_deadline CHECK (on_deadline IN ('release', 'cancel')),
    CONSTRAINT order_hold_ended_at CHECK ((state = 'open') = (ended_at IS NULL)),
    CONSTRAINT order_hold_released_by CHECK ((state = 'released') = (released_by IS NOT NULL))
);
CREATE UNIQUE INDEX order_hold_one_open ON order_hold (order_id, reason) WHERE state = 'open';
CREATE INDEX order_hold_by_order ON order_hold (order_id, id);
CREATE INDEX order_hold_open ON order_hold (id) WHERE state = 'open';

CREATE TABLE contact_attempt (
    id TEXT COLLATE "C" NOT NULL,
    hold_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C",
    next_at TIMESTAMP WITH TIME ZONE,
    made_by TEXT COLLATE "C" NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT contact_attempt_kind CHECK (kind IN ('call', 'sms', 'im', 'email')),
    CONSTRAINT contact_attempt_outcome CHECK (
        outcome IN ('reached_confirmed', 'reached_changed', 'no_answer', 'refused', 'wrong_number')
    )
);
CREATE INDEX contact_attempt_by_hold ON contact_attempt (hold_id, id);

"""

# What was written stays written: money that went wrong is answered by another row, never edited away.
REFUSE_REWRITING = """
CREATE FUNCTION refuse_rewriting_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment_event is append-only';
END $$
"""
APPEND_ONLY = """
CREATE TRIGGER payment_event_append_only BEFORE UPDATE OR DELETE ON payment_event
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_payments()
"""


def upgrade() -> None:
    for statement in filter(None, map(str.strip, TABLES.split(";\n"))):
        op.execute(statement)
    op.execute(REFUSE_REWRITING)
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    for table in (
        "contact_attempt",
        "order_hold",
        "payment_callback",
        "payment_refund",
        "payment_attempt",
        "payment_event",
    ):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION refuse_rewriting_payments")
