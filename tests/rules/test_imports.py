"""The house's rules, read from the code: one-way imports, floors inside a service, names, sizes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = {
    "catalog_svc": "catalog-svc/catalog_svc",
    "order_svc": "order-svc/order_svc",
    "inventory_svc": "inventory-svc/inventory_svc",
    "marketing_svc": "marketing-svc/marketing_svc",
    "metrics_svc": "metrics-svc/metrics_svc",
    "gateway": "gateway/gateway",
}
SHARED = {name: f"services/{name}" for name in ("svc_contracts", "svc_kit", "svc_local")}
# package → what of the project it may import beside itself
ALLOWED = {
    "svc_contracts": set(),
    "svc_kit": {"svc_contracts"},
    "svc_local": {"svc_contracts", "svc_kit"},
    **{service: {"svc_contracts", "svc_kit"} for service in SERVICES},
}
FLOORS = {
    "rules": 0, "tables": 1, "store": 1, "events": 2, "commands": 3, "queries": 3, "api": 4,
}  # fmt: skip
NAMES_FORBIDDEN = {"service", "services", "utils", "helpers", "manager", "common", "misc"}
LINES_MAX = 400
FUNCTION_LINES_MAX = 70
PURE_FORBIDDEN = {"asyncpg", "fastapi", "httpx", "sqlalchemy", "sqlmodel", "aiokafka", "starlette", "svc_kit"}


def files_of(package: str) -> Iterator[Path]:
    folder = ROOT / {**SERVICES, **SHARED}[package]
    yield from sorted(folder.rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_run_one_way(package: str) -> None:
    ours = {*SERVICES, *SHARED}
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in files_of(package)
        for name in imports_of(path)
        if (top := name.split(".")[0]) in ours and top != package and top not in ALLOWED[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", SERVICES)
def test_no_room_reaches_into_anothers_store(package: str) -> None:
    wrong = []
    base = ROOT / SERVICES[package]
    for path in files_of(package):
        room = path.relative_to(base).parts[0]
        # Alembic reads the tables of every room.
        if room in ("migrations", "rows.py"):
            continue
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == package and len(parts) > 2 and parts[1] != room and parts[2] in ("store", "tables"):
                wrong.append((str(path.relative_to(ROOT)), name))
    assert wrong == []


@pytest.mark.parametrize("package", SERVICES)
def test_a_file_imports_its_own_floor_or_a_lower_one(package: str) -> None:
    wrong = []
    base = ROOT / SERVICES[package]
    for path in files_of(package):
        parts = path.relative_to(base).with_suffix("").parts
        floor = FLOORS.get(parts[1]) if len(parts) > 1 else None
        if floor is None:
            continue
        for name in imports_of(path):
            there = name.split(".")
            if there[0] == package and len(there) > 2 and FLOORS.get(there[2], -1) > floor:
                wrong.append((str(path.relative_to(ROOT)), name))
    assert wrong == []


@pytest.mark.parametrize("package", SERVICES)
def test_rules_know_neither_web_nor_database(package: str) -> None:
    base = ROOT / SERVICES[package]
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in files_of(package)
        if len(parts := path.relative_to(base).with_suffix("").parts) > 1 and parts[1] == "rules"
        for name in imports_of(path)
        if name.split(".")[0] in PURE_FORBIDDEN
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ALLOWED)
def test_files_and_functions_stay_small_and_well_named(package: str) -> None:
    wrong = []
    for path in files_of(package):
        text = path.read_text()
        if path.stem in NAMES_FORBIDDEN:
            wrong.append(f"{path.relative_to(ROOT)}: name")
        if (lines := text.count("\n")) > LINES_MAX:
            wrong.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    wrong.append(f"{path.relative_to(ROOT)}: {node.name} has {length} lines")
    assert wrong == []
