"""What is written names what there is: links, commands, variables, events, dependencies, decisions."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from svc_contracts.events import EVENTS
from svc_contracts.suite import SERVICES
from svc_local import reference
from svc_local.contracts import suite_version
from svc_local.layout import ROOT
from svc_local.tour.reading import blocks_of, steps_of

FOLDERS = ("bench", "docs", "services", "tests", *SERVICES)
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
SECTIONS = ["Context", "Decision", "Consequences", "Rejected"]
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
FAMILIES = "|".join(sorted({name.partition(".")[0] for name in EVENTS}))
EVENT = re.compile(rf"(?:{FAMILIES})\.[a-z_]+")
# Ends of names that look like an event's and are none: topics, files.
NO_EVENTS = re.compile(r".*\.(events|py|json|md|csv|sql)")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
READ = re.compile(r"environ(?:\.get\(|\[)\"(?P<name>[A-Z_]+)\"")
# Not ours to explain: what every Unix program and every test runner reads.
EVERYBODYS = {"CI", "HOME", "LANG", "PATH", "PYTHONPATH", "TERM", "TZ"}


def pages() -> list[Path]:
    """Every document of ours, wherever it lies."""
    found = [*ROOT.glob("*.md")]
    for folder in FOLDERS:
        found += (ROOT / folder).rglob("*.md")
    return sorted(found)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def prose(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def code() -> str:
    """All of our code and what starts it, as one text."""
    files = [ROOT / "Makefile", ROOT / "docker-compose.yml", ROOT / ".ci" / "run"]
    for folder in FOLDERS:
        files += [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("Dockerfile"), *(ROOT / folder).rglob("*.sql")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def anchors(path: Path) -> set[str]:
    """Of the headings, as code hosts make them."""
    titles = re.findall(r"^#{1,6} +(.+?) *$", FENCED.sub("", prose(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def words_in_code(path: Path) -> Iterator[str]:
    yield from CODE.findall(FENCED.sub("", prose(path)))


@pytest.mark.parametrize("path", pages(), ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    dead = []
    for target in LINK.findall(FENCED.sub("", prose(path))):
        where, _, anchor = target.partition("#")
        if where.startswith(("http://", "https://", "mailto:")):
            continue
        there = (path.parent / where).resolve() if where else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("path", pages(), ids=name_of)
def test_every_command_variable_and_event_that_is_named_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = []
    for words in words_in_code(path):
        if (made := re.match(r"make ([a-z-]+)", words)) and made[1] not in targets:
            wrong.append(words)
        wrong += [one for one in VARIABLE.findall(words) if one not in code() and one.lower() not in code()]
    for words in CODE.findall(section(path, "Events")):
        wrong += [one for one in EVENT.findall(words) if one not in EVENTS and not NO_EVENTS.fullmatch(one)]
    assert wrong == []


def section(path: Path, title: str) -> str:
    """What stands under headings that begin with this word."""
    parts = re.split(r"^#+ +", FENCED.sub("", prose(path)), flags=re.MULTILINE)
    return "\n".join(part for part in parts if part.startswith(title))


def test_every_variable_that_is_read_is_explained() -> None:
    known = {
        word for path in pages() for words in words_in_code(path) for word in re.findall(r"[A-Z][A-Z0-9_]+", words)
    }
    read = set(READ.findall(code())) - EVERYBODYS

    assert {name for name in read if name not in known} == set()


def test_every_setting_every_event_and_every_refusal_has_its_place_in_the_reference() -> None:
    texts = {path.name: prose(path) for path in (ROOT / "docs" / "reference").glob("*.md")}
    reference.load_everything()
    settings = [reference.settings_class(entry.package) for entry in SERVICES.values()]

    fields = {name for one in settings if one is not None for name in one.model_fields}
    slugs = {slug for slug, _ in reference.refusals()}

    assert {name for name in fields if f"| `{name.upper()}` |" not in texts["settings.md"]} == set()
    assert set(re.findall(r"^\| `([A-Z_0-9]+)` \|", texts["settings.md"], re.MULTILINE)) == {
        one.upper() for one in fields
    }
    assert set(re.findall(r"^## ([a-z_.]+)$", texts["events.md"], re.MULTILINE)) == set(EVENTS)
    assert set(re.findall(r"^\| `([a-z-]+)` \|", texts["refusals.md"], re.MULTILINE)) == slugs


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_top_folder_says_what_belongs_there(folder: str) -> None:
    readme = ROOT / folder / "README.md"

    assert readme.exists()
    assert prose(readme).startswith(f"# {folder}")


def test_every_direct_dependency_has_its_reason_and_no_other_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for group in project["optional-dependencies"].values() for one in group)]
    names = {re.split(r"[^A-Za-z0-9_.-]", one)[0].lower() for one in wanted}
    page = prose(ROOT / "docs" / "decisions" / "0014-dependencies.md").partition("## Rejected")[0]
    rows = re.findall(r"^\| (`.+?`(?:, `.+?`)*) \|", page, re.MULTILINE)

    named = {name for row in rows for name in CODE.findall(row)}

    assert named == names


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    listed = re.findall(r"\]\(decisions/([^)]+)\) \| (.+?) \|", prose(ROOT / "docs" / "README.md"))

    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    assert [name for name, _ in listed] == [path.name for path in DECISIONS]
    titles = [prose(path).partition("\n")[0] for path in DECISIONS]
    assert titles == [f"# {path.name[:4]} {title}" for path, (_, title) in zip(DECISIONS, listed, strict=True)]


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_a_decision_has_all_its_parts(path: Path) -> None:
    assert re.findall(r"^## (.+)$", prose(path), re.MULTILINE) == SECTIONS
    assert re.search(r"^Do not .+", prose(path), re.MULTILINE)


def test_both_readmes_say_the_same() -> None:
    english, chinese = prose(ROOT / "README.md"), prose(ROOT / "README.zh-CN.md")

    assert [(one.language, one.lines) for one in blocks_of(english)] == [
        (one.language, one.lines) for one in blocks_of(chinese)
    ]
    assert links_without_the_other_language(english) == links_without_the_other_language(chinese)
    assert re.findall(r"^(#+)", english, re.MULTILINE) == re.findall(r"^(#+)", chinese, re.MULTILINE)
    assert len(steps_of(english)) >= 8


def links_without_the_other_language(text: str) -> list[str]:
    return [target for target in LINK.findall(text) if not target.startswith("README")]


def test_the_version_is_the_same_everywhere() -> None:
    versions = {
        name_of(path): tomllib.loads(path.read_text())["project"]["version"] for path in ROOT.glob("*/pyproject.toml")
    }

    assert {name: version for name, version in versions.items() if version != suite_version()} == {}
    assert f"\n## {suite_version()}\n" in prose(ROOT / "CHANGELOG.md")
    assert f'VERSION = "{suite_version()}"' in (ROOT / "services" / "svc_kit" / "assembly.py").read_text()
