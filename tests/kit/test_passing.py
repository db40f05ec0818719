"""Which trouble passes: a dying database never parks an event, never is the client's fault, never a bug."""

import asyncpg
import pytest

from svc_kit.consumer import Poison, is_passing
from svc_kit.trouble import LOST, PASSING, TROUBLE

PASSES = [
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.PostgresIOError("could not read block"),
    asyncpg.InterfaceError("connection is closed"),
    ConnectionResetError(),
    TimeoutError(),
]
STAYS = [
    asyncpg.UniqueViolationError("duplicate key"),
    asyncpg.CheckViolationError("stock_level_sellable"),
    asyncpg.NumericValueOutOfRangeError("bigint out of range"),
    asyncpg.CharacterNotInRepertoireError("invalid byte sequence"),
    Poison("the domain says so"),
    ZeroDivisionError(),
]


@pytest.mark.parametrize("fault", PASSES, ids=lambda fault: type(fault).__name__)
def test_a_database_that_is_away_dying_or_full_passes(fault: Exception) -> None:
    assert is_passing(fault)
    assert isinstance(fault, PASSING)
    assert isinstance(fault, TROUBLE)


@pytest.mark.parametrize("fault", STAYS, ids=lambda fault: type(fault).__name__)
def test_bad_data_and_bugs_do_not_pass(fault: Exception) -> None:
    assert not is_passing(fault)
    assert not isinstance(fault, PASSING)


def test_a_conflict_leaves_no_doubt_whether_it_was_committed() -> None:
    assert not isinstance(asyncpg.DeadlockDetectedError("deadlock detected"), LOST)
    assert isinstance(asyncpg.ConnectionDoesNotExistError("closed"), LOST)
