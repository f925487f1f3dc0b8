"""How a name sounds, roughly, whatever script it is written in: Latin spellings of Persian, Arabic and Hebrew names
differ in vowels and in the letter chosen for a sound, hardly in the order of the consonants.

A skeleton is the row of those consonants, each as the letter of its class, from a word already folded
(`app.text.folding.fold`). Equal skeletons are evidence, not proof: Hoda and Hadi have one.
"""

import re
from functools import lru_cache

_CLASSES = {
    "b": "bpبپבפ",
    "t": "dtتطثدضذטתד",
    "s": "szسصزظژסזצ",
    "x": "شچש",
    "k": "cgjkqجگغقکخגכק",
    "f": "fvفڤ",
    "w": "wوו",
    "y": "yیי",
    "h": "hهحהח",
    "a": "aeiouعاآאע",
    "r": "rرר",
    "l": "lلל",
    "m": "mمמ",
    "n": "nنנ",
}
_SOUNDS = str.maketrans({letter: sound for sound, letters in _CLASSES.items() for letter in letters} | {"x": "ks"})
# Latin groups that stand for one sound; the capital keeps it from being read again.
_GROUPS = (
    (re.compile("t?sch|tch|sh"), "ش"),
    (re.compile("ch(?=[rlnm]|$)|ck|cq|kh|gh|qu"), "k"),
    (re.compile("ch"), "ش"),
    (re.compile("ph"), "f"),
    (re.compile("th|dh"), "t"),
    (re.compile("tz|c(?=[eiy])"), "s"),
)
# One letter, two sounds: Arabic ض is a Persian z, و is a v to Persians, Hebrew ב a b or a v, j a y to many.
_READINGS = (
    str.maketrans("ضذظث", "سسسس"),
    str.maketrans("v", "w"),
    str.maketrans("j", "y"),
    str.maketrans("בפ", "וf"),
    str.maketrans("פ", "f"),
)
_ARTICLE = re.compile("^[aeu]l-?(?=[a-z]{4})|^ال(?=.{3})")
_WEAK = re.compile("(?<!^)[awyh]")
_TWICE = re.compile(r"(.)\1+")


@lru_cache(maxsize=50_000)
def skeletons(word: str) -> tuple[str, ...]:
    """The consonants of one folded word as classes of sounds, the likeliest reading first; none for no consonants."""
    word = _ARTICLE.sub("", word)
    readings = {word: None} | {word.translate(reading): None for reading in _READINGS}
    found = {_consonants(reading): None for reading in readings}
    return tuple(skeleton for skeleton in found if skeleton)


def _consonants(word: str) -> str:
    for group, letter in _GROUPS:
        word = group.sub(letter, word)
    return _WEAK.sub("", _TWICE.sub(r"\1", word).translate(_SOUNDS))
