"""Lay the tables of accounts and sessions beside those of the kit."""

from alembic import op

from svc_kit import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE account (
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    password_hash TEXT COLLATE "C" NOT NULL,
    roles TEXT[] NOT NULL,
    shops TEXT[],
    state TEXT COLLATE "C" NOT NULL,
    visitor TEXT COLLATE "C",
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT account_kind CHECK (kind IN ('person', 'staff')),
    CONSTRAINT account_state CHECK (state IN ('active', 'disabled')),
    CONSTRAINT account_members_have_no_roles CHECK (kind = 'staff' OR roles = '{}')
);
CREATE INDEX account_by_kind ON account (kind, id);

CREATE TABLE login (
    login TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (login),
    CONSTRAINT login_kind CHECK (kind IN ('email', 'phone', 'name'))
);
CREATE INDEX login_by_account ON login (account_id);

CREATE TABLE session (
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_why TEXT COLLATE "C",
    PRIMARY KEY (id),
    CONSTRAINT session_ended_why CHECK ((ended_at IS NULL) = (ended_why IS NULL))
);
CREATE INDEX session_by_account ON session (account_id) WHERE ended_at IS NULL;
CREATE INDEX session_by_end ON session (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX session_by_expiry ON session (expires_at);

CREATE TABLE refresh_token (
    digest BYTEA NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (digest)
);
CREATE INDEX refresh_token_by_session ON refresh_token (session_id);
"""


def upgrade() -> None:
    schema.install(op)
    for statement in filter(None, map(str.strip, TABLES.split(";\n"))):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the first migration has nothing to go back to: drop the database")
