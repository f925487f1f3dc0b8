"""Names that sound alike have one skeleton, whatever script they are written in."""

import pytest

from app.text.folding import fold
from app.text.transliteration import skeletons


def sound_alike(one: str, other: str) -> bool:
    return not set(skeletons(fold(one))).isdisjoint(skeletons(fold(other)))


@pytest.mark.parametrize(
    ("own", "latin"),
    [
        ("محمد", "Mohammad"),
        ("محمد", "Muhammed"),
        ("خالد", "Khaled"),
        ("حسین", "Hossein"),
        ("رضایی", "Rezaei"),
        ("شیرین", "Shirin"),
        ("כהן", "Cohen"),
        ("משה", "Moshe"),
        ("פרץ", "Peretz"),
    ],
)
def test_a_name_sounds_like_its_latin_spellings(own: str, latin: str) -> None:
    assert sound_alike(own, latin)


@pytest.mark.parametrize(("one", "other"), [("خالد", "Karim"), ("משה", "David"), ("Nasrin", "Parvaneh")])
def test_other_names_do_not(one: str, other: str) -> None:
    assert not sound_alike(one, other)


def test_what_has_no_consonants_has_no_skeleton() -> None:
    assert skeletons("") == ()
