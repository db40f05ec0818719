"""What the driver raises where the database is away, dying or full: it passes, and says nothing about the request."""

import asyncpg

# A backend that was told to end says so over an idle connection, and the driver is confused by it: "cannot switch to
# state". It is neither of the driver's two families of errors.
LOST: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
# For loops that look again later, whatever it was.
TROUBLE: tuple[type[Exception], ...] = (asyncpg.PostgresError, *LOST)
# What a client is told to try again; bad data (SQLSTATE 22, 23) and bugs are not among it.
PASSING: tuple[type[Exception], ...] = (
    *LOST,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
)
