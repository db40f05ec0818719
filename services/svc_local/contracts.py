"""`make contracts`: writes what is generated from code into docs/contracts and docs/reference.

RELEASE=0.2.0 also freezes the schemas as that version: from then on they only grow.
"""

import json
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from svc_contracts import published
from svc_contracts.compatibility import breaks
from svc_local import reference
from svc_local.layout import ROOT

CONTRACTS = ROOT / "docs" / "contracts"
REFERENCE = ROOT / "docs" / "reference"
RELEASED = ROOT / "services" / "svc_contracts" / "released"


def main() -> int:
    release = os.environ.get("RELEASE", "")
    if release and (trouble := freeze(release)):
        print(trouble, file=sys.stderr)
        return 1
    written = sum(write(path, text) for path, text in documents().items())
    gone = [path for path in generated_files() if path not in documents()]
    for path in gone:
        path.unlink()
    print(f"docs/contracts and docs/reference: {written} written, {len(gone)} removed")
    sentences = [f"since {version}: {one}" for version, old in released().items() for one in breaks(old, present())]
    print("\n".join(sentences), end="\n" if sentences else "")
    return 1 if sentences else 0


def documents() -> dict[Path, str]:
    """Every generated file with its content."""
    files = {CONTRACTS / "schemas" / f"{name}.json": _json(schema) for name, schema in present().items()}
    files[CONTRACTS / "asyncapi.json"] = _json(published.asyncapi(version=suite_version()))
    return files | {REFERENCE / name: text for name, text in reference.pages().items()}


def generated_files() -> list[Path]:
    """What lies there now; README files are written by hand."""
    found = [*CONTRACTS.rglob("*.json"), *REFERENCE.glob("*.md")]
    return sorted(path for path in found if path.name != "README.md")


def present() -> dict[str, dict[str, Any]]:
    return published.schemas()


def released() -> dict[str, dict[str, dict[str, Any]]]:
    """The frozen schemas: version → event type → schema."""
    return {
        folder.name: {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
        for folder in sorted(RELEASED.iterdir())
        if folder.is_dir()
    }


def freeze(version: str) -> str | None:
    """A sentence where it is refused: a released version never changes."""
    folder = RELEASED / version
    if folder.exists():
        return f"{folder.relative_to(ROOT)} is there already, and what was released never changes."
    folder.mkdir(parents=True)
    for name, schema in present().items():
        (folder / f"{name}.json").write_text(_json(schema))
    return None


def write(path: Path, text: str) -> bool:
    """False where nothing changed."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True


def suite_version() -> str:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
