"""The tour's own judgement: what it reads in a README, what it calls the same, and what its shell does."""

from pathlib import Path

import pytest

from svc_local.tour.__main__ import verdict
from svc_local.tour.comparing import Difference, difference
from svc_local.tour.reading import Step, Unreadable, steps_of
from svc_local.tour.shell import Outcome, Shell

README = """
# A shop

```sh
make up
```

## 1 Look

Words between.

```bash
curl "$GATEWAY"
echo done
```

```text
hello
done
```

## 2 Buy

```bash
true
```
```json
{}
```
"""


def test_steps_are_the_bash_blocks_with_their_heading_and_the_answer_that_follows() -> None:
    assert steps_of(README) == [
        Step("1 Look", 13, 'curl "$GATEWAY"\necho done\n', ("hello", "done")),
        Step("2 Buy", 25, "true\n", ("{}",)),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("```bash\ntrue\n```\n", "line 2: these commands are not followed by the answer they promise"),
        (
            "```bash\ntrue\n```\n```bash\ntrue\n```\n```text\n```\n",
            "line 2: these commands are not followed by the answer they promise",
        ),
        (
            "```bash\ntrue\n```\nIt says:\n```text\n```\n",
            "line 2: these commands are not followed by the answer they promise",
        ),
        ("x\n```bash\ntrue\n", "line 2: this block does not end"),
    ],
)
def test_commands_without_an_answer_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as refused:
        steps_of(text)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("promised", "answered"),
    [
        ("", ""),
        ("a", "a\n"),
        ("a\nb", "\na  \nb\n\n"),
        ("id ord_… placed", "id ord_01k9c8 placed"),
        ("at:…", "at:"),
        ("…:…", "12:30"),
        ("a\n…\nz", "a\nz"),
        ("a\n…\nz", "a\nb\nc\nz"),
        ("  …\nz", "anything\nz"),
        ("…\n…", ""),
        ("a\n…\nb\n…\nc", "a\nb\nb\nc"),
        ("a.c [x] (y) *", "a.c [x] (y) *"),
        ("价格 …", "价格 128.00"),
    ],
)
def test_what_is_promised_is_found(promised: str, answered: str) -> None:
    assert difference(promised.splitlines(), answered) is None


@pytest.mark.parametrize(
    ("promised", "answered", "where"),
    [
        ("a", "b", Difference(1, ("a",), "b")),
        ("a", "", Difference(1, ("a",), None)),
        ("", "a", Difference(1, ("(nothing more)",), "a")),
        ("a\nb", "a", Difference(2, ("b",), None)),
        ("a", "a\nb", Difference(2, ("(nothing more)",), "b")),
        ("a.c", "abc", Difference(1, ("a.c",), "abc")),
        ("id ord_… placed", "id ord_1 paid", Difference(1, ("id ord_… placed",), "id ord_1 paid")),
        ("a\n…\nz", "a\nb", Difference(3, ("z",), None)),
        ("  a", "a", Difference(1, ("  a",), "a")),
        ("one …", "one\ntwo", Difference(1, ("one …",), "one")),
    ],
)
def test_a_difference_names_its_line(promised: str, answered: str, where: Difference) -> None:
    assert difference(promised.splitlines(), answered) == where


def test_many_gaps_are_compared_in_a_moment() -> None:
    promised = ["…", "a"] * 200 + ["b"]

    assert difference(promised, "a\n" * 2_000) == Difference(2_001, ("a", "b"), None)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def run(shell: Shell, commands: str, *, within_seconds: float = 20) -> tuple[str, int | None]:
    outcome = shell.run(commands, within_seconds=within_seconds)
    return outcome.text.strip(), outcome.status


def test_variables_and_functions_live_on_from_step_to_step(shell: Shell, tmp_path: Path) -> None:
    with shell:
        assert run(shell, 'NAME=tea\nsay() { echo "$NAME: $1"; }\n') == ("", 0)
        assert run(shell, "say green\npwd\n") == (f"tea: green\n{tmp_path.resolve()}", 0)


def test_errors_are_part_of_the_answer_and_the_status_is_that_of_the_last_command(shell: Shell) -> None:
    with shell:
        assert run(shell, "echo out; echo wrong >&2; false\n") == ("out\nwrong", 1)
        assert run(shell, "false; echo still\n") == ("still", 0)


def test_nothing_is_read_from_the_keyboard(shell: Shell) -> None:
    with shell:
        assert run(shell, "cat\necho after\n") == ("after", 0)


def test_a_mistake_in_the_grammar_ends_the_step_and_not_the_tour(shell: Shell) -> None:
    with shell:
        text, status = run(shell, "echo 'unended\n")
        assert status not in (0, None)
        assert "unexpected EOF" in text
        assert run(shell, "echo on\n") == ("on", 0)


def test_commands_that_do_not_end_are_ended(shell: Shell) -> None:
    with shell:
        assert run(shell, "echo begun; sleep 600\n", within_seconds=1) == ("begun", None)
        assert run(shell, "echo on\n") == ("the shell has ended", None)


def test_a_step_that_ends_the_shell_is_noticed(shell: Shell) -> None:
    with shell:
        assert run(shell, "echo bye; exit 3\n") == ("bye", None)


def test_the_verdict_says_where_and_what() -> None:
    step = Step("1 Look", 12, "curl …", ("status paid",))

    assert verdict(step, Outcome("status paid\n", 0, 0.1)) == []
    assert verdict(step, Outcome("status held\n", 0, 0.1)) == [
        "README line 12",
        "line 1 of the answer",
        "promised  status paid",
        "answered  status held",
    ]
    assert verdict(step, Outcome("status paid\n", 7, 0.1)) == ["README line 12", "the commands ended with status 7"]
    assert verdict(step, Outcome("", None, 90.0))[:2] == ["README line 12", "the commands did not come to an end"]
