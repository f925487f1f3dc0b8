"""Guesses the language of a message among Persian, Arabic and Hebrew, and the direction it is read in.

A guess from letters, for templates and sorting of work; between languages in Latin letters nothing is guessed.
"""

import re
import unicodedata

_ENOUGH = 500
_MARKS = re.compile(r"[\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]")
_WORDS = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"@|://|www\.")
_HEBREW, _ARABIC, _OTHER = "hebrew", "arabic", "other"

# Arabic writing serves many languages; these letters tell that it is neither Persian nor Arabic
# (Urdu, Pashto, Kurdish, Sindhi, Uighur).
_ELSEWHERE = frozenset("ٹڈڑںےھہۂۃټډړږښڼېۍڕڵێۆەۋۇۈ")
# Arabic has no such sounds; ک and ی are only the Persian shapes of letters it has.
_PERSIAN_LETTERS = {"پ": 3, "چ": 3, "ژ": 3, "گ": 3, "ک": 1, "ی": 1}
# Persian borrows hamza carriers, and old keyboards and windows-1256 write its ی as ي: those letters weigh little.
_ARABIC_LETTERS = {"ة": 3, "إ": 2, "ى": 1, "ي": 1, "ك": 1, "أ": 1}
_PERSIAN_TEXT = """
    است که را از این آن برای با می نمی شما لطفا ممنون مرسی سلام خوب خوبی خوبم هست هستم نیست شد شده بود دارم دارد
    دارید کنید کنم کرد کردم خیلی چرا کجا هم آیا متشکرم تشکر بله تا یک هزینه تومان ریال آقا خانم روز درود باشه
    کنه بده بدید هنوز نرسید نرسیده چند چقدر
"""
_PERSIAN_WORDS = frozenset(_PERSIAN_TEXT.split())
# In the shapes of Arabic keyboards only: علی is a Persian name, على an Arabic preposition.
_ARABIC_TEXT = """
    في على الى إلى هذا هذه ذلك التي الذي لا هل كيف شكرا مرحبا اهلا أهلا انا أنا انت أنت نعم لم لن لقد كان عن او أو
    أن إن السلام عليكم اريد أريد متى أين لماذا يرجى لدي طلبي
"""
_ARABIC_WORDS = frozenset(_ARABIC_TEXT.split())
_WORD_WEIGHT = 3


def guess_language(text: str) -> str | None:
    """`fa`, `ar`, `he`, or None."""
    if text.isascii():
        return None
    text = text[:_ENOUGH]
    if _ADDRESS.search(text):
        text = " ".join(word for word in text.split() if not _is_address(word))
    text = _MARKS.sub("", unicodedata.normalize("NFKC", text))
    words = _WORDS.findall(text)
    if not words:
        return _by_digits(text)
    # Words, not letters: brand names are long and Semitic words are short. A draw is a brand in the sentence.
    scripts = [_script(word[0]) for word in words]
    hebrew, arabic = scripts.count(_HEBREW), scripts.count(_ARABIC)
    if scripts.count(_OTHER) > max(hebrew, arabic):
        return None
    return "he" if hebrew >= arabic else _persian_or_arabic(text, words)


def is_right_to_left(text: str) -> bool:
    """By the first letter that has a direction (Unicode Bidirectional Algorithm, rule P2)."""
    for letter in text[:_ENOUGH]:
        direction = unicodedata.bidirectional(letter)
        if direction in ("R", "AL"):
            return True
        if direction == "L":
            return False
    return False


def _is_address(word: str) -> bool:
    """Web and e-mail addresses are Latin in every language."""
    return "@" in word or "://" in word or word.startswith("www.")


def _script(letter: str) -> str:
    if "\u05d0" <= letter <= "\u05f2":
        return _HEBREW
    return _ARABIC if "\u0620" <= letter <= "\u06ff" or "\u0750" <= letter <= "\u077f" else _OTHER


def _persian_or_arabic(text: str, words: list[str]) -> str | None:
    if not _ELSEWHERE.isdisjoint(text):
        return None
    persian = sum(weight * text.count(letter) for letter, weight in _PERSIAN_LETTERS.items())
    arabic = sum(weight * text.count(letter) for letter, weight in _ARABIC_LETTERS.items())
    in_persian_shapes = " ".join(words).replace("ي", "ی").replace("ى", "ی").replace("ك", "ک").split()
    persian += _WORD_WEIGHT * len(_PERSIAN_WORDS.intersection(in_persian_shapes))
    arabic += _WORD_WEIGHT * len(_ARABIC_WORDS.intersection(words))
    arabic += sum(len(word) > 3 for word in set(words) if word.startswith("ال"))
    if persian == arabic:
        return _by_digits(text)
    return "fa" if persian > arabic else "ar"


def _by_digits(text: str) -> str | None:
    persian = sum("۰" <= letter <= "۹" for letter in text)
    arabic = sum("٠" <= letter <= "٩" for letter in text)
    if persian == arabic:
        return None
    return "fa" if persian > arabic else "ar"
