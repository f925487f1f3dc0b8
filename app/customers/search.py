"""Finding customers by a part of their names, of their identifiers or of their organisation's names."""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, false, literal_column, or_, select, true, union_all
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
_VALUE = _KEYS["beginning"]
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
        filtered=listed.whereclause is not None,
    )


def _matches(term: Term, region: str | None) -> ColumnElement[bool]:
    """Asked of one customer at hand."""
    somewhere = []
    if term.words:
        own = col(_ORGANIZATION.id) == Customer.organization_id
        somewhere += [
            _named(Customer, term.words),
            _any(own, _named(_ORGANIZATION, term.words)),
        ]
    if term.fragment:
        own = col(CustomerIdentifier.customer_id) == Customer.id
        somewhere.append(_any(own, _LIVE, _is_in(term, region)))
    return or_(*somewhere)


def _any(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Of the customer at hand. Not an EXISTS: for that the planner would rather read what all customers have first."""
    return select(true()).where(*conditions).limit(1).correlate(Customer).scalar_subquery()


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
    yield or_(*(_begins(_KEYS["beginning"], each) for each in _beginnings(term, region)))
    if term.fragment.startswith("+"):
        return
    yield _begins(_KEYS["end"], term.bare[::-1])
    yield _begins(_KEYS["inside"], term.bare)


def _is_in(term: Term, region: str | None) -> ColumnElement[bool]:
    """The same of one identifier at hand: one expression takes a third of the time of three keys."""
    beginnings = "|".join(map(re.escape, _beginnings(term, region)))
    bare = re.escape(term.bare)
    elsewhere = "" if term.fragment.startswith("+") else f"|^[^:@]*[:@]{bare}|{bare}$"
    return _VALUE.bool_op("~")(f"^({beginnings}){elsewhere}")


def _beginnings(term: Term, region: str | None) -> list[str]:
    return sorted({term.fragment, *(beginnings_of(term.fragment, region) if term.is_number else ())})


def _begins(key: ColumnElement[str], beginning: str) -> ColumnElement[bool]:
    return and_(key >= beginning, key < beginning + _LAST)


def _by_name(words: str) -> Select[Any]:
    return select(col(Customer.id)).where(_named(Customer, words))


def _named(entity: Any, words: str) -> ColumnElement[bool]:
    return col(entity.search_words).bool_op("@@")(cast(words, TSQUERY)) if words else false()


def _either(one: str, other: str) -> str:
    return f"({one}) | {other}" if one and other else one or other
