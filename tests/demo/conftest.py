"""The data of the package, read once by each side."""

import pytest

from svc_local.demo import baskets, expected
from svc_local.demo.selection import Selection

DEFAULT = Selection(40)


@pytest.fixture(scope="session")
def counted() -> expected.Expected:
    """Pandas' side of the default selection."""
    return expected.count(DEFAULT)


@pytest.fixture(scope="session")
def goods() -> baskets.Stock:
    """The suite's side of the default selection."""
    return baskets.read(DEFAULT)
