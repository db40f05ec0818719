"""Who a channel's buyers are to us."""

from datetime import datetime

from sqlmodel import Field

from order_svc.rows import Row, text, timestamp


class ChannelBuyer(Row, table=True):
    """One person per (channel, the channel's own id of the buyer)."""

    __tablename__ = "channel_buyer"

    channel: str = Field(sa_column=text(primary_key=True))
    buyer_ref: str = Field(sa_column=text(primary_key=True))
    person_id: str = Field(sa_column=text())
    created_at: datetime = Field(sa_column=timestamp())
