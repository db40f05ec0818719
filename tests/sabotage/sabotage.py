"""What one entry of the list says, and whether it still fits the code."""

import ast
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIMULATOR = "tests/simulator/"


@dataclass(frozen=True, slots=True)
class Sabotage:
    """`old` → `new` in the file `path`; `test` has to turn red. `cost`: what a shop would lose by it."""

    name: str
    cost: str
    path: str
    old: str
    new: str
    test: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def found_by(self) -> str:
        return "simulator" if self.test.startswith(SIMULATOR) else "test"

    @property
    def test_file(self) -> str:
        return self.test.partition("::")[0]

    @property
    def test_name(self) -> str:
        return self.test.partition("::")[2]


def misfits(one: Sabotage, root: Path = ROOT) -> list[str]:
    """Why the entry no longer says what it means; none where it is sound."""
    file, test_file = root / one.path, root / one.test_file
    if not file.is_file() or not test_file.is_file():
        return [f"{one.path if not file.is_file() else one.test_file} is not there"]
    text = file.read_text(encoding="utf-8")
    wrong = []
    if (times := text.count(one.old)) != 1:
        return [f"its old text stands {times} times in {one.path}"]
    if "tests" in Path(one.path).parts:
        wrong.append(f"{one.path} is no production code")
    if changed_lines(text, text.replace(one.old, one.new)) != 1:
        wrong.append("it changes another number of lines than one")
    try:
        ast.parse(text.replace(one.old, one.new))
    except SyntaxError as fault:
        wrong.append(f"the sabotaged file cannot be read: {fault}")
    if one.test_name not in functions_of(test_file):
        wrong.append(f"{one.test_file} has no {one.test_name}")
    return wrong


def changed_lines(before: str, after: str) -> int:
    """0 where the number of lines differs, so that one line against one line is the only way."""
    old, new = before.splitlines(), after.splitlines()
    return sum(a != b for a, b in zip(old, new, strict=True)) if len(old) == len(new) else 0


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
