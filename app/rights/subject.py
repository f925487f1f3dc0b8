"""Which rows are about a person, as the schema tells: those that name the customer, and those that belong to such rows.

A new table is found without being mentioned here.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Subquery, Table, exists, or_, select
from sqlmodel import SQLModel, col

from app.customers.models import CustomerRequest
from app.ingest.models import InboundRequest
from app.interactions.models import Interaction, InteractionRequest, StatusRow

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
    """Raw requests that told of this customer and of nobody else: others' are not theirs to have."""
    request_id = col(InboundRequest.id)
    own, others = _bringing(), _bringing()
    brought = select(own.c.request_id).where(own.c.customer_id == customer_id)
    shared = exists().where(others.c.request_id == request_id, others.c.customer_id.is_distinct_from(customer_id))
    return request_id.in_(brought) & ~shared


def _bringing() -> Subquery:
    """Which raw request told of whom: by a message, by more of one or what became of one, or by an address."""
    messages: Any = select(
        col(Interaction.inbound_request_id).label("request_id"), col(Interaction.customer_id).label("customer_id")
    )
    receipts = select(col(StatusRow.inbound_request_id), col(Interaction.customer_id)).join(
        Interaction, col(Interaction.id) == col(StatusRow.interaction_id)
    )
    more = select(col(InteractionRequest.inbound_request_id), col(Interaction.customer_id)).join(
        Interaction, col(Interaction.id) == col(InteractionRequest.interaction_id)
    )
    notices = select(col(CustomerRequest.inbound_request_id), col(CustomerRequest.customer_id))
    all_of_them: Subquery = (
        messages.where(col(Interaction.inbound_request_id).is_not(None))
        .union_all(receipts.where(col(StatusRow.inbound_request_id).is_not(None)), more, notices)
        .subquery()
    )
    return all_of_them
