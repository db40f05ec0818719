"""Whose cart, quote or order it is: a member's, or that of the holder of an X-Visitor-Id."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Buyer:
    """`visitor_key`: the X-Visitor-Id as rows may know it. A member has one too while the browser sends it."""

    person_id: str | None
    visitor_key: str | None

    def owns(self, *, person_id: str | None, visitor_key: str | None) -> bool:
        """A member's things are the member's alone; a guest's open by the X-Visitor-Id."""
        if person_id is not None:
            return person_id == self.person_id
        return visitor_key is not None and visitor_key == self.visitor_key
