"""What a column of a file may be, and the words it goes by in English, Persian, Arabic and Hebrew."""

import re

from app.messages import IdentifierKind
from app.text.folding import fold

_KNOWN_WORDS = {
    "id": "id|customer id",
    "kind": "kind|customer type|نوع مشتری|نوع العميل|סוג לקוח",
    "status": "status",
    "display_name": "full name|display name|customer name|contact name|formatted name|fn|نام کامل|نام و نام خانوادگی"
    "|نام مشتری|نام نمایشی|الاسم الكامل|اسم العميل|الاسم واللقب|שם מלא|שם לקוח|שם הלקוח|שם תצוגה",
    "given_name": "first name|given name|forename|firstname|fname|نام کوچک|الاسم الأول|الاسم الشخصي|שם פרטי",
    "family_name": "last name|family name|surname|second name|lname|نام خانوادگی|فامیل|فامیلی|اسم العائلة|الاسم الأخير"
    "|اللقب|اسم الأسرة|שם משפחה",
    "language": "language|preferred language|lang|زبان|اللغة|שפה",
    "time_zone": "time zone|timezone|منطقه زمانی|المنطقة الزمنية|אזור זמן",
    "organization_id": "organization id",
    "phone": "phone|phone number|telephone|telephone number|tel|phone no|contact number|primary phone|main phone|تلفن"
    "|شماره تلفن|شماره تماس|شماره|هاتف|الهاتف|رقم الهاتف|تليفون|رقم التليفون|טלפון|מספר טלפון|מס טלפון",
    "phone:mobile": "mobile|mobile phone|mobile number|cell|cell phone|cellphone|cellular|gsm|موبایل|شماره موبایل"
    "|تلفن همراه|همراه|شماره همراه|گوشی|الجوال|جوال|رقم الجوال|موبايل|الهاتف المحمول|المحمول|الهاتف الجوال|נייד"
    "|טלפון נייד|סלולרי|פלאפון",
    "phone:home": "home phone|home telephone|تلفن منزل|تلفن خانه|تلفن ثابت|هاتف المنزل|الهاتف الثابت|טלפון בבית",
    "phone:work": "work phone|business phone|office phone|company phone|تلفن محل کار|تلفن کار|تلفن شرکت|هاتف العمل"
    "|טלפון בעבודה",
    "email": "email|email address|mail|e mail address|primary email|ایمیل|پست الکترونیک|پست الکترونیکی|نشانی ایمیل"
    "|آدرس ایمیل|رایانامه|البريد الإلكتروني|البريد|بريد إلكتروني|ايميل|الايميل|דואל|דוא״ל|אימייל|מייל"
    "|כתובת דואל|דואר אלקטרוני",
    "email:work": "work email|business email|ایمیل کاری|بريد العمل",
    "email:home": "home email|personal email|ایمیل شخصی",
    "whatsapp": "whatsapp|whatsapp number|wa|واتساپ|واتس اپ|شماره واتساپ|واتساب|واتس اب|رقم الواتساب|וואטסאפ|ווטסאפ",
    "telegram": "telegram|telegram id|telegram username|تلگرام|آیدی تلگرام|تيليجرام|تلغرام|تيليغرام|טלגרם",
    "fax": "fax|fax number|facsimile|فکس|نمابر|دورنگار|شماره فکس|فاكس|رقم الفاكس|פקס|מספר פקס",
    "external": "external id|external|customer number|customer no|customer code|account number|client id|erp id|crm id"
    "|record id|کد مشتری|شماره مشتری|شناسه مشتری|شماره اشتراک|کد اشتراک|رقم العميل|كود العميل|מספר לקוח|קוד לקוח",
    "social": "social|social media",
    "device": "device|device id",
    "opted_out": "opted out|unsubscribed addresses",
    "attributes": "attributes",
    "preferences": "preferences",
    "attributes.date_of_birth": "birth date|birthdate|date of birth|birthday|dob|bday|تاریخ تولد|تولد|تاريخ الميلاد"
    "|تاريخ الولادة|תאריך לידה",
    "attributes.gender": "gender|sex|جنسیت|الجنس|מין|מגדר",
    "attributes.national_id": "national id|national code|national number|ssn|identity number|کد ملی|شماره ملی"
    "|رقم الهوية|الرقم القومي|الرقم الوطني|תעודת זהות|תז|מספר זהות",
    "attributes.organization": "organization|organisation|company|company name|organization name|employer|شرکت"
    "|نام شرکت|سازمان|محل کار|الشركة|اسم الشركة|المؤسسة|חברה|שם חברה|שם החברה|ארגון",
    "attributes.job_title": "job title|title|position|role|سمت|شغل|عنوان شغلی|المسمى الوظيفي|الوظيفة|תפקיד|משרה",
    "attributes.address": "address|postal address|mailing address|full address|home address|آدرس|نشانی|آدرس پستی"
    "|العنوان|عنوان|כתובת|מען",
    "attributes.street": "street|street address|address line|خیابان|الشارع|شارع|רחוב",
    "attributes.city": "city|town|locality|شهر|المدينة|مدينة|עיר|ישוב",
    "attributes.region": "state|province|region|county|استان|المحافظة|محافظة|المنطقة|מחוז|אזור",
    "attributes.postal_code": "postal code|postcode|zip|zip code|کد پستی|کدپستی|الرمز البريدي|מיקוד",
    "attributes.country": "country|کشور|الدولة|البلد|ארץ|מדינה",
    "attributes.tags": "tags|labels|groups|group membership|categories|category|برچسب|برچسب ها|گروه|دسته|دسته بندی"
    "|الوسوم|التصنيف|المجموعة|תגיות|תוויות|קבוצה",
    "attributes.notes": "notes|note|comment|comments|remarks|description|یادداشت|توضیحات|ملاحظات|ملاحظة|הערות|הערה",
    "attributes.website": "website|web site|url|homepage|وب سایت|سایت|الموقع الإلكتروني|אתר",
}
_PLAIN_NAMES = "name|nom|نام|اسم|الاسم|שם"
_NOT_LETTERS = re.compile(r"[\W\d_]+")

LABELLED = {*IdentifierKind}
"""These may name a label, `phone:mobile`; for `external` it is the system whose ids the column holds."""


def key(header: str) -> str:
    """A header without what differs between two writings of it: case, accents, spaces, a number behind it."""
    return _NOT_LETTERS.sub("", fold(header)).removesuffix("value")


FIELDS = {field: words.split("|") for field, words in _KNOWN_WORDS.items()}
PLAIN_NAME = {key(word) for word in _PLAIN_NAMES.split("|")}
"""The given name where a family name stands beside it, else the whole name."""

_BY_KEY = {key(word): field for field, words in FIELDS.items() for word in (*words, field)}


def by_header(header: str) -> str | None:
    return _BY_KEY.get(key(header))


def is_field(name: str) -> bool:
    head, dot, tail = name.partition(".")
    if dot:
        return head in ("attributes", "preferences") and bool(tail.strip()) and len(tail) <= 200
    kind, colon, label = name.partition(":")
    if colon:
        return kind in LABELLED and bool(label.strip()) and len(label) <= 100
    return name in FIELDS


def described() -> list[dict[str, object]]:
    """For those who map by hand."""
    shown = {"display_name": [*FIELDS["display_name"], *_PLAIN_NAMES.split("|")]}
    return [{"field": field, "headers": words} for field, words in (FIELDS | shown).items()]
