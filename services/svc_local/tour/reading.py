"""The steps of a README: every block marked `bash`, and the block after it, which is the answer it promises. Pure."""

import re
from dataclasses import dataclass

HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$")
FENCE = re.compile(r"^```(?P<language>[a-z]*) *$")
RUN = "bash"


@dataclass(frozen=True, slots=True)
class Step:
    """`line`: where its commands begin in the README."""

    title: str
    line: int
    commands: str
    promised: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    title: str
    line: int
    lines: tuple[str, ...]
    follows_at_once: bool


class Unreadable(Exception):
    """The README is not a tour; says where and why."""


def steps_of(text: str) -> list[Step]:
    """Raises Unreadable for commands without an answer, and for a block that does not end."""
    blocks = blocks_of(text)
    steps = []
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        if block.language != RUN:
            continue
        if after is None or after.language == RUN or not after.follows_at_once:
            raise Unreadable(f"line {block.line}: these commands are not followed by the answer they promise")
        steps.append(Step(block.title, block.line, "\n".join(block.lines) + "\n", after.lines))
    return steps


def blocks_of(text: str) -> list[Block]:
    """Every fenced block with the heading it stands under."""
    found: list[Block] = []
    title, between = "", ""
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        if (fence := FENCE.match(line)) is None:
            between += line.strip()
            if heading := HEADING.match(line):
                title = heading["title"]
            continue
        inside = []
        for _, content in lines:
            if content.rstrip() == "```":
                break
            inside.append(content)
        else:
            raise Unreadable(f"line {number}: this block does not end")
        found.append(Block(fence["language"], title, number + 1, tuple(inside), not between))
        between = ""
    return found
