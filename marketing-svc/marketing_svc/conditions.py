"""WHERE clauses that stand in a statement only where they are asked for, so that each can use its index."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Conditions:
    """`add("sku = ANY({})", skus)`: the clause is our own text, the value travels as a parameter."""

    clauses: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

    def add(self, clause: str, *values: object) -> None:
        places = [f"${n}" for n in range(len(self.values) + 1, len(self.values) + len(values) + 1)]
        self.clauses.append(clause.format(*places))
        self.values.extend(values)

    @property
    def where(self) -> str:
        return f"WHERE {' AND '.join(self.clauses)}" if self.clauses else ""

    def place(self, value: object) -> str:
        """The parameter for a value outside the WHERE clause, such as a limit."""
        self.values.append(value)
        return f"${len(self.values)}"
