"""Text as hostile as a request can carry it: every code point, lone surrogates, NUL, near-addresses, huge strings."""

from hypothesis import strategies as st

ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)
NEAR_ADDRESSES = st.text(
    alphabet=st.sampled_from("+0123456789۰۹٤ -()./:;,*#@<>\"'\\abzABZİßǅЖ知ل‌‏‎­ＡＢ＠．%[]_\x00\ud800\u0301"), max_size=30
)
HUGE = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=5), st.integers(1_000, 20_000))
HOSTILE_TEXT = ANY_TEXT | NEAR_ADDRESSES | HUGE

DIGIT_ZEROS = st.sampled_from("0۰٠߀०০๐០᠐０𝟎")


def in_script(number: str, zero: str) -> str:
    return "".join(chr(ord(zero) + int(letter)) if letter in "0123456789" else letter for letter in number)
