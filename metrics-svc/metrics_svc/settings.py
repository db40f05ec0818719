"""What metrics-svc can be told from outside, beside the kit's settings."""

from pydantic import Field

from svc_kit.settings import KitSettings


class MetricsSettings(KitSettings):
    """Every variable is the kit's but these."""

    kpi_work_mem_mb: int = Field(
        default=64,
        ge=4,
        le=4_096,
        description="megabytes that each sort of a KPI question may take in PostgreSQL; beyond, it goes to disk",
    )
    kpi_rows_max: int = Field(
        default=300_000,
        ge=1_000,
        le=5_000_000,
        description="rows of one KPI answer; a question with more is refused and can be asked more narrowly",
    )
    migration_database_url: str = Field(
        default="",
        repr=False,
        description="the owner role's database, for `rebuild` alone: it makes a schema, which the application may not",
    )
