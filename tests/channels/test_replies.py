"""What a person newly wrote in a mail, by language and by the habits of mail programs."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.channels.email.replies import reply_text

ATTRIBUTIONS = {
    "en gmail": "On Tue, May 4, 2021 at 9:05 AM Mina Berg <mina@example.com> wrote:",
    "en apple": "On 4 May 2021, at 09:05, Mina Berg <mina@example.com> wrote:",
    "en thunderbird": "On 5/4/2021 9:05 AM, Mina Berg wrote:",
    "en two lines": "On Tue, May 4, 2021 at 9:05 AM Mina Berg via Service Desk <\nmina@example.com> wrote:",
    "en three lines": "On May 4, 2021, at 9:05 AM, Mina Berg\n<mina.berg.of.the.northern.branch@example.com>\nwrote:",
    "en bracket on next line": "On Tue, May 4, 2021 at 9:05 AM Mina Berg <mina@example.com\n> wrote:",
    "en mailto in pieces": "On Tue, 4 May 2021 at 09:05 Mina Berg\n\n<\nmailto:Mina Berg <mina@example.com>\n> wrote:",
    "en mailto twice": "On May 4, 2021, at 09:05, Mina Berg <mina@example.com<mailto:mina@example.com>> wrote:",
    "en zoho": "---- On Tue, 04 May 2021 09:05:11 +0200 mina@example.com wrote ----",
    "en android": "-------- Mina Berg wrote --------",
    "en name first": "Mina Berg <mina@example.com> wrote on Tue, 4 May 2021 at 09:05:",
    "iso": "2021-05-04 9:05 GMT+02:00 Mina Berg <mina@example.com>:",
    "mail.ru": "Tuesday, 4 May 2021, 9:05 AM +0300 from Mina Berg <mina@example.com>:",
    "de gmail": "Am Di., 4. Mai 2021 um 09:05 Uhr schrieb Mina Berg <\nmina@example.com>:",
    "de thunderbird": "Am 04.05.2021 um 09:05 schrieb Mina Berg:",
    "de inbox": "Mina Berg <mina@example.com> schrieb am Di., 4.\nMai 2021 um 09:05 Uhr:",
    "fr": "Le mar. 4 mai 2021 à 09:05, Mina Berg <mina@example.com>\na écrit\xa0:",
    "fr thunderbird": "Le 04/05/2021 à 09:05, Mina Berg a écrit :",
    "es": "El mar, 4 may 2021 a las 9:05, Mina Berg (<mina@example.com>) escribió:",
    "it": "Il giorno mar 4 mag 2021 alle ore 09:05 Mina Berg <mina@example.com> ha\nscritto:",
    "it other": "In data 4 maggio 2021 09:05:00 Mina Berg <mina@example.com> ha scritto:",
    "pt": "Em ter., 4 de mai. de 2021 às 09:05, Mina Berg <mina@example.com> escreveu:",
    "nl": "Op di 4 mei 2021 om 09:05 schreef Mina Berg <mina@example.com>:",
    "nl apple": "Op 4 mei 2021, om 09:05 heeft Mina Berg <mina@example.com> het volgende\ngeschreven:",
    "pl": "wt., 4 maj 2021 o 09:05 Mina Berg <mina@example.com> napisał(a):",
    "pl thunderbird": "W dniu 4.05.2021 o 09:05, Mina Berg pisze:",
    "sv": "Den tis 4 maj 2021 kl 09:05 skrev Mina Berg <mina@example.com>:",
    "no": "tir. 4. mai 2021 kl. 09:05 skrev Mina Berg <mina@example.com>:",
    "da": "Den tirs. 4. maj 2021 kl. 09.05 skrev Mina Berg <mina@example.com>:",
    "fi": "ti 4. toukok. 2021 klo 9.05 Mina Berg (mina@example.com) kirjoitti:",
    "cs": "út 4. 5. 2021 v 9:05 odesílatel Mina Berg <mina@example.com> napsal:",
    "sk": "ut 4. 5. 2021 o 9:05 Mina Berg <mina@example.com> napísal(a):",
    "hu": "Mina Berg <mina@example.com> ezt írta (időpont: 2021. máj. 4., K,\n9:05):",
    "ro": "mar., 4 mai 2021 la 09:05, Mina Berg <mina@example.com> a scris:",
    "hr": "uto, 4. svi 2021. u 09:05 Mina Berg <mina@example.com> napisao je:",
    "ru": "вт, 4 мая 2021 г. в 09:05, Mina Berg <mina@example.com>:",
    "ru older": '4 мая 2021 г., 9:05 пользователь "Мина Берг" <\nmina@example.com> написал:',
    "ru thunderbird": "04.05.2021 09:05, Мина Берг пишет:",
    "uk": "вт, 4 трав. 2021 р. о 09:05 Міна Берг <mina@example.com> пише:",
    "bg": "На вт, 4.05.2021 г. в 9:05 Mina Berg <mina@example.com> написа:",
    "el": "Στις Τρί, 4 Μαΐ 2021 στις 9:05 π.μ., ο/η Mina Berg <mina@example.com>\nέγραψε:",
    "tr": "Mina Berg <mina@example.com>, 4 May 2021 Sal, 09:05 tarihinde şunu yazdı:",
    "tr apple": "4 May 2021 tarihinde 09:05 saatinde, Mina Berg <mina@example.com> şunu yazdı:",
    "ja": "2021年5月4日(火) 9:05 Mina Berg <mina@example.com>:",
    "ja apple": "2021/05/04 9:05、Mina Berg <mina@example.com>のメール:",
    "zh": "Mina Berg <mina@example.com> 于2021年5月4日周二 上午9:05写道：",
    "zh apple": "在 2021年5月4日，上午9:05，Mina Berg <mina@example.com> 写道：",
    "zh tw": "Mina Berg <mina@example.com> 於 2021年5月4日 週二 上午9:05寫道：",
    "ko": "2021년 5월 4일 (화) 오전 9:05, Mina Berg <mina@example.com>님이 작성:",
    "vi": "Vào Th 3, 4 thg 5, 2021 vào lúc 09:05 Mina Berg <mina@example.com> đã viết:",
    "id": "Pada tanggal Sel, 4 Mei 2021 pukul 09.05 Mina Berg <mina@example.com> menulis:",
    "th": "ในวันที่ อ. 4 พ.ค. 2021 เวลา 09:05 Mina Berg <mina@example.com> เขียนว่า:",
    "fa": "در تاریخ سه‌شنبه ۱۴ اردیبهشت ۱۴۰۰ ساعت ۹:۰۵ مینا برگ <mina@example.com>\nنوشت:",
    "fa gregorian": "\u202bدر تاریخ سه‌شنبه ۴ مهٔ ۲۰۲۱،\u200f ۹:۰۵ \u202aMina\u202c\u200f <mina@example.com> نوشت:\u202c",
    "fa without address": "در تاریخ ۱۴۰۰/۰۲/۱۴ ۰۹:۰۵، مینا برگ نوشته است:",
    "fa arabic keyboard": "در تاريخ 2021/05/04 09:05، مينا برگ نوشته است:",
    "fa weekday first": "سه‌شنبه، ۴ مه ۲۰۲۱ در ۹:۰۵، مینا برگ <mina@example.com> نوشت:",
    "ar gmail": "في الثلاثاء، 4 مايو 2021 في 9:05 ص تمت كتابة ما يلي بواسطة Mina Berg\n<mina@example.com>:",
    "ar gmail bidi": (
        "\u200f\u202bفي الثلاثاء، ٤ مايو ٢٠٢١ في ٩:٠٥ ص تمت كتابة ما يلي بواسطة \u202aMina Berg\u202c\u200f"
        " <\u202amina@example.com\u202c>:\u202c"
    ),
    "ar": "في الثلاثاء، ٤ مايو ٢٠٢١ ٩:٠٥ مينا <mina@example.com> كتب:",
    "ar verb first": "في ٤ مايو ٢٠٢١، الساعة ٩:٠٥، كتب مينا بيرغ <mina@example.com>:",
    "ar apple": "بتاريخ 4 مايو، 2021، 9:05 ص، كتبت مينا <mina@example.com>:",
    "ar hotmail": "بتاريخ 4 مايو، 2021 9:05 ص، جاء من Mina <mina@example.com>:",
    "he gmail": "\u202bבתאריך יום ג׳, 4 במאי 2021 ב-9:05 מאת \u202aMina\u202c\u200f <\u202am@example.com\u202c>:\u202c",
    "he verb": "בתאריך 4.5.2021 9:05, מינה ברג כתב/ה:",
    "he apple": "ב-4 במאי 2021, בשעה 9:05, מינה ברג <mina@example.com> כתבה:",
    "he weekday": "ביום ג׳, 4 במאי 2021 ב-9:05 מאת מינה ברג <\nmina@example.com>:",
}

HEADER_BLOCKS = {
    "en": "From: Mina Berg <mina@example.com>\nSent: Tuesday, 4 May 2021 9:05\nTo: Desk\nSubject: Order",
    "en bold": "*From:* Mina Berg [mailto:mina@example.com]\n*Sent:* Tuesday, 4 May 2021\n*To:* Desk\n*Subject:* Order",
    "en ruled": "________________________________\nFrom: Mina Berg\nSent: 4 May 2021 9:05\nTo: Desk\nSubject: Order",
    "en date first": "Date: Tue, 4 May 2021 09:05:00 +0200\nFrom: mina@example.com\nTo: desk@example.com",
    "en folded": "From: mina@example.com\nDate: 4 May 2021\nSubject: A long\n story\nTo: a@example.com,\n b@x.org",
    "en day only": "From: Mina Berg\nSent: Tuesday\nTo: Desk\nSubject: Order",
    "de": "Von: Mina Berg\nGesendet: Dienstag, 4. Mai 2021 09:05\nAn: Desk\nBetreff: Bestellung",
    "fr": "De : Mina Berg\nEnvoyé : mardi 4 mai 2021 09:05\nÀ : Desk\nObjet : Commande",
    "es": "De: Mina Berg\nEnviado el: martes, 4 de mayo de 2021 9:05\nPara: Desk\nAsunto: Pedido",
    "it": "Da: Mina Berg\nInviato: martedì 4 maggio 2021 09:05\nA: Desk\nOggetto: Ordine",
    "pt": "De: Mina Berg\nEnviada em: terça-feira, 4 de maio de 2021 09:05\nPara: Desk\nAssunto: Pedido",
    "nl": "Van: Mina Berg\nVerzonden: dinsdag 4 mei 2021 09:05\nAan: Desk\nOnderwerp: Bestelling",
    "pl": "Od: Mina Berg\nWysłano: wtorek, 4 maja 2021 09:05\nDo: Desk\nTemat: Zamówienie",
    "sv": "Från: Mina Berg\nSkickat: den 4 maj 2021 09:05\nTill: Desk\nÄmne: Order",
    "da": "Fra: Mina Berg\nSendt: 4. maj 2021 09:05\nTil: Desk\nEmne: Ordre",
    "fi": "Lähettäjä: Mina Berg\nLähetetty: tiistai 4. toukokuuta 2021 9.05\nVastaanottaja: Desk\nAihe: Tilaus",
    "cs": "Od: Mina Berg\nOdesláno: úterý 4. května 2021 9:05\nKomu: Desk\nPředmět: Objednávka",
    "hu": "Feladó: Mina Berg\nElküldve: 2021. május 4., kedd 9:05\nCímzett: Desk\nTárgy: Rendelés",
    "ro": "De la: Mina Berg\nTrimis: marți, 4 mai 2021 09:05\nCătre: Desk\nSubiect: Comandă",
    "ru": "От: Мина Берг\nОтправлено: вторник, 4 мая 2021 г. 9:05\nКому: Desk\nТема: Заказ",
    "uk": "Від: Міна Берг\nНадіслано: 4 травня 2021 р. 9:05\nКому: Desk\nТема: Замовлення",
    "tr": "Kimden: Mina Berg\nGönderildi: 4 Mayıs 2021 Salı 09:05\nKime: Desk\nKonu: Sipariş",
    "el": "Από: Mina Berg\nΣτάλθηκε: Τρίτη, 4 Μαΐου 2021 9:05\nΠρος: Desk\nΘέμα: Παραγγελία",
    "ja": "差出人: Mina Berg\n送信日時: 2021年5月4日 9:05\n宛先: Desk\n件名: 注文",
    "zh": "发件人： Mina Berg\n发送时间： 2021年5月4日 9:05\n收件人： Desk\n主题： 订单",
    "ko": "보낸 사람: Mina Berg\n보낸 날짜: 2021년 5월 4일 9:05\n받는 사람: Desk\n제목: 주문",
    "vi": "Từ: Mina Berg\nĐã gửi: 4 Tháng Năm 2021 9:05\nĐến: Desk\nChủ đề: Đơn hàng",
    "fa": "از: مینا برگ\nارسال شده: سه‌شنبه ۴ مه ۲۰۲۱ ۹:۰۵\nبه: پشتیبانی\nموضوع: سفارش",
    "fa joined": "از: مینا برگ\nارسال‌شده: ۴ مه ۲۰۲۱ ۹:۰۵\nبه: پشتیبانی\nموضوع: سفارش",
    "ar": "\u200fمن: مينا\n\u200fتاريخ الإرسال: الثلاثاء، ٤ مايو ٢٠٢١ ٩:٠٥\n\u200fإلى: الدعم\n\u200fالموضوع: طلب",
    "he": "\u200fמאת: מינה ברג\nנשלח: יום שלישי 4 מאי 2021 9:05\nאל: תמיכה\nנושא: הזמנה",
}

HEADINGS = (
    "-----Original Message-----",
    "-------- Original message --------",
    "----- Ursprüngliche Nachricht -----",
    "-------- Message d'origine --------",
    "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐",
    "----Mensaje original----",
    "-----Messaggio originale-----",
    "-----Oorspronkelijk bericht-----",
    "-----Исходное сообщение-----",
    "----- پیام اصلی -----",
    "-----الرسالة الأصلية-----",
    "-----הודעה מקורית-----",
    "---------- Forwarded message ---------",
    "-------- Weitergeleitete Nachricht --------",
    "---------- پیام هدایت‌شده ---------",
    "Begin forwarded message:",
    "Début du message réexpédié :",
    "##- Please type your reply above this line -##",
    "--- Bitte antworten Sie oberhalb dieser Zeile ---",
    "=== لطفاً بالای این خط پاسخ دهید ===",
)

DEVICE_LINES = (
    "Sent from my iPhone",
    "Sent from my Nokia 3310, please excuse my thumbs.",
    "Sent from Outlook for Android<https://mail.example.com/x>",
    "(sent from a tablet)",
    "Get Outlook for iOS<https://mail.example.com/y>",
    "Get [Outlook for Android](https://mail.example.com/z)",
    "Von meinem iPad gesendet",
    "Gesendet von meinem Telefon",
    "Envoyé de mon iPhone",
    "Enviado desde mi móvil",
    "Enviado do meu iPhone",
    "Inviato da iPhone",
    "Verstuurd vanaf mijn iPhone",
    "Skickat från min iPhone",
    "Sendt fra min iPad",
    "Lähetetty iPhonesta",
    "Wysłane z iPhone'a",
    "Odesláno z iPhonu",
    "Az iPhone-omról küldve",
    "Отправлено с iPhone",
    "Надіслано з iPhone",
    "iPhone'umdan gönderildi",
    "Στάλθηκε από το iPhone μου",
    "iPhoneから送信",
    "发自我的 iPhone",
    "從我的 iPhone 傳送",
    "나의 iPhone에서 보냄",
    "Đã gửi từ iPhone của tôi",
    "ارسال شده از آیفون من",
    "\u200fارسال‌شده از iPhone من",
    "أُرسلت من الـ iPhone",
    "תם הנשלח מה-iPhone שלי".removeprefix("תם ה"),
)

WRITTEN = {
    "a verb of writing in a sentence": "سلام، خانم برگ نوشت: فردا بیایید.\nممنون",
    "an own report": "On Monday, 3 May 2021 at 10:15 I wrote:\nplease cancel the order.",
    "an own report in german": "Am 3. Mai 2021 um 10:15 schrieb ich Ihnen:\nBitte stornieren.",
    "a list of dates": "On 4.5.2021 10:00 we start:\nfirst the garden,\nOn 5.5.2021 11:00 we stop.",
    "somebody's words": "Mina Berg wrote:\nno boxes.\nGestern schrieb Mina Berg:\nkeine Kisten.",
    "a question about words": "Sie fragen, was er schrieb, und was sie schrieb:\n> nichts\nDas war alles.",
    "a supplier's words": "Here is what our supplier Bo <bo@example.com> wrote:\nNo boxes left.\nWhat now?",
    "who was there": "Meeting 4 May 2021 10:00 with Mina <mina@example.com>:\nwe agreed on two boxes.",
    "a trip": "Please book for us:\nFrom: Shiraz\nTo: Rasht\nDate: 4 May 2021\nTwo persons.",
    "a desk": "It is quiet here.\nSent from my desk, which is much tidier than my phone.",
    "how it was sent": "You ask how.\nSent by mail last week.\nSent with DHL on Monday.",
    "a shipped phone": "iPhone gönderildi\nTeşekkürler",
    "a rule between paragraphs": "First this.\n--\nAnd could you call me?\nSecond that.",
    "a long text under two dashes": "Chapter one\n--\n" + "\n".join(f"sentence {number}" for number in range(30)),
    "an arrow in the middle": "Look here\n>>> https://shop.example.com <<<\nand tell me.",
    "a table": "name | price\n| tea | 3 |\n| salt | 1 |",
    "a list": "- one\n- two\n* three\n1. four",
    "an address": "Write to mina@example.com or call:\n+49 30 1234567",
    "program code": "```\n# a comment\nif a > b:\n    c()\n```\nDone.",
    "a short sign-off": "Yes please.\n\nKind regards\nMina",
    "a sign-off with one dash": "Yes please.\n-Mina",
    "a day without more": "On this day\n\nI wrote something\n\nof interest:",
    "blank lines": "one\n\n\n\ntwo",
    "a lone marked line": "> to be or not to be",
    "only a device line": "Sent from my iPhone",
    "nothing above two dashes": "-- \nIs anybody there",
}

TEXT = "Thanks, that works.\nTwo boxes, please."
QUOTED = "> Hello,\n>\n> how many boxes do you need?\n>> earlier still"


@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
@pytest.mark.parametrize(
    "below", [QUOTED, "\n" + QUOTED, "\nHello,\nhow many boxes?"], ids=["close", "spaced", "unmarked"]
)
def test_words_announced_as_somebody_elses_are_left_out(attribution: str, below: str) -> None:
    assert reply_text(f"{TEXT}\n\n{attribution}\n{below}\n") == TEXT


@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_an_announcement_directly_under_the_answer_takes_none_of_it(attribution: str) -> None:
    assert reply_text(f"{TEXT}\n{attribution}\n{QUOTED}") == TEXT


@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_an_answer_under_or_between_the_quoted_lines_stays(attribution: str) -> None:
    mail = f"{attribution}\n{QUOTED}\n\nTwo.\n\n> and when?\n\nOn Monday at 10:30.\n> Bye"

    assert reply_text(mail) == "Two.\n\nOn Monday at 10:30."


@pytest.mark.parametrize("attribution", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS.keys())
def test_an_announcement_inside_the_quotation_counts(attribution: str) -> None:
    quoted = "\n".join(f"> {line}" for line in attribution.splitlines())

    assert reply_text(f"{quoted}\n> text\n\n{TEXT}") == TEXT


@pytest.mark.parametrize("block", HEADER_BLOCKS.values(), ids=HEADER_BLOCKS.keys())
@pytest.mark.parametrize("gap", ["\n", "\n\n"], ids=["close", "spaced"])
def test_all_from_a_block_of_mail_headers_on_is_left_out(block: str, gap: str) -> None:
    assert reply_text(f"{TEXT}{gap}{block}\n\nHello,\n\nhow many boxes?") == TEXT


@pytest.mark.parametrize("heading", HEADINGS)
def test_all_from_a_heading_on_is_left_out(heading: str) -> None:
    assert reply_text(f"{TEXT}\n\n{heading}\n\nHello, how many boxes?\n") == TEXT


@pytest.mark.parametrize("line", DEVICE_LINES)
def test_what_a_device_adds_is_left_out(line: str) -> None:
    assert reply_text(f"{TEXT}\n\n{line}") == TEXT
    assert reply_text(f"{TEXT}\n\n{line}\n\n{ATTRIBUTIONS['en gmail']}\n{QUOTED}") == TEXT


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN.keys())
def test_what_only_resembles_a_mark_comes_back_whole(text: str) -> None:
    assert reply_text(text) == text.strip()
    assert reply_text(text.replace("\n", "\r\n")) == text.strip()


@pytest.mark.parametrize(
    ("mail", "answer"),
    [
        (f"{TEXT}\n-- \nMina Berg\nphone 1", TEXT),
        (f"{TEXT}\n--\nMina Berg\nphone 1", TEXT),
        (f"{TEXT}\n\n-- \nMina Berg\n\n{ATTRIBUTIONS['fa']}\n{QUOTED}\n\nAnd salt.", f"{TEXT}\n\nAnd salt."),
        (f"{TEXT}\n\n__________\ndesk mailing list\ndesk@lists.example.com\nhttps://lists.example.com", TEXT),
        (f"{TEXT} On Tue, May 4, 2021 at 9:05 AM, mina@example.com wrote:\n> Hi", TEXT),
        (f"{TEXT}\n\nMina Berg wrote:\n> Hi", TEXT),
        (f"{TEXT}\n\nGestern schrieb Mina Berg:\n> Hallo", TEXT),
        (f"{TEXT}\n\nביום שני כתבה מינה:\n> שלום", TEXT),
        (f"{TEXT}\n\nOn Tue, May 4, Mina Berg wrote:\n> Hi", TEXT),
        (f"{TEXT}\n\nمینا برگ نوشته است:\n> سلام", TEXT),
        (f"{TEXT}\n\n2021/5/4 Mina Berg <mina@example.com>\n\n| Hi\n| there", TEXT),
        (f"{TEXT}\n\n> how many?\n> when?", TEXT),
        (f"> how many?\n\n{TEXT}", f"> how many?\n\n{TEXT}"),
        (f"{ATTRIBUTIONS['en gmail']}\n\nHello\n\n{ATTRIBUTIONS['de gmail']}\n\nHi", "Hello"),
        (
            f"{TEXT}\n\n{ATTRIBUTIONS['en gmail']}\n> {'so many words that the line had to be broken somewhere ' * 2}"
            "and\nthe rest of it went unmarked\n> here",
            TEXT,
        ),
    ],
)
def test_the_rest_is_left_out_too(mail: str, answer: str) -> None:
    assert reply_text(mail) == answer


def test_a_mail_that_is_only_forwarded_comes_back_whole() -> None:
    for opening in (*HEADINGS, HEADER_BLOCKS["fa"], HEADER_BLOCKS["en ruled"]):
        mail = f"{opening}\n\nHello, how many boxes?"
        assert reply_text(f"\n{mail}\n") == mail
        assert reply_text(f"Sent from my iPhone\n\n{mail}") == f"Sent from my iPhone\n\n{mail}"


def test_an_answer_with_nothing_added_is_empty() -> None:
    assert reply_text(f"{ATTRIBUTIONS['he gmail']}\n{QUOTED}\n") == ""
    assert reply_text(f"> {ATTRIBUTIONS['en gmail']}\n{QUOTED}\n\nSent from my iPhone") == ""


def test_blank_lines_close_up_where_something_was_left_out() -> None:
    assert reply_text(f"one\n\n{ATTRIBUTIONS['en gmail']}\n\n> x\n\n\ntwo\n\n\nthree") == "one\n\ntwo\n\n\nthree"


PLAIN_LINES = st.text(alphabet="abcdefghij نوشتهابپگ אבגד éß漢字 ,.", max_size=60)
PIECES = st.one_of(
    PLAIN_LINES,
    st.text(max_size=40),
    st.sampled_from(
        [
            *ATTRIBUTIONS.values(),
            *HEADER_BLOCKS.values(),
            *HEADINGS,
            *DEVICE_LINES,
            *WRITTEN.values(),
            QUOTED,
            "-- ",
            "--",
            "",
            ">",
            "________",
            ":",
            "<",
        ]
    ),
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=12), st.sampled_from(["\n", "\r\n", "\r", ""]))
def test_nothing_is_invented(pieces: list[str], line_end: str) -> None:
    mail = line_end.join(pieces)

    answer = reply_text(mail)

    assert answer == answer.strip()
    lines = [line.strip() for line in mail.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    remaining = iter(lines)
    assert all(any(line.startswith(kept.strip()) for line in remaining) for kept in answer.split("\n") if kept.strip())


@settings(deadline=None)
@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert len(reply_text(text)) <= len(text)


@settings(deadline=None)
@given(st.lists(PLAIN_LINES.filter(lambda line: line.strip(" .,") == "" or line[0].isalpha()), max_size=20))
def test_text_without_any_mark_comes_back_whole(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert reply_text(text) == text.strip()


@settings(deadline=None)
@given(st.lists(st.text(alphabet="abcd efg", min_size=3, max_size=40), min_size=1, max_size=8), st.integers(0, 10**9))
def test_the_answer_does_not_depend_on_what_is_quoted(lines: list[str], choice: int) -> None:
    text = "\n".join(lines).strip() or "yes"
    attribution = list(ATTRIBUTIONS.values())[choice % len(ATTRIBUTIONS)]

    assert reply_text(f"{text}\n\n{attribution}\n{QUOTED}") == text
    assert reply_text(reply_text(f"{text}\n\n{attribution}\n{QUOTED}")) == text


ON_WROTE = "On Mon, May 3, 2021 at 6:26 PM, Mina Berg <mina@example.com> wrote:\n"
HOSTILE = {
    "a long quotation": "Hi\n" + ON_WROTE + "> words of no great interest to anybody\n" * 18_000,
    "nested quotations": "Hi\n" + "".join(">" * depth + " " + ON_WROTE for depth in range(1, 1_200)),
    "announcements": ON_WROTE * 12_000,
    "announcements with quotations": (ON_WROTE + "> x\n\ntext\n") * 10_000,
    "unfinished announcements": "On 3.4.2021 10:00 Mina <\n" * 30_000,
    "dates": "3.4.2021 10:00 order number five\n" * 25_000,
    "one long line": "On 3.4.2021 10:00 wrote " * 42_000,
    "one line of brackets": "<(" * 500_000,
    "one line of quotation signs": ">" * 1_000_000,
    "one line of spaces": " " * 1_000_000,
    "lines of brackets": ("(<" * 240 + "\n") * 2_000,
    "lines of dashes": ("- " * 240 + "a\n") * 2_000,
    "lines of digits": ("3:" * 240 + "\n") * 2_000,
    "signatures": "--\n" * 100_000,
    "signatures with a question": "-- \nwho?\n> \n" * 50_000,
    "headers": "From: a@b\nTo: b\n\n" * 40_000,
    "colons": "the driver said that he wrote:\n" * 20_000,
    "devices": ("Sent from my " + "x " * 200 + "\n") * 2_400,
    "interleaved": "> a\nb\n" * 100_000,
}


@pytest.mark.parametrize("mail", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_mail_takes_no_longer_than_its_length(mail: str) -> None:
    """Twice the mail, about twice the time, measured so that a busy machine does not matter."""
    half, whole = (_duration(text) for text in (mail[: len(mail) // 2], mail))

    assert whole < 1 or whole < half * 3


def _duration(mail: str) -> float:
    began = time.process_time()
    reply_text(mail)
    return time.process_time() - began
