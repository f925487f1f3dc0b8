"""Files as people and programs write them."""

import codecs
import json
from typing import Any

import httpx
import pytest

from tests.core.test_errors import assert_problem
from tests.imports.files import count_customers, find, results, send, sheet, workbook

PERSIAN = "نام,نام خانوادگی,موبایل,ایمیل\nعلی,رضایی,۰۹۱۲ ۱۲۳ ۴۵۶۷,Ali@Example.ir\n"


async def test_a_persian_list_becomes_a_customer_with_canonical_addresses(client: httpx.AsyncClient) -> None:
    answer = await send(client, PERSIAN, region="IR")
    assert answer["status"] == "finished"
    assert answer["counts"] == {"created": 1, "updated": 0, "unchanged": 0, "duplicate": 0, "rejected": 0}
    assert answer["mapping"] == {
        "نام": "given_name",
        "نام خانوادگی": "family_name",
        "موبایل": "phone:mobile",
        "ایمیل": "email",
    }
    customer = await find(client, phone="+989121234567")
    assert (customer["given_name"], customer["family_name"], customer["status"]) == ("علی", "رضایی", "active")
    assert customer["display_name"] == "علی رضایی"
    phone, email = sorted(customer["identifiers"], key=lambda each: each["kind"], reverse=True)
    assert (phone["value"], phone["raw"], phone["label"]) == ("+989121234567", "۰۹۱۲ ۱۲۳ ۴۵۶۷", "mobile")
    assert email["value"] == "ali@example.ir"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", PERSIAN),
        ("utf-8-sig", PERSIAN),
        ("utf-16", PERSIAN),
        ("utf-16-le", PERSIAN),
        ("windows-1256", "الاسم الأول,اسم العائلة,الجوال\nعلي,حسن,+989121234567\n"),
        ("windows-1252", "First name,Last name,Phone\nJosé,Gärtner,+989121234567\nZoë,Ñúñez,\n"),
        ("windows-1255", "שם פרטי,שם משפחה,נייד\nדוד,לוי,+989121234567\nמשה,כהן,\n"),
    ],
)
async def test_whatever_the_encoding_names_arrive_as_written(
    client: httpx.AsyncClient, encoding: str, text: str
) -> None:
    await send(client, text.encode(encoding), region="IR")
    customer = await find(client, phone="+989121234567")
    given, family = text.splitlines()[1].split(",")[:2]
    assert (customer["given_name"], customer["family_name"]) == (given, family)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
async def test_any_delimiter_and_line_end_is_found_out(
    client: httpx.AsyncClient, delimiter: str, line_end: str
) -> None:
    rows = [["Name", "E-mail", "Notes"], ["Sara", "sara@example.org", '"a, b; c"'], ["Dan", "dan@example.org", ""]]
    answer = await send(client, line_end.join(delimiter.join(row) for row in rows))
    assert answer["counts"]["created"] == 2
    assert (await find(client, email="sara@example.org"))["attributes"] == {"notes": "a, b; c"}


async def test_a_quoted_line_break_does_not_shift_the_line_numbers(client: httpx.AsyncClient) -> None:
    answer = await send(client, 'name,phone,notes\nA,+989121234567,"one\ntwo"\n\nB,nonsense,x\n')
    assert [(row["line"], row["result"]) for row in await results(client, answer)] == [(2, "created"), (5, "rejected")]


async def test_a_first_line_that_names_the_separator_is_understood(client: httpx.AsyncClient) -> None:
    answer = await send(client, "sep=;\nname;email\nA;a@example.org\n")
    assert [row["line"] for row in await results(client, answer)] == [3]


async def test_nul_bytes_vanish(client: httpx.AsyncClient) -> None:
    await send(client, b"name,email\nA\x00li,ali@example.org\n")
    assert (await find(client, email="ali@example.org"))["display_name"] == "Ali"


async def test_short_rows_are_filled_up_and_long_ones_refused(client: httpx.AsyncClient) -> None:
    answer = await send(client, "name,email,city\nA,a@example.org\nB,b@example.org,Tehran,too,much\n")
    rows = await results(client, answer)
    assert [row["result"] for row in rows] == ["created", "rejected"]
    assert rows[1]["reasons"][0]["code"] == "too_many_cells"


async def test_columns_of_one_name_are_told_apart_and_both_used(client: httpx.AsyncClient) -> None:
    answer = await send(client, "Name,Phone,Phone,\nA,+989121234567,+989121234568,x\n")
    assert answer["mapping"] == {
        "Name": "display_name",
        "Phone": "phone",
        "Phone (2)": "phone",
        "Column 4": "attributes.column_4",
    }
    customer = await find(client, phone="+989121234568")
    assert {each["value"] for each in customer["identifiers"]} == {"+989121234567", "+989121234568"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unreadable_file"),
        (b"\n\n", "unreadable_file"),
        (b"name,email\n", "unreadable_file"),
        (b"Ali,ali@example.org,+989121234567\nSara,sara@example.org,+989121234568\n", "no_header"),
        (b"1,2,3\n4,5,6\n", "no_header"),
        (b'name,email\n"never closed,a@example.org\n' + b"x" * 200_000, "unreadable_file"),
        (b"PK\x03\x04 no workbook", "unreadable_file"),
    ],
)
async def test_what_cannot_be_imported_is_refused_as_a_whole(
    client: httpx.AsyncClient, content: bytes, code: str
) -> None:
    response = await client.post("/v1/imports", content=content, headers={"Content-Type": "text/csv"})
    assert_problem(response, 422, code)
    assert (await client.get("/v1/imports")).json()["items"] == []


async def test_a_workbook_gives_phone_numbers_and_dates_as_people_write_them(client: httpx.AsyncClient) -> None:
    rows: list[list[Any]] = [
        ["نام", "موبایل", "تاریخ تولد", "امتیاز"],
        ["علی", 9121234567.0, (31185,), 4.5],
        [None, None, None, None],
        ["سارا", "09121234568", None, 7],
    ]
    answer = await send(client, workbook({"Sheet1": rows}), "book.xlsx", region="IR")
    assert (answer["format"], answer["counts"]["created"]) == ("xlsx", 2)
    customer = await find(client, phone="+989121234567")
    assert customer["display_name"] == "علی"
    assert customer["attributes"] == {"date_of_birth": "1985-05-18", "امتیاز": "4.5"}
    assert [row["line"] for row in await results(client, answer)] == [2, 4]


async def test_a_sheet_is_chosen_by_name(client: httpx.AsyncClient) -> None:
    book = workbook({"first": [["name"], ["A"]], "second": [["email"], ["b@example.org"]]})
    assert (await send(client, book, "b.xlsx", sheet="second"))["mapping"] == {"email": "email"}
    response = await client.post("/v1/imports", params={"sheet": "third"}, content=book)
    assert_problem(response, 422, "unknown_sheet")


@pytest.mark.parametrize("content", ["name\nA\n", '{"display_name":"A"}'])
async def test_a_sheet_of_what_is_no_workbook_is_refused(client: httpx.AsyncClient, content: str) -> None:
    response = await client.post("/v1/imports", params={"sheet": "first"}, content=content)
    assert_problem(response, 422, "unknown_sheet")


async def test_a_workbook_that_would_fill_the_memory_is_refused(client: httpx.AsyncClient) -> None:
    book = workbook({"wide": [["name"], ["A"]]})
    corner = sheet([["name"]]).replace("</row>", '</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    response = await client.post("/v1/imports", content=_with_sheet(book, corner))
    assert_problem(response, 422, "unreadable_file")


def _with_sheet(book: bytes, xml: str) -> bytes:
    import io
    import zipfile

    old, content = zipfile.ZipFile(io.BytesIO(book)), io.BytesIO()
    with zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            new.writestr(name, xml if "worksheets" in name else old.read(name))
    return content.getvalue()


CARDS = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a-1\r\nN:Rezaei;Ali;;;\r\nFN:Ali Rezaei\r\n"
    "item1.TEL;TYPE=CELL,VOICE:0912 123\r\n  4567\r\nTEL;TYPE=WORK,FAX:+982188776655\r\n"
    "EMAIL;TYPE=INTERNET:Ali@Example.ir\r\nORG:Pars\\, Ltd;Sales\r\nBDAY:19850518\r\n"
    "ADR;TYPE=HOME:;;Valiasr 1;Tehran;;1234;Iran\r\nNOTE:one\\ntwo\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D8=B1=D8=B6=D8=A7=\r\n"
    "=DB=8C=DB=8C;=D8=B3=D8=A7=D8=B1=D8=A7;;;\r\nTEL;CELL:09121234568\r\nEND:VCARD\r\n"
    'BEGIN:VCARD\r\nVERSION:4.0\r\nthis line says nothing\r\nFN:Dan\r\nTEL;VALUE=uri;TYPE="cell":tel:+972501234567\r\n'
    "END:VCARD\r\n"
)


async def test_cards_of_every_version_are_read(client: httpx.AsyncClient) -> None:
    answer = await send(client, CARDS, "contacts.vcf", region="IR")
    assert (answer["format"], answer["counts"]["created"], answer["mapping"]) == ("vcard", 3, {})
    ali = await find(client, phone="+989121234567")
    assert (ali["display_name"], ali["given_name"], ali["family_name"]) == ("Ali Rezaei", "Ali", "Rezaei")
    assert {(each["kind"], each["value"], each["label"]) for each in ali["identifiers"]} == {
        ("external", "import:a-1", None),
        ("phone", "+989121234567", "mobile"),
        ("fax", "+982188776655", "work"),
        ("email", "ali@example.ir", None),
    }
    assert ali["attributes"] == {
        "organization": "Pars, Ltd, Sales",
        "date_of_birth": "1985-05-18",
        "street": "Valiasr 1",
        "city": "Tehran",
        "postal_code": "1234",
        "country": "Iran",
        "notes": "one\ntwo",
    }
    sara = await find(client, phone="+989121234568")
    assert (sara["given_name"], sara["family_name"]) == ("سارا", "رضایی")
    assert (await find(client, phone="+972501234567"))["display_name"] == "Dan"


async def test_a_card_without_an_end_is_rejected_and_the_next_one_read(client: httpx.AsyncClient) -> None:
    cards = "BEGIN:VCARD\nFN:Lost\nBEGIN:VCARD\nFN:Found\nEMAIL:f@example.org\nEND:VCARD\n"
    answer = await send(client, cards)
    rows = await results(client, answer)
    assert [(row["line"], row["result"]) for row in rows] == [(1, "rejected"), (3, "created")]
    assert rows[0]["reasons"][0]["code"] == "broken_card"


async def test_lines_of_json_are_bodies_as_for_a_new_customer(client: httpx.AsyncClient) -> None:
    good = {"display_name": "A", "identifiers": [{"kind": "phone", "value": "0912 123 4567", "region": "IR"}]}
    lines = [json.dumps(good), "", "no json", json.dumps({"nickname": "B"}), json.dumps([1]), '{"status":"anonymized"}']
    answer = await send(client, codecs.BOM_UTF8 + "\n".join(lines).encode(), "a.ndjson")
    rows = await results(client, answer)
    assert [(row["line"], row["result"]) for row in rows] == [
        (1, "created"),
        (3, "rejected"),
        (4, "rejected"),
        (5, "rejected"),
        (6, "rejected"),
    ]
    assert [row["reasons"][0]["code"] for row in rows[1:]] == [
        "malformed_json",
        "validation_failed",
        "malformed_json",
        "validation_failed",
    ]
    assert (await find(client, phone="+989121234567"))["display_name"] == "A"


async def test_an_address_beside_the_list_of_them_is_rejected_and_told_where_it_belongs(
    client: httpx.AsyncClient,
) -> None:
    answer = await send(client, '{"display_name":"A","phone":"+989121234567"}', "a.ndjson")
    (row,) = await results(client, answer)
    (reason,) = row["reasons"]
    assert (row["result"], reason["code"], reason["field"]) == ("rejected", "validation_failed", "phone")
    assert "`identifiers`" in reason["message"]


async def test_lone_surrogates_and_nul_are_cleaned(client: httpx.AsyncClient) -> None:
    line = '{"display_name":"a\\u0000b\\ud800","attributes":{"k\\udfff":"\\u0000"},"identifiers":[]}'
    answer = await send(client, line, "a.ndjson")
    assert answer["counts"]["created"] == 1
    assert await count_customers(client) == 1


@pytest.mark.parametrize("seed", range(40))
async def test_damaged_files_are_imported_or_refused_never_a_failure(client: httpx.AsyncClient, seed: int) -> None:
    import random

    chance = random.Random(seed)
    files = [PERSIAN.encode(), CARDS.encode(), workbook({"a": [["name", "phone"], ["A", 9121234567.0]]}), b'{"a":1}\n']
    content = bytearray(files[seed % 4])
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(len(content))
        content[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
    response = await client.post("/v1/imports", content=bytes(content))
    assert response.status_code in (200, 422), response.text
