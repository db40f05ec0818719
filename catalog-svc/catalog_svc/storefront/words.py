"""Words of Chinese and English text, for the index and for a question. Pure.

Chinese is cut by a dictionary; pairs of characters stand behind that, so that a word is also found where the dictionary
cuts the longer text otherwise. Latin words are lower-cased and lose a plural's ending.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

QUESTION_LENGTH_MAX = 100
QUESTION_WORDS_MAX = 12
INDEXED_WORDS_MAX = 2_000  # of one product: enough for a long description, far below a tsvector's limit
_RUNS = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+|[a-z0-9]+(?:[.+'][a-z0-9]+)*")
_STOP = frozenset(
    ["的", "和", "与", "及", "或", "a", "an", "and", "for", "in", "of", "on", "or", "the", "to", "with", "by"]
)


@cache
def dictionary() -> Any:
    """Read when the first Chinese text comes: a tenth of a second, and 33 MiB that other shops do not need."""
    import rjieba

    return rjieba


def runs(text: str) -> list[str]:
    """Unbroken pieces of one script, normalised (full-width forms become plain ones)."""
    return _RUNS.findall(unicodedata.normalize("NFKC", text).lower())


def is_latin(run: str) -> bool:
    return run[0].isascii()


def stem(word: str) -> str:
    """Without the ending of an English plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def pairs(run: str) -> list[str]:
    """`绿茶杯` → `绿茶`, `茶杯`."""
    return [run[n : n + 2] for n in range(len(run) - 1)]


def words(text: str) -> list[str]:
    """The words of a text that is to be found, in order."""
    found: list[str] = []
    for run in runs(text):
        if is_latin(run):
            found += dict.fromkeys((run, stem(run)))
        else:
            found += dictionary().cut_for_search(run)
    return found


def fragments(text: str) -> list[str]:
    """Pairs and single characters of the Chinese in a text."""
    return [part for run in runs(text) if not is_latin(run) for part in (*pairs(run), *run)]


def latin_words(text: str) -> list[str]:
    """What a mistyped Latin word may have meant: whole words of letters."""
    return [run for run in runs(text) if is_latin(run) and run.isalpha() and len(run) > 2]


def vector(fields: Sequence[tuple[str, Iterable[str]]]) -> str:
    """A PostgreSQL tsvector as text. `fields`: (weight A to D, words); a word keeps the weight it came with first."""
    weights: dict[str, str] = {}
    for weight, found in fields:
        for word in found:
            weights.setdefault(word, weight)
    kept = list(weights.items())[:INDEXED_WORDS_MAX]
    return " ".join(f"{_quoted(word)}:{n}{weight}" for n, (word, weight) in enumerate(kept, start=1))


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody looks for: every term has to be there, in any order. `text` is normalised."""

    text: str
    terms: tuple[str, ...]

    @property
    def latin(self) -> list[str]:
        """Terms that may be mistyped."""
        return [term for term in self.terms if is_latin(term) and term.isalpha() and len(term) > 3]


def question(text: str) -> Question:
    """The terms of what was typed; a question of stop words alone keeps them."""
    found: list[str] = []
    for run in runs(text[:QUESTION_LENGTH_MAX]):
        found += [run] if is_latin(run) else dictionary().cut(run)
    meaning = [term for term in dict.fromkeys(found) if term not in _STOP] or list(dict.fromkeys(found))
    return Question("".join(runs(text)), tuple(meaning[:QUESTION_WORDS_MAX]))


def query(asked: Question, meant: Mapping[str, Sequence[str]]) -> str:
    """A PostgreSQL tsquery as text. `meant`: what mistyped terms may have meant."""
    return " & ".join(f"({' | '.join(_forms(term, meant.get(term, ())))})" for term in asked.terms)


def _forms(term: str, meant: Sequence[str]) -> list[str]:
    if is_latin(term):
        return list(dict.fromkeys(f"{_quoted(form)}:*" for one in (term, *meant) for form in (one, stem(one))))
    forms = [_quoted(term)]
    if len(term) > 2:
        forms.append(f"({' & '.join(_quoted(pair) for pair in pairs(term))})")
    return forms


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def typo_distance_max(word: str) -> int:
    """How many slips a word of this length is forgiven."""
    return 1 if len(word) < 6 else 2


def distance(one: str, other: str) -> int:
    """Slips between two words: a letter wrong, missing, too many, or two letters swapped (optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def nearest(word: str, candidates: Iterable[str], *, most: int = 3) -> list[str]:
    """The candidates closest to a mistyped word, none beyond what is forgiven."""
    ranked = sorted((distance(word, candidate), candidate) for candidate in candidates)
    near = [(slips, candidate) for slips, candidate in ranked if slips <= typo_distance_max(word)]
    return [candidate for slips, candidate in near if slips == near[0][0]][:most]
