"""What a mail is about, without the marks of replying and forwarding (RFC 5256, 2.1, with the words mail programs of
other languages put)."""

import re

from app.text.digits import strip_marks

_MARKS = "|".join(
    (
        *(
            "re",
            "fwd?",
            "aw",
            "wg",
            "antw",
            "antwort",
            "sv",
            "vs",
            "vb",
            "vl",
            "ref",
            "rif",
            "r",
            "res",
            "rv",
            "enc",
            "i",
        ),
        *("tr", "rép", "odp", "pd", "ynt", "ilt", "doorst", "fs", "továbbítás", "vá", "atb", "απ", "πρθ", "σχετ", "на"),
        *("回复", "回覆", "答复", "转发", "轉寄", "轉發", "返信", "転送", "답장", "전달"),
        *("پاسخ", "ارسال مجدد", "هدایت", "رد", "إعادة توجيه", "الرد", "תגובה", "השב", "הועבר", "העברה"),
    )
)
_BLOB = r"\[[^\[\]]*\]\s*"
_LEADER = re.compile(rf"\s*(?:{_BLOB})*(?:{_MARKS})\s*(?:\[[^\[\]]*\]\s*)?[:：]", re.IGNORECASE)
_LEADING_BLOB = re.compile(rf"\s*{_BLOB}(?=\S)")
_TRAILER = re.compile(r"(?:\(fwd\)|\s)+\Z", re.IGNORECASE)
_FORWARDED = re.compile(r"\[fwd:(.*)\]\Z", re.IGNORECASE | re.DOTALL)
_LONGEST = 500


def base_subject(subject: str) -> str:
    """Equal for a mail and its answers, lower-case; empty where nothing is left but marks."""
    base = " ".join(strip_marks(subject[:_LONGEST]).split())
    while True:
        before = base
        base = _TRAILER.sub("", base)
        while leader := _LEADER.match(base):
            base = base[leader.end() :]
        base = _LEADING_BLOB.sub("", base.strip(), count=1)
        if forwarded := _FORWARDED.fullmatch(base):
            base = forwarded[1]
        if base == before:
            return base.strip().casefold()
