"""All promises, each from its own file."""

import importlib
import re
from pathlib import Path

from tests.faults.promise import Promise


def promises() -> list[Promise]:
    """In the order of their numbers."""
    names = sorted(path.stem for path in (Path(__file__).parent / "promises").glob("p*.py"))
    found: list[Promise] = [importlib.import_module(f"tests.faults.promises.{name}").PROMISE for name in names]
    return sorted(found, key=lambda promise: int(re.sub(r"\D", "", promise.number)))
