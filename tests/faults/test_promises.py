"""Every promise in its shortest form, always with the same seed: `make faults` runs them in earnest."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.faults.book import promises
from tests.faults.promise import Form, Promise, Stage, standing_on
from tests.rig.servers import Ground, ground
from tests.rig.suite import Suite, suite

pytestmark = pytest.mark.anyio
SEED = 20
TESTED = [promise for promise in promises() if promise.in_tests]


@pytest.fixture(scope="session")
def shared_ground() -> Iterator[Ground]:
    with ground() as made:
        yield made


@pytest.fixture(scope="session")
def shared_suite() -> Iterator[Suite]:
    with suite() as made:
        yield made


@pytest.fixture
def on(request: pytest.FixtureRequest) -> Iterator[Any]:
    promise: Promise = request.getfixturevalue("promise")
    if promise.needs in ("ground", "suite"):
        yield request.getfixturevalue(f"shared_{promise.needs}")
        return
    with standing_on(promise) as made:
        yield made


@pytest.mark.parametrize("promise", TESTED, ids=lambda promise: promise.number)
async def test_the_promise_holds(promise: Promise, on: Any) -> None:
    heard: list[str] = []

    findings = await promise.run(Stage(Form.TEST, SEED, on, heard.append))

    broken = [f"{one.figure}: {one.value:g} ({one.target})" for one in findings if not one.holds]
    assert broken == [], "\n".join(heard)
    assert any(one.target != "told" for one in findings)
