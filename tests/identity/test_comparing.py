"""How alike two values are."""

import pytest

from app.identity.comparing import Level, compare_dates, compare_emails, compare_names, compare_phones, compare_texts


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("maryam", "maryam", Level.exact),
        ("maryam", "maryan", Level.very_close),
        ("anne marie", "annemarie", Level.very_close),
        ("anne marie", "marie anne", Level.very_close),
        ("anne marie", "anne", Level.close),
        ("m", "maryam", Level.close),
        ("maryam", "gideon", Level.different),
    ],
)
def test_names(one: str, other: str, level: Level) -> None:
    assert compare_names(one, other) is level
    assert compare_names(other, one) is level


@pytest.mark.parametrize(
    ("other", "level"),
    [
        ("19840321", Level.exact),
        ("19842103", Level.very_close),
        ("19840331", Level.very_close),
        ("19841107", Level.close),
        ("19501130", Level.different),
    ],
    ids=["equal", "day and month swapped", "a digit off", "the year", "nothing"],
)
def test_birth_dates(other: str, level: Level) -> None:
    assert compare_dates("19840321", other) is level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("12 mill lane", "12 mill lane", Level.exact),
        ("12 mill lane", "mill lane 12", Level.very_close),
        ("2604", "2605", Level.very_close),
        ("2604", "9911", Level.different),
        ("7", "8", Level.different),
    ],
)
def test_other_attributes(one: str, other: str, level: Level) -> None:
    assert compare_texts(one, other) is level


def test_addresses_with_another_number_are_another_persons() -> None:
    assert compare_emails("ali71@mail.example", "ali71@mial.example") is Level.very_close
    assert compare_emails("ali71@mail.example", "ali82@mail.example") is Level.different
    assert compare_phones("12345678", "12345679") is Level.very_close
    assert compare_phones("12345678", "87654321") is Level.different
