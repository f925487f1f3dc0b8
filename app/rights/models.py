"""What keeping things only for a time has come to."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from app.core.db import now, time_field


class RetentionRun(SQLModel, table=True):
    """The last time a rule was applied."""

    __tablename__ = "retention_run"

    kind: str = Field(primary_key=True)
    ran_at: datetime = time_field(default_factory=now)
    deleted: int = 0
    deleted_in_all: int = 0
