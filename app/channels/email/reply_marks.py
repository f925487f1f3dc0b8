"""How mail programs announce quoted mail and sign for a device, by language: the words behind `replies`.

Every word passes through `shown`, as every line it is compared with does, so spelling variants meet.
"""

import re
import unicodedata

from app.text.digits import ASCII_DIGITS, MARKS

LONGEST_MARK = 500
"""No line that mail programs write themselves is longer; it also bounds the work on one line."""

_DIACRITICS = [0x0640, 0x0670, *range(0x064B, 0x0660)]
_FOLDED = ASCII_DIGITS | dict.fromkeys((*map(ord, MARKS), 0x00AD, *_DIACRITICS), "") | str.maketrans("يىك", "ییک")


def shown(line: str) -> str:
    """The line as it is compared: no direction marks, ASCII digits, one shape of a letter, single spaces."""
    line = line.strip()
    if len(line) > LONGEST_MARK:
        return line[: LONGEST_MARK + 1]
    if not line.isascii():
        line = unicodedata.normalize("NFKC", line).translate(_FOLDED)
    return " ".join(line.split())


def _words(text: str) -> list[str]:
    return [word for line in text.splitlines() for raw in line.split("|") if (word := shown(raw))]


def _either(text: str) -> str:
    return "|".join(re.escape(word.casefold()) for word in sorted(_words(text), key=len, reverse=True))


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _words(text))


_WROTE_TEXT = """
    wrote | writes | has written | schrieb | schreibt | schrieb folgendes | hat geschrieben | a écrit | a ecrit
    écrit | escribió | escribio | ha escrito | escreveu | ha scritto | scrisse | schreef
    het volgende geschreven | geschreven | skrev | har skrevet | följande | skrifaði | kirjoitti | napisał
    napisała | pisze | napsal | napsala | napísal | napísala | napisao | napisala | napisao je | napisala je
    je napisal | je napisala | je napisao | написал | написала | писал | писала | пишет | написав | пише
    написа | је написао | је написала | yazdı | şunu yazdı | şunları yazdı | yazmış | đã viết | viết | ezt írta
    írta | a következőt írta | a scris | έγραψε | έγραψε τα εξής | va escriure | ha escrit | menulis | rašė
    parašė | rakstīja | kirjutas | skrev følgende | نوشت | نوشته است | نوشته | نوشته اند | نوشته‌اند | نوشته بود
    چنین نوشت | این‌طور نوشت | كتب | كتبت | كتب ما يلي | تمت كتابة ما يلي | تمت كتابة ما يلي بواسطة | بواسطة
    جاء من | כתב | כתבה | כתב את הדברים הבאים | מאת | ने लिखा
"""
# Scripts that put no space between words.
_WROTE_JOINED_TEXT = (
    "写道 | 寫道 | 撰写 | 書きました | 書いた | さんのメッセージ | のメール | 작성 | 씀 | เขียนว่า | เขียน"
)
_GENDER_TEXT = "(a) | (в) | (а) | (ла) | (la) | (ה) | /a | /la | /а | /ла | /ה | /ت | (ت) | (-a)"
_GENDERS = rf"(?:{_either(_GENDER_TEXT)})?"

# For lower-case lines, as all patterns here that do not ignore case.
WROTE = re.compile(rf"(?<![^\W_])(?:{_either(_WROTE_TEXT)}){_GENDERS}(?![^\W_])|(?:{_either(_WROTE_JOINED_TEXT)})")
WROTE_ENDS = _phrases(f"{_WROTE_TEXT} | {_WROTE_JOINED_TEXT} | {_GENDER_TEXT}")
# A person telling what was written before, not a mail program naming somebody else.
OWN = frozenset(
    _phrases("""
    i | we | you | he | she | they | who | it | me | us | my | our | your | ich | wir | mir | uns | ihr | ihre
    mein | meine | ik | wij | mij | jag | jeg | mig | meg | je | j'ai | nous | vous | elle | yo | eu | io | я
    мы | он | мне | من | ما | او | أنا | نحن | أني | אני | אנחנו | votre | notre
    """)
)

# Before the date; where there is neither address nor quotation sign, only these make a date an attribution.
STARTS = re.compile(
    r"(?:[\d(\[]|(?:"
    + _either("""
    on | am | le | el | il giorno | il | in data | em | no dia | a | op | den | på | pe | kl | w dniu | dnia | w
    dne | dňa | v | в | во | на | від | vào | pada | pada tanggal | în data de | în | la data de | στις | την
    el dia | در تاریخ | در | به تاریخ | بتاريخ | في | في تاريخ | בתאריך | ב | ביום | kuupäeval | 在 | 于
    ในวันที่ | dana | u | il dia | شنبه | یکشنبه | یک شنبه | دوشنبه | دو شنبه | سه شنبه | سهشنبه | چهارشنبه
    چهار شنبه | پنجشنبه | پنج شنبه | جمعه | الأحد | الاثنين | الإثنين | الثلاثاء | الأربعاء | الخميس | الجمعة
    السبت | יום | מאת
    """)
    + r")(?=[\W\d])|[^\W\d_]{2,11}[.,] (?=\d)|[^\W\d_]{2,3} (?=\d)|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )",
    re.IGNORECASE,
)
CLOCK = re.compile(r"(?<!\d)\d{1,2} ?[:.h時时시] ?\d{2}(?!\d)")
DAY = re.compile(r"(?<!\d)(?:1[34]|19|20|25)\d\d(?!\d)|\d{1,4}([./-]) ?\d{1,2}\1 ?\d{1,4}|\d[年년]")
DAY_AND_CLOCK = re.compile(r"\d\D+(?<!\d)\d{1,2} ?[:.h時时시] ?\d{2}(?!\d)")
DIGIT = re.compile(r"\d")
ISO_DAY = re.compile(r"(?:19|20)\d\d[-/.年]")
QUOTING = re.compile(r"(?:quoting|zitat von|zitiere|citando a?|citation de|citerar|citeren) \S.*:$", re.IGNORECASE)
MIDLINE = re.compile(r"(?:(?<=\s)|-{2,}\s*)(?=(?:On|Am|Le|El|Il|Em|Op|Den|W dniu|Dne)\s[^\n]{0,30}\d)")

HEADERS = {
    word.casefold(): kind
    for kind, text in {
        "from": """
            from | von | de | da | van | od | fra | från | lähettäjä | от | от кого | від | kimden | gönderen
            差出人 | 送信者 | 发件人 | 寄件者 | 寄件人 | 發件人 | 보낸 사람 | 보낸사람 | từ | người gửi | feladó
            από | expéditeur | remitente | mittente | absender | desde | de la | expeditor | dari | จาก | šalje
            saatja | nuo | از | فرستنده | ارسال کننده | من | المرسل | מאת | odesílatel | odosielateľ | nadawca
            frá | no
        """,
        "date": """
            date | sent | datum | gesendet | gesendet am | envoyé | envoyé le | fecha | enviado | enviado el
            enviado em | enviada em | data | inviato | verzonden | verstuurd | skickat | skickat den | dato
            sendt | lähetetty | päivä | päivämäärä | дата | отправлено | надіслано | дата отправки | tarih
            gönderilme | gönderildi | gönderme tarihi | 日付 | 日時 | 送信日時 | 发送时间 | 發送時間 | 日期
            寄件日期 | 날짜 | 보낸 날짜 | ngày | đã gửi | dátum | küldve | elküldve | ημερομηνία | στάλθηκε
            εστάλη | trimis | trimisă | wysłano | odesláno | odoslané | poslano | dikirim | tanggal | ส่ง | วันที่
            تاریخ | تاریخ ارسال | ارسال شده | ارسال‌شده | ارسال شده در | زمان ارسال | فرستاده شده | تاريخ الإرسال
            التاريخ | تم الإرسال | أرسلت | أُرسلت | مرسل | נשלח | תאריך | נשלח ב | изпратено
        """,
        "to": """
            to | an | à | a | para | per | aan | naar | till | til | vastaanottaja | кому | до | kime | alıcı
            宛先 | 收件人 | 收件者 | 받는 사람 | 받는사람 | đến | người nhận | címzett | προς | destinataire
            destinatario | empfänger | către | do | komu | pro | za | kepada | ถึง | به | گیرنده | برای | إلى
            الى | المستلم | אל | לכבוד
        """,
        "subject": """
            subject | betreff | objet | asunto | assunto | oggetto | onderwerp | ämne | emne | aihe | тема
            konu | 件名 | 主题 | 主旨 | 主題 | 제목 | chủ đề | tiêu đề | tárgy | θέμα | subiect | temat
            předmět | predmet | věc | vec | subjek | subyek | perihal | เรื่อง | موضوع | الموضوع | נושא | הנדון
            относно | efni | teema | assumpte
        """,
        "other": """
            cc | bcc | kopie | copia | cópia | kopia | kopi | kopio | копия | копія | bilgi | rövidített
            رونوشت | نسخة | נسخه | עותק | העתק | 抄送 | 副本 | 참조 | reply-to | reply to | antwort an
            répondre à | risposta | importance | wichtigkeit | priority | attachments | anlagen | organization
            cc kopie | dw | udw
        """,
    }.items()
    for word in _words(text)
}

# Between dashes or the like.
QUOTED_BELOW = _phrases("""
    original message | original appointment | original email | reply message | reply above
    ursprüngliche nachricht | originalnachricht | original-nachricht | antwort nachricht
    ursprungliche nachricht | message d'origine | message d’origine | message original | message initial
    mensaje original | mensagem original | messaggio originale | messaggio originario | oorspronkelijk bericht
    origineel bericht | ursprungligt meddelande | originalmeddelande | oprindelig meddelelse
    den oprindelige meddelelse | opprinnelig melding | original melding | alkuperäinen viesti
    wiadomość oryginalna | oryginalna wiadomość | wiadomość pierwotna | původní zpráva | pôvodná správa
    исходное сообщение | исходное письмо | оригинальное сообщение | вихідне повідомлення
    оригінальне повідомлення | orijinal mesaj | özgün ileti | özgün mesaj | asıl ileti | eredeti üzenet
    mesaj original | mesajul original | αρχικό μήνυμα | thư gốc | tin nhắn gốc | 元のメッセージ | 原始邮件
    原始郵件 | 原始信件 | 邮件原件 | 원본 메시지 | 원본 메일 | پیام اصلی | پیام اولیه | الرسالة الأصلية
    رسالة أصلية | הודעה מקורית | ההודעה המקורית | missatge original | izvorna poruka | originalna poruka
    izvirno sporočilo | pesan asli | ข้อความต้นฉบับ | ข้อความเดิม | original besked | forwarded message
    forwarded by | forwarded email | weitergeleitete nachricht | weitergeleitet von | message transféré
    message réexpédié | mensaje reenviado | mensagem encaminhada | mensagem reencaminhada | messaggio inoltrato
    doorgestuurd bericht | vidarebefordrat meddelande | vidarebefordrat mejl | videresendt besked
    videresendt melding | videresendt meddelelse | välitetty viesti | edelleenlähetetty viesti
    przekazana wiadomość | wiadomość przekazana dalej | přeposlaná zpráva | preposlaná správa
    пересылаемое сообщение | пересланное сообщение | переслане повідомлення | пересилане повідомлення
    iletilen mesaj | yönlendirilen ileti | yönlendirilmiş ileti | továbbított üzenet | mesaj redirecționat
    προωθημένο μήνυμα | thư đã được chuyển tiếp | thư chuyển tiếp | 転送メッセージ | 転送されたメッセージ
    转发邮件 | 转发的邮件 | 轉寄郵件 | 轉寄的郵件 | 전달된 메시지 | 전달된 메일 | پیام هدایت شده | پیام هدایت‌شده
    پیام فرستاده شده | پیام ارسالی | پیام بازارسال شده | رسالة معاد توجيهها | الرسالة المعاد توجيهها
    رسالة محوّلة | הודעה שהועברה | הודעה מועברת | pesan terusan | proslijeđena poruka
""")
# On a line of their own that ends in a colon.
FORWARD_STARTS = frozenset(
    _phrases("""
    begin forwarded message | start of forwarded message | anfang der weitergeleiteten nachricht
    anfang der weitergeleiteten e-mail | début du message réexpédié | début du message transféré
    inicio del mensaje reenviado | inicio de mensaje reenviado | início da mensagem encaminhada
    início da mensagem reencaminhada | inizio messaggio inoltrato | begin doorgestuurd bericht
    vidarebefordrat brev | vidarebefordrat mejl | start på videresendt besked | videresendt melding
    videresendt meddelelse | välitetty viesti alkaa | początek przekazywanej wiadomości
    začátek přeposílané zprávy | začiatok preposlanej správy | начало переадресованного сообщения
    начало пересылаемого сообщения | початок листа, що пересилається | iletilen mesajın başlangıcı
    iletilmiş mesaj başlangıcı | továbbított levél kezdete | începutul mesajului redirecționat
    αρχή προωθημένου μηνύματος | bắt đầu thư được chuyển tiếp | 転送されたメッセージ | 下面是被转发的邮件
    以下是轉寄的郵件 | 전달된 메시지 | آغاز پیام هدایت‌شده | شروع پیام هدایت شده | بداية الرسالة المعاد توجيهها
    بدء الرسالة التي تمت إعادة توجيهها | תחילת ההודעה שהועברה
    """)
)
REPLY_ABOVE = re.compile(
    _either("""
    above this line | oberhalb dieser zeile | über dieser zeile | au-dessus de cette ligne
    encima de esta línea | acima desta linha | sopra questa riga | sopra questa linea | boven deze regel
    boven deze lijn | over denne linje | ovanför den här raden | ovanför denna rad | tämän rivin yläpuolelle
    powyżej tej linii | nad tento řádek | nad týmto riadkom | выше этой линии | выше этой строки
    над цією лінією | bu satırın üstüne | e fölé a sor fölé | deasupra acestei linii | この行の上 | この線より上
    在此行上方 | 在此線上方 | 이 줄 위에 | بالای این خط | بالاتر از این خط | فوق هذا السطر | فوق هذا الخط
    מעל שורה זו | מעל לשורה זו | reply above the line
    """)
)

_DEVICE_TEXT = """
    iphone | ipad | ipod | android | samsung | galaxy | huawei | xiaomi | redmi | htc | nokia | xperia
    motorola | oneplus | oppo | blackberry | windows | outlook | gmail | yahoo | mobile | proton | protonmail
    thunderbird | airmail | mailbox | k-9 | typeapp | aquamail | bluemail | nine | sparrow | mailbird | zoho
    icloud | aol | verizon | mail for windows | spark | ios | iphon | آیفون | اندروید | سامسونگ | آيفون | אייפון
    אנדרואיד | 아이폰
"""
_OWN_DEVICE_TEXT = """
    mobil | mobiltelefon | mobilgerät | phone | smartphone | handy | cell | cellphone | tablet | telefon
    téléphone | portable | mobiel | telefoon | móvil | celular | teléfono | telefone | telemóvel | cellulare
    telefono | telefonu | komórki | мобильного | телефона | смартфона | айфона | мобільного | смартфону | device
    手机 | 手機 | 携帯 | スマートフォン | スマホ | 휴대폰 | 스마트폰 | điện thoại | โทรศัพท์ | گوشی | موبایل
    تلفن همراه | جوال | هاتف | الهاتف | الجوال | جهاز | הטלפון | הנייד | נייד | smartphonu | telephone | pixel
"""
_SENT_FROM = _phrases("""
    sent from | gesendet von | envoyé de | envoyé depuis | envoyé à partir | enviado desde | enviado do
    enviado de | enviado a partir | inviato da | verstuurd vanaf | verzonden vanaf | sendt fra | skickat från
    lähetetty | wysłane z | wysłano z | odesláno z | odoslané z | poslano iz | elküldve | trimis de | trimis din
    отправлено с | отправлено из | надіслано з | відправлено з | στάλθηκε από | εστάλη από | נשלח מ | أرسلت من
    تم الإرسال من | مرسل من | مرسلة من | ارسال شده از | ارسالشده از | فرستاده شده از | 发自 | 發自 | 從我的
    从我的 | 来自我的 | 來自我的 | đã gửi từ | được gửi từ | gửi từ | ส่งจาก | dikirim dari | enviat des
""")
_SENT_WITH = _phrases("""
    sent via | sent with | sent by | sent using | gesendet mit | gesendet via | versendet mit | envoyé avec
    envoyé par | enviado con | enviado com | enviado via | inviato con | verstuurd met | verzonden met
    verzonden via | sendt med | skickat med | poslano s | trimis cu | отправлено через | נשלח באמצעות
    تم الإرسال بواسطة | ارسال شده با | فرستاده شده با
""")
# Languages that put the verb behind the device.
_SENT_LAST = _phrases("""
    dan gönderildi | den gönderildi | から送信 | より送信 | から送信されました | 에서 보냄 | 에서 전송
    에서 보낸 메일 | ról küldve | ről küldve
""")
_GET = """
    get | download | obtenir | téléchargez | holen sie sich | hol dir | laden sie | obtener | obtén | descargar
    scarica | ottieni | obter | obtenha | baixar | pobierz | hämta | hent | få | skaffa | hanki | stáhnout
    získať | získat | получить | скачать | загрузить | отримати | descărcați | λήψη | 取得 | 获取 | دریافت
    الحصول على | احصل على | קבל את | השג את
"""
_LONGEST_DEVICE_LINE = 100
_DEVICE = rf"(?<![a-z])(?:{_either(_DEVICE_TEXT)})"
_OWN_DEVICE = rf"(?<![a-z])(?:{_either(_DEVICE_TEXT + _OWN_DEVICE_TEXT)})"
_DEVICE_WORD = re.compile(_OWN_DEVICE)
_LINK = re.compile(r"[(<\[]?(?:https?://|mailto:)[^\s>)\]]*[)>\]]?")
_BEFORE, _AFTER = r"[^,.;!?]{0,40}?", r"[^\s.,!?]*(?: [\w+'’&-]+){0,6}"
_ON_OWN_DEVICE = re.compile(_BEFORE + _OWN_DEVICE + _AFTER)
_WITH_PROGRAM = re.compile(_BEFORE + _DEVICE + _AFTER)
_APOLOGY = re.compile(r"[.,;: -]+(?:please|bitte|sorry|excuse|pardon|désolé|disculpa|scusa)\b.*")
_OTHER_DEVICE_LINES = re.compile(
    r"sent from my (?=.{0,30}\d)[\w-]+(?: [\w-]+){0,2}"
    r"|(?:diese (?:nachricht|e-?mail|mail) wurde )?von meinem .{2,60} (?:gesendet|versendet|geschrieben)"
    r"|(?:\w+ )?from (?:my )?(?:mobile|iphone|ipad|phone|android)(?: \w{1,3})?"
    rf"|(?:{_either(_GET)}) ?\[?(?:the )?outlook .{{0,14}}(?:ios|android)"
    r"|outlook .{1,8} (?:ios|android) ?(?:downloaden|herunterladen|を入手|beszerzése)"
)
_FIRST_WORDS = frozenset(
    start.split()[0] for start in (*_SENT_FROM, *_SENT_WITH, *_phrases(_GET), "diese", "von", "from", "outlook")
)
_FIRST_LETTERS = frozenset("发發從从来來取获נ")
_FROM_DEVICE = re.compile(r"\w+ from (?:my )?(?:mobile|i?phone|ipad|android)")
_MARKED = re.compile(r"[:@<\d]|^\W|[\])>|_*~=–—-]$")


def may_be(line: str) -> bool:
    """A quick look that spares most written lines the closer ones: whether the line may be any mark at all."""
    if not line or len(line) > LONGEST_MARK:
        return False
    return _MARKED.search(line) is not None or _may_be_device(line.casefold())


def _may_be_device(folded: str) -> bool:
    return (
        folded.partition(" ")[0] in _FIRST_WORDS
        or folded[0] in _FIRST_LETTERS
        or folded.endswith(_SENT_LAST)
        or _FROM_DEVICE.match(folded) is not None
    )


def is_device_line(line: str) -> bool:
    """ "Sent from my iPhone", "Get Outlook for iOS": what a program adds, not "Sent from my desk, which is tidy"."""
    folded = line.casefold().strip("<>()[]*_. !")
    if not folded or not _may_be_device(folded):
        return False
    text = _APOLOGY.sub("", _LINK.sub("", folded)).strip("<>()[]*_. !")
    if len(text) > _LONGEST_DEVICE_LINE:
        return False
    text = " ".join(text.replace("[", "").replace("]", " ").split())
    for starts, rest in ((_SENT_FROM, _ON_OWN_DEVICE), (_SENT_WITH, _WITH_PROGRAM)):
        if any(text.startswith(start) and rest.fullmatch(text, len(start)) for start in starts):
            return True
    if text.endswith(_SENT_LAST):
        return len(text) <= _LONGEST_DEVICE_LINE // 2 and "," not in text and _DEVICE_WORD.search(text) is not None
    return _OTHER_DEVICE_LINES.fullmatch(text) is not None


SIGNATURE = re.compile(r"(?:- )?--|—|––|__")
RULE = re.compile(r"[-_=*~‐–—―─━ ]{2,}")
LIST_FOOTER = re.compile(r"mailing ?list|mailman|listinfo|unsubscribe|https?://|\S@\S", re.IGNORECASE)
LINK_AND_QUOTE_SIGN = re.compile(r"\W*https?://\S+ ?>")
