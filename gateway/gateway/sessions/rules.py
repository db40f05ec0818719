"""What a refresh token still opens."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.accounts.rules import Account


class Verdict(StrEnum):
    FRESH = "fresh"
    REUSED = "reused"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    account_id: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What whoever signed in or refreshed takes home. `refresh_token` is shown once and kept as a digest."""

    session: Session
    account: Account
    refresh_token: str


def verdict(session: Session, *, used_at: datetime | None, now: datetime) -> Verdict:
    """A token that was exchanged already is in two hands, whatever became of the session since."""
    if used_at is not None:
        return Verdict.REUSED
    if session.ended_at is not None or session.expires_at <= now:
        return Verdict.OVER
    return Verdict.FRESH
