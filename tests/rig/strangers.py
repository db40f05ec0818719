"""Members of a consumer group that come and go: each time the broker deals the partitions out anew."""

import asyncio
import random
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer

JOINED_WITHIN_SECONDS = 30.0
LEFT_WITHIN_SECONDS = 10.0


@dataclass(slots=True)
class Strangers:
    """They take partitions, process nothing and commit nothing. `generations`: as the broker counts them."""

    bootstrap: str
    topic: str
    group: str
    generations: list[int] = field(default_factory=list)

    @property
    def rebalances(self) -> int:
        """Between the first that joined and the last."""
        return max(self.generations, default=0) - min(self.generations, default=0)

    async def come_and_go(self, chance: random.Random, *, stay: tuple[float, float], pause: float) -> None:
        """Until cancelled."""
        while True:
            await self.visit(chance.uniform(*stay))
            await asyncio.sleep(chance.uniform(0.2, 1.8) * pause)

    async def visit(self, seconds: float) -> None:
        kafka = AIOKafkaConsumer(
            self.topic,
            bootstrap_servers=self.bootstrap,
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="none",
        )
        try:
            # Joining waits for all members, also for those that are frozen.
            await asyncio.wait_for(kafka.start(), JOINED_WITHIN_SECONDS)
            self.generations.append(kafka._coordinator.generation)
            await asyncio.sleep(seconds)
        finally:
            await asyncio.wait_for(kafka.stop(), LEFT_WITHIN_SECONDS)
