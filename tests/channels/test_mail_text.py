"""The text of a mail: out of broken parts, wrong charsets, soft line breaks and html."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels.charsets import decode
from app.channels.email import mime
from app.channels.email.flowed import unflow
from app.channels.email.headers import Headers
from app.channels.email.mail import Mail, to_inbound, to_message
from app.channels.email.markup import sanitised
from app.channels.email.page_text import to_text
from app.channels.email.parts import Part, file_name, parameters
from app.messages import InboundMessage
from tests.channels.test_contract import assert_storable


def message(mail: Mail) -> InboundMessage:
    return to_message(mail, external_id="x", recipient="office@in.onefile.example")


def plain(text: str, html: str | None = None, reply_text: str | None = None) -> Mail:
    return Mail(headers=Headers(()), sender=("", ""), text=text, html=html, reply_text=reply_text)


class TestHtml:
    @pytest.mark.parametrize(
        ("html", "text"),
        [
            ("<p>a <b>b</b>c</p>\n<p>d</p>", "a bc\n\nd"),
            ("<div>a<br>b</div><div><br></div><div>c</div>", "a\nb\n\nc"),
            ("<ul><li>x</li><li><p>y</p></li></ul>z", "- x\n- y\n\nz"),
            ("<p>A</p><blockquote>q<blockquote>s</blockquote></blockquote>t", "A\n\n> q\n>\n> > s\n>\nt"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
            ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
            ("<title>t</title><style>s</style><script>x</script>seen<!-- not -->", "seen"),
            ('a<span style="DISPLAY: none">preview</span><i hidden>b</i>', "a"),
            ('so <img alt="😀"> it is <img alt="logo.png">', "so 😀 it is"),
            ("می&zwnj;آیم&nbsp;&lt;فردا&gt;", "می‌آیم <فردا>"),
            ("<p></p>\n<div> </div>", ""),
            ("", ""),
        ],
    )
    def test_reads_as_it_is_seen(self, html: str, text: str) -> None:
        assert to_text(html) == text

    @pytest.mark.parametrize(
        ("html", "harmless"),
        [
            ('<p onclick="x()" style="color:red" dir="rtl">a</p>', '<p dir="rtl">a</p>'),
            ("<script>x()</script><style>y</style><title>z</title>", None),
            ('<a href="javascript:x()">a</a>', '<a rel="noopener noreferrer">a</a>'),
            ('<img src="cid:pic@x"><img src="data:image/png;base64,AAAA">', '<img src="cid:pic@x"><img>'),
            ('<html dir="rtl"><body>سلام</body></html>', '<div dir="rtl">سلام</div>'),
            ("<form action=x><input></form>", None),
        ],
    )
    def test_is_kept_harmless(self, html: str, harmless: str | None) -> None:
        assert (sanitised(html) or "").replace(' src=""', "") == (harmless or "")

    @pytest.mark.parametrize(
        "html",
        [
            "<div>" * 50_000,
            "<div></b>" * 50_000,
            "<a " + " ".join(f"x{number}=1" for number in range(50_000)) + ">",
            "&" * 500_000,
            "\xa0" * 500_000,
            "<" * 500_000,
        ],
        ids=["deep", "deep in disguise", "attributes", "entities", "spaces", "brackets"],
    )
    def test_made_to_keep_a_parser_busy_does_not(self, html: str) -> None:
        started = time.process_time()
        mail = message(plain("", html=f"<p>hello</p>{html}"))

        assert mail.text.startswith("hello")
        assert time.process_time() - started < 3

    def test_is_the_text_where_no_other_is(self) -> None:
        assert message(plain(" \n", html="<p>only</p>")).text == "only"
        assert message(plain("plain", html="<p>html</p>")).text == "plain"


class TestReplies:
    TEXT = "Gerne.\n\nAm 01.04.2026 um 10:00 schrieb Office <office@in.onefile.example>:\n> Passt das?"

    def test_what_is_newly_written_is_told_apart(self) -> None:
        assert message(plain(self.TEXT)).reply_text == "Gerne."
        assert message(plain("Gerne.")).reply_text is None

    def test_the_provider_is_heard_only_where_we_find_nothing(self) -> None:
        assert message(plain(self.TEXT, reply_text="Something else")).reply_text == "Gerne."
        assert message(plain("Gerne.\nN. Rezaei, Einkauf", reply_text="Gerne. \r\n")).reply_text == "Gerne."
        assert message(plain("Gerne.", reply_text=" Gerne.\r\n")).reply_text is None

    def test_endless_text_is_left_whole(self) -> None:
        assert message(plain("> x\n" * 100_000)).reply_text is None


class TestCharsets:
    @pytest.mark.parametrize(
        ("raw", "charset", "text"),
        [
            ("Grüße".encode(), "iso-8859-1", "Grüße"),
            ("Grüße".encode("cp1252"), "us-ascii", "Grüße"),
            ("päivää, öö".encode("cp1252"), "iso-8859-1", "päivää, öö"),
            ("yötä päivää".encode("cp1252"), None, "yötä päivää"),
            ("„Äpfel“ à la carte…".encode("cp1252"), "windows-1252", "„Äpfel“ à la carte…"),
            ("سلام دوستان".encode("cp1256"), "iso-8859-1", "سلام دوستان"),
            ("<p>שלום חברים</p>".encode("cp1255"), "us-ascii", "<p>שלום חברים</p>"),
            ("سلام".encode() + b"\xd8", "utf-8", "سلام\ufffd"),
            ("سلام دوست من".encode("cp1256"), "utf-8", "سلام دوست من"),
            ("漢字".encode("gb18030"), '"GB2312"', "漢字"),
            ("今日は".encode("iso2022_jp"), "ISO-2022-JP", "今日は"),
            (b"+AGEAYg-", "utf-7", "ab"),
            (b"abc", "hex", "abc"),
            (b"abc-", "punycode", "abc-"),
            (b"\\u0041", "unicode_escape", "\\u0041"),
        ],
    )
    def test_a_label_is_believed_while_it_can_be(self, raw: bytes, charset: str | None, text: str) -> None:
        assert decode(raw, charset) == text


class TestFlowed:
    @pytest.mark.parametrize(
        ("raw", "delsp", "text"),
        [
            ("one \ntwo", False, "one two"),
            ("one \ntwo", True, "onetwo"),
            ("> quoted \n> on\n>> deeper \nout", False, "> quoted on\n>> deeper \nout"),
            ("a \n-- \nsignature", False, "a \n-- \nsignature"),
            (" >not quoted\n From here", False, ">not quoted\nFrom here"),
            ("a\n\nb ", False, "a\n\nb "),
        ],
    )
    def test_soft_breaks_are_undone(self, raw: str, delsp: bool, text: str) -> None:
        assert unflow(raw, delsp=delsp) == text


class TestParts:
    @pytest.mark.parametrize(
        ("raw", "text"),
        [
            (b"Subject: x\ntext at once, no empty line\nmore", "text at once, no empty line\nmore"),
            (b"From negar@kunde.example Thu Apr 2 2026\nSubject: x\n\nfrom a mailbox", "from a mailbox"),
            (b"\r\n\r\nSubject: x\r\n\r\nempty lines first", "empty lines first"),
            (b"Subject: x\r\rcarriage returns", "carriage returns"),
            (b"Subject: x\nnot indented\nFrom: a@b.example\n\nrest", "rest"),
            (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nnever closed", "never closed"),
            (b"Content-Type: multipart/mixed; boundary=b\n\n--b \t\n\na\n--bb\nb\n--b--\nepilogue", "a\n--bb\nb"),
            (b"Content-Type: multipart/mixed\n\nno boundary", "no boundary"),
            (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b--\n", "--b\n--b--"),
            (b"Content-Type: nonsense\n\nstill text", "still text"),
            (b"Content-Type: text/plain; charset=utf-8; x\n\nodd parameters", "odd parameters"),
            (b"Content-Transfer-Encoding: base64\n\nthis is no base64 at all!", "this is no base64 at all!"),
            (b"Content-Transfer-Encoding: base64\n\naGVsbG8=\n____\nlist footer", "hello\n____\nlist footer"),
            (b"Content-Transfer-Encoding: base64\n\naGVsbG", "hell"),
            (b"Content-Transfer-Encoding: quoted-printable\n\na=ZZ=C3=A4=", "a=ZZä"),
            (b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n%:&5L;&\\\n`\nend\n", "hello"),
            (b"Content-Transfer-Encoding: martian\n\nas it is", "as it is"),
            (b"\xef\xbb\xbfSubject: x\n\n\xef\xbb\xbfmarked", "marked"),
            (b"", ""),
        ],
    )
    def test_broken_mail_keeps_its_text(self, raw: bytes, text: str) -> None:
        assert message(mime.read(raw)).text == text

    def test_a_header_line_nobody_indented_hides_no_other(self) -> None:
        mail = mime.read(b"Subject: x\nlost line\nFrom: a@b.example\n\nrest")
        assert mail.headers.sender == ("", "a@b.example")

    def test_a_mail_inside_the_mail_is_kept_as_sent(self) -> None:
        inner = b"Subject:  folded\r\n\tline\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--"
        raw = (
            b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n"
            + inner
            + b"\r\n--o--\r\n"
        )
        assert [file.content for file in mime.read(raw).attachments] == [inner]

    def test_parts_beyond_reason_are_files(self) -> None:
        deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2_000))
        many = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: a/b\n\nx\n" * 5_000

        for raw in (deep + b"\nat last", many):
            mail = mime.read(raw)
            kept = b"".join(file.content or b"" for file in mail.attachments) + mail.text.encode()
            assert b"at last" in kept or kept.count(b"x") == 5_000

    def test_html_only_says_what_no_text_says(self) -> None:
        mixed = (
            b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>letter</p>\n"
            b"--b\nContent-Type: text/plain\n\nscanned for viruses\n--b--\n"
        )
        alternative = mixed.replace(b"mixed", b"alternative")

        assert message(mime.read(mixed)).text == "letter\nscanned for viruses"
        assert message(mime.read(alternative)).text == "scanned for viruses"
        assert message(mime.read(alternative.replace(b"scanned for viruses", b" "))).text == "letter"

    def test_copies_for_programs_are_no_files(self) -> None:
        raw = (
            b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: text/x-amp-html\n\n"
            b"<html amp4email>\n--b--\n"
        )
        assert mime.read(raw).attachments == ()

    @pytest.mark.parametrize(
        ("header", "name"),
        [
            ("attachment; filename=\"plain.txt\"; filename*=UTF-8''%D8%B9%D9%82%D8%AF.pdf", "عقد.pdf"),
            ("attachment; filename*=iso-8859-8-i''%F9%EC%E5%ED.txt", "שלום.txt"),
            ("attachment; filename*0=one; filename*1=two.txt", "onetwo.txt"),
            ("attachment; filename=two words.pdf", "two words.pdf"),
            ('attachment; filename="=?utf-8?b?2LnZgtiv?=.pdf"', "عقد.pdf"),
            ('attachment; filename="C:\\\\path\\\\..\\\\x.txt"', "x.txt"),
            ('attachment; filename="../../etc/passwd"', "passwd"),
            ("attachment; filename*=%", "%"),
            ("attachment; filename", None),
        ],
    )
    def test_files_are_called_what_people_call_them(self, header: str, name: str | None) -> None:
        disposition, given = parameters(header)

        assert disposition == "attachment"
        assert file_name(given.get("filename", "")) == name

    def test_digests_hold_mails(self) -> None:
        raw = b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: inner\n\nx\n--b--\n"
        assert [part.content_type for part in Part(raw).children] == ["message/rfc822"]


@pytest.mark.parametrize(
    ("name", "value", "automatic"),
    [
        ("Subject", "Automatic reply: Termin", True),
        ("Subject", "Out of office", True),
        ("Subject", "پاسخ خودکار: سفارش", True),
        ("Subject", "تشكر: رد تلقائي", False),
        ("Subject", "Out of office supplies", False),
        ("X-Auto-Response-Suppress", "DR, OOF", True),
        ("X-Auto-Response-Suppress", "None", False),
        ("X-Failed-Recipients", "a@b.example", True),
        ("Content-Type", "multipart/report; report-type=delivery-status", True),
        ("From", "Mail Delivery System <MAILER-DAEMON@mx.example>", True),
        ("From", "Postmaster Hans <hans@x.example>", False),
    ],
)
def test_mail_of_machines_gives_itself_away(name: str, value: str, automatic: bool) -> None:
    assert Headers([(name, value)]).automatic is automatic


@pytest.mark.parametrize(
    "header",
    [
        b"(" * 100_000,
        b"a" * 300_000,
        b"<" * 300_000,
        b"a@" * 150_000,
        b'"' * 300_000,
        b'; a="' * 60_000,
        b"=?" * 150_000,
    ],
)
@pytest.mark.parametrize("name", [b"From", b"References", b"Content-Type", b"Date", b"Subject"])
def test_endless_headers_are_read_in_time(name: bytes, header: bytes) -> None:
    started = time.process_time()
    message(mime.read(name + b": " + header + b"\n\ntext"))
    assert time.process_time() - started < 2


_PIECES = st.sampled_from(
    [
        *(
            f"Content-Type: {kind}\n".encode()
            for kind in ("multipart/mixed; boundary=b", "multipart/report; boundary=b")
        ),
        *(
            f"Content-Type: {kind}\n".encode()
            for kind in ("message/delivery-status", "message/feedback-report", "text/html")
        ),
        b"Content-Transfer-Encoding: base64\n",
        b"Message-ID: <a@b>\n",
        b"Feedback-Type: abuse\n",
        b"Final-Recipient: rfc822; a@b.example\nAction: failed\n",
        b"Date: Thu, 2 Apr 2026 10:00:00 +0200\n",
        b"From: =?utf-8?b?\xd8?= <a@b.example>\n",
        b"--b\n",
        b"--b--\n",
        b"\n",
        base64.b64encode("سلام".encode()),
        b"<p>\x00</p>",
        b"\xed\xa0\xbd",
    ]
)


@given(st.lists(_PIECES | st.binary(max_size=20), max_size=25).map(b"".join))
def test_whatever_arrives_can_be_filed(raw: bytes) -> None:
    inbound = to_inbound(mime.read(raw), external_id="x", recipient="office@in.onefile.example")

    assert inbound
    assert_storable(inbound)
