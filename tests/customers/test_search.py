import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from app.core.pagination import PageQuery
from app.core.searching import Effort, search_page
from app.customers.models import Customer
from app.customers.search import search_for
from tests.core.test_errors import assert_problem
from tests.factories import all_pages, configure, make_customer, merge

Client = httpx.AsyncClient


async def found(client: Client, q: str, **filters: str) -> list[str]:
    return [each["display_name"] for each in await all_pages(client, "/v1/customers", q=q, **filters)]


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("علی رضایی", "علي"),
        ("علی رضایی", "رضائ"),
        ("علی رضایی", "رضایی علی"),
        ("علی رضایی", "عل رض"),
        ("علی‌رضا کریمی", "علیرضا"),
        ("علی‌رضا کریمی", "علی رضا"),
        ("علیرضا کریمی", "علی‌رضا کر"),
        ("علیرضا کریمی", "علی رضا"),
        ("سید علی رضا کریمی", "علیرضا"),
        ("مُحَمَّد", "محمد"),
        ("ג'בארין", "ג׳בא"),
        ("בן דוד", "בן-דוד"),
        ("José O'Neil", "jose ONEIL"),
        ("Müller", "MULL"),
        ("فروشگاه ۲۴", "24"),
    ],
)
async def test_a_customer_is_found_by_the_beginning_of_any_name(client: Client, name: str, typed: str) -> None:
    await make_customer(client, display_name=name)
    await make_customer(client, display_name="Somebody Else")

    assert await found(client, typed) == [name]


@pytest.mark.parametrize(
    ("kind", "value", "typed"),
    [
        ("phone", "+989121234567", "4567"),
        ("phone", "+989121234567", "۴۵۶۷"),
        ("phone", "+989121234567", "0912"),
        ("phone", "+989121234567", "0912 123 45"),
        ("phone", "+989121234567", "۰۹۱۲۱۲۳۴۵۶۷"),
        ("phone", "+989121234567", "912-123"),
        ("phone", "+989121234567", "+98 912"),
        ("phone", "+989121234567", "0098912"),
        ("phone", "+989121234567", "98912"),
        ("phone", "+12125550123", "(212) 555-0123"),
        ("whatsapp", "+989121234567", "4567"),
        ("email", "ali.rezai@mail.example.ir", "ali.re"),
        ("email", "ali.rezai@mail.example.ir", "ALI.REZAI@MAIL"),
        ("email", "ali.rezai@mail.example.ir", "mail.exa"),
        ("email", "ali.rezai@mail.example.ir", "@mail"),
        ("email", "ali.rezai@mail.example.ir", "example.ir"),
        ("external", "erp:A-10023", "a-100"),
        ("external", "erp:A-10023", "erp:a-1"),
        ("external", "erp:A-10023", "0023"),
        ("telegram", "@maryam_k", "maryam_"),
    ],
)
async def test_a_customer_is_found_by_a_fragment_of_an_identifier(
    app: object, client: Client, kind: str, value: str, typed: str
) -> None:
    configure(app, default_region="IR")  # type: ignore[arg-type]
    await make_customer(client, (kind, value), display_name="Wanted")
    await make_customer(client, ("phone", "+441632960961"), ("email", "else@shop.example"), display_name="Else")

    assert await found(client, typed) == ["Wanted"]


async def test_a_released_identifier_finds_nobody(client: Client) -> None:
    customer = await make_customer(client, ("phone", "+989121234567"))
    await client.delete(f"/v1/customers/{customer['id']}/identifiers/{customer['identifiers'][0]['id']}")

    assert await found(client, "4567") == []


async def test_customers_are_found_by_the_name_of_their_organisation(client: Client) -> None:
    organization = await make_customer(client, kind="organization", display_name="بانک ملّي")
    await make_customer(client, display_name="Ali", organization_id=organization["id"])
    await make_customer(client, display_name="Sara")

    assert await found(client, "ملی") == ["Ali", "بانک ملّي"]
    assert await found(client, "ملی ali") == ["Ali"]


async def test_all_words_must_be_found_each_wherever_it_is(client: Client) -> None:
    await make_customer(client, ("phone", "+989121234567"), display_name="Ali Rezai")
    await make_customer(client, ("phone", "+989351234567"), display_name="Sara Rezai")

    assert await found(client, "rezai") == ["Sara Rezai", "Ali Rezai"]
    assert await found(client, "rezai 4567") == ["Sara Rezai", "Ali Rezai"]
    assert await found(client, "ali 4567") == ["Ali Rezai"]
    assert await found(client, "ali 0000") == []


async def test_a_search_is_joined_with_the_other_filters(client: Client) -> None:
    await make_customer(client, display_name="Ali", kind="organization")
    await make_customer(client, display_name="Ali")

    assert len(await found(client, "ali", kind="organization")) == 1


async def test_a_frequent_word_under_a_filter_that_few_pass_is_looked_for_page_by_page(
    client: Client, session: AsyncSession
) -> None:
    for number in range(12):
        await make_customer(client, display_name="Ali", kind="organization" if number == 2 else "person")
    listed = select(Customer).where(Customer.kind == "organization")
    names, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        query = PageQuery(limit=5, cursor=cursor)
        page = await search_page(
            session, search_for("ali", None, listed), query, Customer.id, effort=Effort(few=3, often=3, many=4)
        )
        names += [each.display_name for each in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1

    assert names == ["Ali"]
    assert pages == 4


@pytest.mark.parametrize(
    "typed", ["", " ", "!?", "@@@", "+++", ".*", "[a-z]", "' & | ! ( ) :* \\", "\u200c", "%", "😊"]
)
async def test_what_holds_no_word_finds_nobody(client: Client, typed: str) -> None:
    await make_customer(client, display_name="Ali")

    assert await found(client, typed) == []


async def test_an_overlong_search_is_refused(client: Client) -> None:
    assert_problem(await client.get("/v1/customers", params={"q": "a" * 201}), 422, "validation_failed")


@pytest.mark.parametrize(
    "effort",
    [
        Effort(few=2, often=9, most=100, many=3),
        Effort(few=2, often=9, most=3, many=5),
        Effort(few=2, often=1, many=3),
        Effort(),
    ],
    ids=["by the indexes", "by some", "by looking through", "at once"],
)
@pytest.mark.parametrize("typed", ["ali", "ali re", "4567", "ali 4567", "nobody", "rez 0912", "alireza"])
async def test_every_effort_finds_the_same_customers_in_the_same_order(
    client: Client, session: AsyncSession, effort: Effort, typed: str
) -> None:
    names = ["Ali Rezai", "Sara Rezai", "Ali Ahmadi", "Alireza", "Ali Reza"]
    for number in range(25):
        await make_customer(client, ("phone", f"+98912{number:03}4567"), display_name=names[number % len(names)])
    words = typed.split()
    expected = [
        number
        for number in reversed(range(25))
        if any(part.startswith("".join(words)) for part in _parts(names[number % 5]))
        or all(word.isdigit() or any(part.startswith(word) for part in _parts(names[number % 5])) for word in words)
    ]

    items, cursor = [], None
    while True:
        query = PageQuery(limit=3, cursor=cursor)
        page = await search_page(
            session,
            search_for(typed, "IR", select(Customer)),
            query,
            Customer.id,
            effort=effort,
        )
        items += [int(each.identifiers[0].value[6:9]) for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert items == expected


def _parts(name: str) -> list[str]:
    return [*name.lower().split(), name.lower().replace(" ", "")]


async def test_a_merged_file_is_found_by_the_names_it_took_over(client: Client) -> None:
    survivor = await make_customer(client, given_name="Ali")
    other = await make_customer(client, family_name="Rezai")
    await merge(client, survivor["id"], other["id"])

    assert [each["id"] for each in await all_pages(client, "/v1/customers", q="rezai")] == [survivor["id"]]
