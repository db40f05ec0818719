"""The committed ratios, and whether this run still reaches them. Machines of another kind are not compared."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from svc_local.layout import ROOT
from svc_local.postgres import SETTINGS

PATH = ROOT / "bench" / "baseline.json"
FALL_MAX = 0.15


def machine() -> dict[str, Any]:
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "fsync": SETTINGS["fsync"],
        "synchronous_commit": SETTINGS["synchronous_commit"],
        "load": [round(one, 2) for one in os.getloadavg()],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def same_machine() -> str | None:
    """A sentence where the baseline cannot be compared with."""
    if not PATH.exists():
        return "There is no bench/baseline.json: `make bench ARGS=--keep` writes one."
    kept = json.loads(PATH.read_text())["machine"]
    here = machine()
    for name in ("cpu", "cores", "fsync", "synchronous_commit"):
        if kept[name] != here[name]:
            return f"bench/baseline.json is of another machine: {name} was {kept[name]!r} and is {here[name]!r} here."
    return None


def keep(rows: Sequence[dict[str, Any]]) -> None:
    """Those of other scenarios stay."""
    before = json.loads(PATH.read_text())["ratios"] if PATH.exists() else {}
    ratios = before | ratios_of(rows)
    PATH.write_text(json.dumps({"machine": machine(), "ratios": dict(sorted(ratios.items()))}, indent=1) + "\n")


def ratios_of(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {f"{row['scenario']}/{row['figure']}": row["ratio"] for row in rows if row["ratio"] is not None}


def compare(rows: Sequence[dict[str, Any]]) -> int:
    """The exit status: 1 where a ratio fell by more than 15 %."""
    kept: dict[str, float] = json.loads(PATH.read_text())["ratios"]
    fallen = [
        f"{name}: {now:.4f}, was {kept[name]:.4f} ({now / kept[name] - 1:+.0%})"
        for name, now in ratios_of(rows).items()
        if name in kept and now < kept[name] * (1 - FALL_MAX)
    ]
    print("\n".join(["Fallen by more than 15 %:", *fallen]) if fallen else "No ratio fell by more than 15 %.")
    return 1 if fallen else 0
