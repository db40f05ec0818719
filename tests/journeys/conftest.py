"""One shop for all journeys of a run; each ends with every service telling the same story."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.rig.people import World, opened

from svc_local.reconcile.__main__ import settled
from svc_local.testing import SuiteForTests


@pytest.fixture(scope="session")
def made_world(suite: SuiteForTests) -> Iterator[World]:
    with opened(suite) as world:
        yield world


@pytest.fixture
async def world(made_world: World) -> AsyncIterator[World]:
    yield made_world
    await made_world.close()
    if made_world.suite.databases:
        report = await settled(made_world.suite.databases)
        assert (report.drift, report.parked) == ([], {}), "the services tell different stories"
