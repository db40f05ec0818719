"""Whether a consumer's client gets on. Pure: nobody has to wait a minute to see it tested."""

from dataclasses import dataclass

# After a broker's death aiokafka may wait for a share, for records that are there, or for any answer, for ever (its
# issues 1154, 847).
UNASSIGNED_SECONDS = 15.0
UNASSIGNED_SECONDS_MAX = 600.0
NO_PROGRESS_SECONDS = 60.0
# The broker answers a fetch within half a second, also when there is nothing.
SILENT_SECONDS = 5.0


class Stuck(Exception):
    """The client does not do what it should: it is thrown away and built anew."""


@dataclass(slots=True)
class Progress:
    """Moments in monotonic seconds. `heard`: of the last answer to a fetch, as the client tells it."""

    assigned_at: float = 0.0
    moved_at: float = 0.0
    heard_at: float = 0.0
    heard: int = 0
    unassigned_seconds: float = UNASSIGNED_SECONDS
    has_share: bool = False

    def begin(self, now: float) -> None:
        """A new client."""
        self.assigned_at = self.moved_at = self.heard_at = now
        self.has_share = False

    def look(self, now: float, *, has_share: bool, moved: bool, behind: int, heard: int) -> None:
        """Raises Stuck. `moved`: records came; `behind`: how many are known to be there and have not come.

        A member too many has no share either: it waits longer each time before it is built anew. Who is cut off knows
        of no records: he hears nothing, though the broker answers also when there are none.
        """
        self.has_share = has_share
        if has_share:
            self.assigned_at, self.unassigned_seconds = now, UNASSIGNED_SECONDS
        elif now - self.assigned_at > self.unassigned_seconds:
            self.unassigned_seconds = min(self.unassigned_seconds * 2, UNASSIGNED_SECONDS_MAX)
            raise Stuck("no partitions are assigned")
        if moved or not behind:
            self.moved_at = now
        elif now - self.moved_at > NO_PROGRESS_SECONDS:
            raise Stuck("there are records, and none arrives")
        if moved or not has_share or heard != self.heard:
            self.heard, self.heard_at = heard, now
        elif now - self.heard_at > NO_PROGRESS_SECONDS:
            raise Stuck("the broker does not answer")

    def silence(self, now: float) -> float:
        """Seconds; who has no share asks nobody."""
        return now - self.heard_at if self.has_share else 0.0

    def is_silent(self, now: float) -> bool:
        return self.silence(now) > SILENT_SECONDS
