"""Which rows are about a person, as the schema tells: those that name the customer, and those that belong to such rows.

A new table is found without being mentioned here.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, exists, or_, select
from sqlmodel import SQLModel, col

from app.ingest.models import InboundRequest
from app.interactions.models import Interaction

CUSTOMER = "customer"


def tables_of(customer_id: UUID) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Each table with rows of this customer, and which rows; a table comes before those that belong to it."""
    theirs: dict[Table, ColumnElement[bool]] = {}
    for table in SQLModel.metadata.sorted_tables:
        condition = _condition(table, customer_id, theirs)
        if condition is not None:
            theirs[table] = condition
    yield from theirs.items()


def _condition(table: Table, customer_id: UUID, theirs: dict[Table, ColumnElement[bool]]) -> ColumnElement[bool] | None:
    if table.name == CUSTOMER:
        return table.c.id == customer_id
    if naming := [column for column in table.columns if names_customer(column)]:
        return or_(*(column == customer_id for column in naming))
    belonging = [
        column.in_(select(key.column).where(theirs[key.column.table]))
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table in theirs
    ]
    return or_(*belonging) if belonging else None


def names_customer(column: Any) -> bool:
    """Some tables name customers without a foreign key, to outlive them."""
    return column.name == "customer_id" or any(key.column.table.name == CUSTOMER for key in column.foreign_keys)


def requests_of(customer_id: UUID) -> ColumnElement[bool]:
    """Raw requests that brought interactions of this customer and of nobody else: others' are not theirs to have."""
    own, other = Interaction.__table__.alias("own"), Interaction.__table__.alias("other")  # type: ignore[attr-defined]
    request_id = col(InboundRequest.id)
    return request_id.in_(select(own.c.inbound_request_id).where(own.c.customer_id == customer_id)) & ~exists().where(
        other.c.inbound_request_id == request_id, other.c.customer_id.is_distinct_from(customer_id)
    )
