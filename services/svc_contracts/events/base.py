"""What every event has in common, and the envelope's header names (CloudEvents 1.0, Kafka binary mode)."""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from svc_contracts.topics import Topic

Sku = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-/]*$")]
Text = Annotated[str, StringConstraints(max_length=2_000)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000_000)]
AmountMinor = Annotated[int, Field(ge=0, le=10**15)]
LocalText = dict[str, str]


def rfc3339(at: datetime) -> str:
    """As times stand in events."""
    return at.isoformat().replace("+00:00", "Z")


At = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]

LINES_MAX = 200
EVENT_BYTES_MAX = 262_144


class Part(BaseModel):
    """A piece of an event. Unknown fields of a newer producer are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Event(Part):
    """A fact. Subclasses name their topic, their type and the field that is their key."""

    topic: ClassVar[Topic]
    type: ClassVar[str]
    version: ClassVar[int] = 1
    key_field: ClassVar[str]

    @property
    def key(self) -> str:
        """The Kafka key: events of one key are totally ordered."""
        return str(getattr(self, self.key_field))

    def data(self) -> bytes:
        """The value of the Kafka record: compact JSON, names as in the contract."""
        return self.model_dump_json(by_alias=True).encode()

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """The event behind a record's value. Raises pydantic.ValidationError."""
        return cls.model_validate_json(value)


class Components(Part):
    sku: Sku
    quantity: Quantity


class Region(Part):
    """Where a parcel goes, without saying to whom."""

    country: str
    province: str
    city: str
    district: str | None = None
