"""Money: integer minor units and an ISO 4217 currency. Fractions never leave this file."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met; the caller has a bug."""


class Money(BaseModel):
    """An amount as the HTTP API shows it: `{"amount_minor": 12900, "currency": "CNY"}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount_minor: int
    currency: Currency

    def __add__(self, other: "Money") -> "Money":
        return Money(amount_minor=self.amount_minor + self._same(other), currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(amount_minor=self.amount_minor - self._same(other), currency=self.currency)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other.amount_minor


def split(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Parts of `total_minor` in proportion to `weights` that sum to it exactly.

    Largest-remainder rounding; ties go to the earlier part. All weights zero: equal weights.
    Raises ValueError for a negative weight or no weights at all.
    """
    if not weights or min(weights) < 0:
        raise ValueError("split needs one or more weights, none negative")
    if (whole := sum(weights)) == 0:
        weights, whole = [1] * len(weights), len(weights)
    sign, amount = (-1, -total_minor) if total_minor < 0 else (1, total_minor)
    parts = [amount * weight // whole for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % whole), i))
    for i in remainders[: amount - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]


def basis_points(amount_minor: int, rate_bp: int) -> int:
    """`rate_bp` / 10,000 of `amount_minor`, rounded half up (amounts ≥ 0)."""
    return (amount_minor * rate_bp + 5_000) // 10_000
