"""The words of the plot in the languages surveys come in."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.feedback.drivers import Quadrant
from app.feedback.scales import STANDARD_DIMENSIONS
from app.feedback.statistics.schemas import DriverMethod


@dataclass(frozen=True, slots=True)
class Texts:
    title: str
    performance: str
    importance: Mapping[DriverMethod, str]
    basis: str
    nothing: str
    quadrants: Mapping[Quadrant, str]
    dimensions: Mapping[str, str]
    right_to_left: bool = False
    comma: str = ", "
    digits: str | None = None
    """Ten of them and the decimal sign, where the language has its own."""


def _quadrants(*labels: str) -> dict[Quadrant, str]:
    """Concentrate here, keep up, low priority, possible overkill."""
    return dict(zip(Quadrant, labels, strict=True))


def _dimensions(*labels: str) -> dict[str, str]:
    return dict(zip(STANDARD_DIMENSIONS, labels, strict=True))


def _methods(lmg: str, correlation: str) -> dict[DriverMethod, str]:
    return {DriverMethod.lmg: lmg, DriverMethod.correlation: correlation}


TEXTS = {
    "en": Texts(
        title="What drives satisfaction, and how well we do it",
        performance="Performance (mean, {low} to {high})",
        importance=_methods("Importance (share of R², LMG)", "Importance (correlation)"),
        basis="n = {n} answers, R² = {r_squared}",
        nothing="There are not enough answers for this analysis.",
        quadrants=_quadrants("Concentrate here", "Keep up the good work", "Low priority", "Possible overkill"),
        dimensions=_dimensions(
            "Willingness to help",
            "Professionalism",
            "Courtesy and listening",
            "Waiting time",
            "Reliability",
            "Responsiveness",
            "Assurance",
            "Empathy",
            "Tangibles",
        ),
    ),
    "fa": Texts(
        title="چه چیزی رضایت مشتری را می‌سازد و ما در آن چگونه‌ایم",
        performance="عملکرد (میانگین، از {low} تا {high})",
        importance=_methods("اهمیت (سهم از ضریب تعیین، LMG)", "اهمیت (ضریب همبستگی)"),
        basis="تعداد پاسخ‌ها: {n}، ضریب تعیین: {r_squared}",
        nothing="برای این تحلیل پاسخ کافی وجود ندارد.",
        quadrants=_quadrants("اولویت بهبود", "همین‌طور ادامه دهید", "اولویت پایین", "شاید بیش از نیاز"),
        dimensions=_dimensions(
            "تمایل به کمک",
            "حرفه‌ای بودن",
            "ادب و خوب گوش دادن",
            "زمان انتظار",
            "قابلیت اعتماد",
            "پاسخ‌گویی",
            "اطمینان‌بخشی",
            "همدلی",
            "امکانات و ظاهر",
        ),
        right_to_left=True,
        comma="، ",
        digits="۰۱۲۳۴۵۶۷۸۹٫",
    ),
    "ar": Texts(
        title="ما الذي يصنع رضا العملاء وكيف أداؤنا فيه",
        performance="الأداء (المتوسط، من {low} إلى {high})",
        importance=_methods("الأهمية (الحصة من معامل التحديد، LMG)", "الأهمية (معامل الارتباط)"),
        basis="عدد الإجابات: {n}، معامل التحديد: {r_squared}",
        nothing="لا توجد إجابات كافية لهذا التحليل.",
        quadrants=_quadrants("ركّزوا هنا", "حافظوا على هذا الأداء", "أولوية منخفضة", "ربما أكثر من اللازم"),
        dimensions=_dimensions(
            "الرغبة في المساعدة",
            "المهنية",
            "اللباقة وحسن الاستماع",
            "وقت الانتظار",
            "الموثوقية",
            "سرعة الاستجابة",
            "بعث الثقة",
            "التعاطف",
            "المظهر والمرافق",
        ),
        right_to_left=True,
        comma="، ",
        digits="٠١٢٣٤٥٦٧٨٩٫",
    ),
    "he": Texts(
        title="מה יוצר שביעות רצון, ועד כמה אנחנו טובים בזה",
        performance="ביצוע (ממוצע, {low} עד {high})",
        importance=_methods("חשיבות (חלק מתוך R², LMG)", "חשיבות (מתאם)"),
        basis="מספר תשובות: {n}, R² = {r_squared}",
        nothing="אין מספיק תשובות לניתוח הזה.",
        quadrants=_quadrants("להתמקד כאן", "להמשיך כך", "עדיפות נמוכה", "אולי יותר מהנדרש"),
        dimensions=_dimensions(
            "נכונות לעזור",
            "מקצועיות",
            "אדיבות והקשבה",
            "זמן המתנה",
            "אמינות",
            "היענות",
            "ביטחון",
            "אמפתיה",
            "נראות ומתקנים",
        ),
        right_to_left=True,
    ),
}


def dimension_label(name: str, texts: Texts) -> str:
    """A standard dimension in this language, any other as it is called."""
    return texts.dimensions.get(name) or name.replace("_", " ")


def digits(number: str, texts: Texts) -> str:
    return number if texts.digits is None else number.translate(str.maketrans("0123456789.", texts.digits))
