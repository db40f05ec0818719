"""`make check`: everything that reads the code without running it, all of it even where the first part fails."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from svc_local.layout import ROOT

BIN = Path(sys.executable).parent
PACKAGES = (
    *("services/svc_contracts", "services/svc_kit", "services/svc_local"),
    *("catalog-svc/catalog_svc", "order-svc/order_svc", "inventory-svc/inventory_svc", "marketing-svc/marketing_svc"),
    *("metrics-svc/metrics_svc", "gateway/gateway"),
)


def main() -> int:
    results = [
        part("format", [BIN / "ruff", "format", "--check", "."]),
        part("lint", [BIN / "ruff", "check", "."]),
        part("types", [BIN / "mypy", *(package for package in PACKAGES if any((ROOT / package).glob("*.py")))]),
        part("rules", [BIN / "pytest", "-q", "tests/rules"]),
        audit(),
    ]
    print("check: all good" if all(results) else "check: see above")
    return 0 if all(results) else 1


def part(name: str, command: Sequence[str | Path]) -> bool:
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    good = done.returncode == 0
    print(f"{name:<8}{'ok' if good else 'FAILED':<8}{time.monotonic() - began:6.1f} s", flush=True)
    if not good:
        print(done.stdout + done.stderr, flush=True)
    return good


def audit() -> bool:
    """Known weaknesses of the pinned dependencies, where somebody answers who knows them."""
    began = time.monotonic()
    options = "--require-hashes --disable-pip --progress-spinner off --timeout 15 --format json"
    done = subprocess.run(
        [BIN / "pip-audit", "--requirement", "requirements.lock", *options.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = findings(done.stdout)
    seconds = time.monotonic() - began
    if found is None:
        print(f"{'audit':<8}not done: no registry answers with advisories ({seconds:.1f} s)")
        return True
    print("\n".join([f"{'audit':<8}{'FAILED' if found else 'ok':<8}{seconds:6.1f} s", *found]))
    return not found


def findings(report: str) -> list[str] | None:
    """A line per weakness, or None where nothing could be looked up.

    pip-audit ends with an error when it gets no connection, and skips every package when the registry is a mirror
    without advisories: neither says anything about the packages.
    """
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        return None
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        return None
    return [
        f"{package['name']} {package['version']}: {weakness['id']}, fixed in {', '.join(weakness['fix_versions'])}"
        for package in asked
        for weakness in package["vulns"]
    ]


if __name__ == "__main__":
    sys.exit(main())
