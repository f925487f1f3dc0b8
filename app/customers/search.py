"""Finding customers by a part of their names, of their identifiers or of their organisation's names."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, false, literal_column, or_, select, union_all
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.sql.expression import SelectOfScalar

from app.core.searching import Search
from app.customers.models import IDENTIFIER_KEYS, Customer, CustomerIdentifier
from app.text.phones import beginnings_of
from app.text.search_terms import Term, beginnings, in_one, terms

_ORGANIZATION = aliased(Customer)
# Written out, as it is in the index it has to match.
_IS_ORGANIZATION = col(_ORGANIZATION.kind) == literal_column("'organization'")
_KEYS = {name: literal_column(f"({expression})", Text) for name, expression in IDENTIFIER_KEYS.items()}
_LIVE = col(CustomerIdentifier.released_at).is_(None)
_LAST = "\U0010ffff"


def search_for(typed: str, region: str | None, listed: SelectOfScalar[Customer]) -> Search:
    """Each term must be in the names, an identifier or the organisation; where none is typed, nobody is found."""
    wanted = [term for term in terms(typed) if term.words or term.fragment]
    joined = in_one(typed)
    all_named = _either(beginnings(typed), joined)
    elsewhere = [_elsewhere(term, region) for term in wanted]
    # A row has all terms in its names, or one of them elsewhere; and it has each of them somewhere.
    ways = [[_by_name(all_named), *(way for each in elsewhere for way in each)]]
    if len(wanted) > 1:
        ways += [[_by_name(_either(term.words, joined)), *each] for term, each in zip(wanted, elsewhere, strict=True)]
    matches = and_(*(_matches(term, region) for term in wanted)) if wanted else false()
    return Search(
        listed=listed,
        matches=or_(_named(Customer, joined), matches) if joined else matches,
        scope=select(col(Customer.id)),
        found=[union_all(*way).subquery().select() for way in ways],
    )


def _matches(term: Term, region: str | None) -> ColumnElement[bool]:
    """Asked of one customer at hand."""
    somewhere = []
    if term.words:
        own = col(_ORGANIZATION.id) == Customer.organization_id
        somewhere += [
            _named(Customer, term.words),
            exists().where(own, _named(_ORGANIZATION, term.words)).correlate(Customer),
        ]
    if term.fragment:
        own = col(CustomerIdentifier.customer_id) == Customer.id
        somewhere.append(exists().where(own, _LIVE, or_(*_readings(term, region))).correlate(Customer))
    return or_(*somewhere)


def _elsewhere(term: Term, region: str | None) -> list[Select[Any]]:
    """Customers who have the term in an identifier, or in the name of their organisation."""
    found = [select(col(CustomerIdentifier.customer_id)).where(_LIVE, each) for each in _readings(term, region)]
    if term.words:
        organizations = select(col(_ORGANIZATION.id)).where(_IS_ORGANIZATION, _named(_ORGANIZATION, term.words))
        found.append(select(col(Customer.id)).where(col(Customer.organization_id).in_(organizations)))
    return found


def _readings(term: Term, region: str | None) -> Iterable[ColumnElement[bool]]:
    """Each by one of the indexes on identifiers."""
    if not term.fragment:
        return
    bare = term.fragment.lstrip("+@")
    beginnings = {term.fragment, *(beginnings_of(term.fragment, region) if term.is_number else ())}
    yield or_(*(_begins(_KEYS["beginning"], each) for each in sorted(beginnings)))
    yield _begins(_KEYS["end"], bare[::-1])
    yield _begins(_KEYS["inside"], bare)


def _begins(key: ColumnElement[str], beginning: str) -> ColumnElement[bool]:
    return and_(key >= beginning, key < beginning + _LAST)


def _by_name(words: str) -> Select[Any]:
    return select(col(Customer.id)).where(_named(Customer, words))


def _named(entity: Any, words: str) -> ColumnElement[bool]:
    return col(entity.search_words).bool_op("@@")(cast(words, TSQUERY)) if words else false()


def _either(one: str, other: str) -> str:
    return f"({one}) | {other}" if one and other else one or other
