"""Every setting of the service, read once from `ONEFILE_…` environment variables or a `.env` file."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024


def _with_telephones(region: str) -> str:
    if region not in SUPPORTED_REGIONS:
        raise ValueError("not a region with telephone numbers, such as IR or GB (ISO 3166)")
    return region


Region = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["IR"]), AfterValidator(_with_telephones)]
"""Whose national phone numbers are meant."""
RetentionDays = Annotated[int | None, Field(ge=1, le=36500)]
"""None: for ever."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ONEFILE_", env_file=".env", extra="ignore")

    database_url: SecretStr | None = None
    """PostgreSQL 15 or newer, `postgresql://user:password@host/name`; unset: an embedded one in `data_directory`."""
    data_directory: Path = Path("var")
    hot_pool_size: Annotated[int, Field(ge=1, le=100)] = 4
    """Connections for ingest, customer file and look-up."""
    pool_size: Annotated[int, Field(ge=1, le=100)] = 5
    """Connections for everything else."""
    database_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """How long a request waits for a connection, and a statement for its answer."""

    secret_key: SecretStr | None = None
    """Encrypts provider credentials: Fernet keys, comma separated, the first encrypts and all decrypt. With the
    embedded server an unset key is made once and kept beside the data."""
    admin_key: SecretStr | None = None
    """A bearer key with scope `admin` that needs no row in the database: the first door into a new installation."""

    public_url: str | None = None
    """Where providers and customers reach this service, `https://hooks.example.org`: signatures over a URL are checked
    against it, links to surveys begin with it."""
    default_region: Region | None = None
    """Region (ISO 3166) whose national phone numbers are understood when neither call nor source names one."""
    default_time_zone: str = "UTC"
    """Time zone of "today" for a customer whose own is unknown."""
    blocked_identifiers: frozenset[str] = frozenset()
    """Values, canonical, that identify nobody, beside the built-in ones: a reception's own number, a test address."""
    conversation_window_hours: Annotated[int, Field(ge=1)] = 72
    """A chat-like message joins the conversation of the same pair and channel if its last one is not older."""
    recovery_hours: Annotated[float, Field(gt=0)] = 24
    """By when somebody has to have dealt with a customer who was let down."""
    recovery_low_share: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """A score so far up its scale or less is a low one: 1 and 2 of 5, 1 and 2 of 7."""
    recovery_days: Annotated[int, Field(ge=0)] = 30
    """Answers older than this when they are told open no recovery: they are history."""
    feedback_least_answers: Annotated[int, Field(ge=1)] = 30
    """A figure of fewer answers is called insufficient and is not ranked."""
    feedback_told_by_promoter: Annotated[float, Field(ge=0)] = 5
    """How many people a promoter tells of the service; a rule of thumb, other for each trade."""
    feedback_told_by_detractor: Annotated[float, Field(ge=0)] = 20

    max_body_bytes: int = MEBIBYTE
    max_batch_bytes: int = 64 * MEBIBYTE
    max_import_bytes: int = 256 * MEBIBYTE
    """Files of customers; one of 100 000 rows has some 10 MB."""
    max_ingest_bytes: int = 64 * MEBIBYTE
    """Provider requests; Postmark allows 35 MB of attachments, which base64 makes 47 MB."""
    media_url: str | None = None
    """Where attachments are kept: a directory or an fsspec URL (`s3://bucket/prefix`); unset: in `data_directory`."""
    max_attachment_bytes: int = 64 * MEBIBYTE
    """Of files fetched from providers; larger ones are marked failed."""
    work_in_server: bool = True
    """Do background jobs in the server's process; `onefile worker` does them in others."""
    retention_raw_requests_days: RetentionDays = None
    """How long raw provider requests are kept, the unreadable ones included."""
    retention_recordings_days: RetentionDays = None
    """How long recordings and other files of calls are kept."""
    retention_unfiled_days: RetentionDays = None
    """How long messages are kept that are nobody's."""
    retention_audit_days: RetentionDays = None
    """How long the audit log is kept."""
    retention_changes_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """How long the feed of changes can be read back, at least."""
    log_level: str = "INFO"

    @property
    def media(self) -> str:
        return self.media_url or str(self.data_directory / "media")


@lru_cache
def get_settings() -> Settings:
    return Settings()
