"""The customer file's own tables: the customer, the addresses that identify one, and why they are in the file."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Index, Uuid, event, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapper
from sqlmodel import Field, Relationship, SQLModel

from app.core.db import FOUND_SOON, UPDATED_IN_PLACE, Record, json_field, now, text_enum, time_field
from app.messages import Channel, Confidence, IdentifierKind
from app.text.folding import name_key


class CustomerKind(StrEnum):
    person = "person"
    organization = "organization"


class CustomerStatus(StrEnum):
    provisional = "provisional"
    """Opened by a message alone."""
    active = "active"
    anonymized = "anonymized"


class Customer(Record, table=True):
    """A person or organisation we deal with, known or only heard from."""

    __tablename__ = "customer"
    __table_args__ = (
        Index("ix_customer_updated_at", "updated_at"),
        Index("ix_customer_organization_id", "organization_id", postgresql_where=text("organization_id IS NOT NULL")),
        Index("ix_customer_search_words", "search_words", postgresql_using="gin", postgresql_with=FOUND_SOON),
        Index(
            "ix_customer_organization_words",
            "search_words",
            postgresql_using="gin",
            postgresql_where=text("kind = 'organization'"),
        ),
        Index("ix_customer_not_searchable", "id", postgresql_where=text("search_words IS NULL")),
        {"postgresql_with": UPDATED_IN_PLACE},
    )

    kind: CustomerKind = text_enum(CustomerKind, default=CustomerKind.person)
    status: CustomerStatus = text_enum(CustomerStatus, default=CustomerStatus.active)
    display_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    language: str | None = None
    time_zone: str | None = None
    organization_id: UUID | None = Field(default=None, foreign_key="customer.id")
    attributes: dict[str, Any] = json_field()
    preferences: dict[str, Any] = json_field()
    version: int = 1
    first_contact_at: datetime | None = time_field(default=None)
    last_contact_at: datetime | None = time_field(default=None)
    search_words: str | None = Field(default=None, sa_type=TSVECTOR)
    """`name_key` of the names. None: written before there was a search, and not yet reached by the job that adds it."""

    identifiers: list["CustomerIdentifier"] = Relationship(
        sa_relationship_kwargs={
            "primaryjoin": "and_(Customer.id == CustomerIdentifier.customer_id, "
            "CustomerIdentifier.released_at.is_(None))",
            "order_by": "CustomerIdentifier.id",
            "lazy": "selectin",
            "viewonly": True,
        }
    )
    """The live ones."""
    aliases: list["CustomerAlias"] = Relationship(
        sa_relationship_kwargs={"order_by": "CustomerAlias.id", "lazy": "selectin", "viewonly": True}
    )

    @property
    def merged_ids(self) -> list[UUID]:
        """The ids of the files that were merged into this one."""
        return [alias.id for alias in self.aliases]


@event.listens_for(Customer, "before_insert")
@event.listens_for(Customer, "before_update")
def _find_by_name(_: Mapper[Any], __: Connection, customer: Customer) -> None:
    """Whoever writes a name leaves it searchable. SQL that writes one passes `name_key` itself."""
    customer.search_words = name_key(customer.display_name, customer.given_name, customer.family_name)


class CustomerAlias(SQLModel, table=True):
    """The id of a file that was merged into another: it keeps working, and leads to the survivor."""

    __tablename__ = "customer_alias"

    id: UUID = Field(primary_key=True)
    customer_id: UUID = Field(foreign_key="customer.id", index=True)


IDENTIFIER_KEYS = {
    "beginning": 'lower(value COLLATE "C")',
    "end": 'reverse(lower(value COLLATE "C"))',
    "inside": "substring(lower(value COLLATE \"C\"), '[:@](.*)')",
}
"""By what a fragment of an identifier is found: its beginning, its end backwards, what follows its system or its @.

In bytewise order, whatever the server's locale; there `lower` changes ASCII alone.
"""


class CustomerIdentifier(Record, table=True):
    """An address that belongs to exactly one customer at a time, or, shared, to several and identifies none."""

    __tablename__ = "customer_identifier"
    __table_args__ = (
        Index(
            "uq_live_identifier",
            "kind",
            "value",
            unique=True,
            postgresql_where=text("released_at IS NULL AND NOT shared"),
        ),
        *(
            Index(f"ix_identifier_{name}", text(expression), postgresql_where=text("released_at IS NULL"))
            for name, expression in IDENTIFIER_KEYS.items()
        ),
        Index("ix_shared_identifier", "kind", "value", postgresql_where=text("released_at IS NULL AND shared")),
        {"postgresql_with": UPDATED_IN_PLACE},
    )

    customer_id: UUID = Field(foreign_key="customer.id", index=True)
    kind: IdentifierKind = text_enum(IdentifierKind)
    value: str
    raw: str | None = None
    label: str | None = None
    confidence: Confidence = text_enum(Confidence, default=Confidence.stated)
    shared: bool = False
    opted_out_at: datetime | None = time_field(default=None)
    undeliverable_at: datetime | None = time_field(default=None)
    """Since when nothing arrives there."""
    released_at: datetime | None = time_field(default=None)
    first_seen_at: datetime = time_field(default_factory=now)
    last_seen_at: datetime = time_field(default_factory=now)


class Rule(StrEnum):
    """What decided."""

    opened = "opened"
    """Nobody known: a provisional file was opened."""
    identifier = "identifier"
    """A known identifier of the sender, all of them of one customer."""
    rank = "rank"
    """Identifiers of different customers: the kind of the highest rank decided."""
    given = "given"
    """The caller named the customer, or told the identifier."""
    added = "added"
    """The message carried a further identifier of a known customer."""
    refiled = "refiled"
    """Somebody filed the message under another customer."""
    moved = "moved"
    """The provider told that its owner is now known by this one."""
    released = "released"
    """Somebody took the identifier from the file; messages it brought stay."""
    narrowed = "narrowed"
    """A shared identifier, and something else that is true of one of those who share it."""
    recycled = "recycled"
    """An identifier whose time was over: whoever writes from it now is somebody else."""
    limited = "limited"
    """The customer has as many identifiers of this kind as one may have: the weaker one was not taken in."""
    imported = "imported"
    """A row of an import told it."""
    merged = "merged"
    """The file it was in was merged into this one."""
    unmerged = "unmerged"
    """A merge was undone."""


class IdentityEntry(Record, table=True):
    """One link, never changed afterwards: this message, this identifier, to this customer, by this rule."""

    __tablename__ = "identity_journal"
    __table_args__ = (
        Index("ix_identity_journal_customer_id", "customer_id", "id"),
        Index(
            "ix_identity_journal_interaction_id", "interaction_id", postgresql_where=text("interaction_id IS NOT NULL")
        ),
    )

    customer_id: UUID = Field(foreign_key="customer.id")
    interaction_id: UUID | None = None
    rule: Rule = text_enum(Rule)
    confidence: Confidence | None = text_enum(Confidence, default=None, nullable=True)
    identifier_kind: str | None = None
    identifier_value: str | None = None
    actor: str | None = None
    """The API key that decided, None for the service itself."""
    details: dict[str, Any] = json_field()


class ConsentStatus(StrEnum):
    """The less it allows, the further down."""

    granted = "granted"
    unknown = "unknown"
    withdrawn = "withdrawn"


class Consent(Record, table=True):
    """What a customer said about being written to, once; never changed afterwards. The newer one counts."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_customer_id", "customer_id", "given_at", "id"),)

    customer_id: UUID = Field(foreign_key="customer.id")
    purpose: str
    channel: Channel | None = text_enum(Channel, default=None, nullable=True)
    """None: every channel."""
    status: ConsentStatus = text_enum(ConsentStatus)
    source: str | None = None
    proof: Any = Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    given_at: datetime = time_field()
    actor: str | None = None
    """The API key that told it."""
    given_to: UUID
    """The file it was told of, even when that one is merged into another: only within one file is newer better."""
    known_files: list[UUID] = Field(sa_type=ARRAY(Uuid))
    """`given_to` and the files merged into it by then: it replaces what was told of any of them before."""


class ErasedCustomer(SQLModel, table=True):
    """The id of a file that was erased, which is all that is left of it."""

    __tablename__ = "erased_customer"

    id: UUID = Field(primary_key=True)
    erased_at: datetime = time_field(default_factory=now)


class CustomerRequest(SQLModel, table=True):
    """A raw request that told of a customer, not of a message: of an address that moved, is dead or wants no more."""

    __tablename__ = "customer_request"

    customer_id: UUID = Field(foreign_key="customer.id", primary_key=True)
    inbound_request_id: UUID = Field(foreign_key="inbound_request.id", primary_key=True, index=True)


class SuppressedAddress(SQLModel, table=True):
    """An address nothing may be sent to, of somebody we have forgotten: only its keyed hash is kept."""

    __tablename__ = "suppressed_address"

    digest: str = Field(primary_key=True)
    """Hexadecimal; see `SecretBox.digests`."""
    suppressed_at: datetime = time_field(default_factory=now)
