"""Names of languages as people write them into lists, as codes."""

_NAMES = {
    "fa": "persian|farsi|per|fas|فارسی|فارسي|الفارسية|פרסית",
    "ar": "arabic|ara|عربی|عربي|العربية|ערבית",
    "he": "hebrew|heb|iw|עברית|عبری|العبرية",
    "en": "english|eng|انگلیسی|الإنجليزية|אנגלית",
    "tr": "turkish|tur|ترکی|التركية|טורקית",
    "az": "azerbaijani|aze|آذری|ترکی آذری",
    "ku": "kurdish|kur|کردی|الكردية",
    "ur": "urdu|urd|اردو|الأردية",
    "de": "german|deutsch|ger|deu|آلمانی|الألمانية|גרמנית",
    "fr": "french|français|fre|fra|فرانسه|فرانسوی|الفرنسية|צרפתית",
    "es": "spanish|español|spa|اسپانیایی|الإسبانية|ספרדית",
    "ru": "russian|русский|rus|روسی|الروسية|רוסית",
    "it": "italian|italiano|ita|ایتالیایی|الإيطالية|איטלקית",
}
_CODES = {name: code for code, names in _NAMES.items() for name in names.split("|")}


def language_code(text: str) -> str:
    """The code for a name; what is a code already, or unknown, as it stands (locales with a dash)."""
    return _CODES.get(text.casefold()) or text.replace("_", "-")
