"""Files are fetched from whom somebody vouched for, at public addresses, in bounds: URLs come from strangers."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import httpx
import pytest

from app.core.fetching import Fetched, Fetcher, FetchFailed

PUBLIC = "93.184.215.14"
LIMIT = 10_000
HOSTS = ("api.example.com", ".files.example.com", "cdn.example.com")
URL = "https://api.example.com/file"

Answer = Callable[[httpx.Request], httpx.Response]


class Provider:
    """The other side: what it is asked, what it answers."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.looked_up: list[str] = []
        self.addresses: dict[str, list[str]] = {}
        self.answer: Answer = lambda request: httpx.Response(200, content=b"file")
        self.fetcher = self.fetch_through(self._respond)

    def fetch_through(
        self, respond: Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]], timeout_s: float = 5
    ) -> Fetcher:
        async def answer(request: httpx.Request) -> httpx.Response:
            found = respond(request)
            return found if isinstance(found, httpx.Response) else await found

        transport = httpx.MockTransport(answer)
        return Fetcher(max_bytes=LIMIT, timeout_s=timeout_s, transport=transport, resolver=self._resolve)

    async def fetch(self, url: str = URL, **options: object) -> Fetched:
        return await self.fetcher.fetch(url, hosts=HOSTS, **options)  # type: ignore[arg-type]

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)

    async def _resolve(self, host: str) -> list[str]:
        self.looked_up.append(host)
        return self.addresses.get(host, [PUBLIC])


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    yield provider
    await provider.fetcher.close()


async def refused(provider: Provider, url: str = URL, *, final: bool) -> str:
    """Why the file cannot be had."""
    with pytest.raises(FetchFailed) as failure:
        await provider.fetch(url)
    assert failure.value.final is final
    return str(failure.value)


def redirects(provider: Provider, *locations: str) -> None:
    """One after the other, then the file."""
    answers = [httpx.Response(302, headers={"Location": location}) for location in locations]

    def answer(request: httpx.Request) -> httpx.Response:
        return answers.pop(0) if answers else httpx.Response(200, content=b"file")

    provider.answer = answer


async def streamed(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_file_is_fetched_with_the_headers_asked_for(provider: Provider) -> None:
    provider.answer = lambda request: httpx.Response(200, content=b"file", headers={"Content-Type": "image/png"})
    fetched = await provider.fetch(headers={"Authorization": "Basic abc"})
    assert (fetched.body, fetched.headers["content-type"]) == (b"file", "image/png")
    assert provider.requests[0].headers["authorization"] == "Basic abc"


async def test_the_request_goes_to_the_address_that_was_checked_in_the_name_of_the_host(provider: Provider) -> None:
    await provider.fetch("https://api.example.com/file?a=1")
    (request,) = provider.requests
    assert str(request.url) == f"https://{PUBLIC}/file?a=1"
    assert request.headers["host"] == "api.example.com"
    assert request.extensions["sni_hostname"] == "api.example.com"
    assert provider.looked_up == ["api.example.com"]


async def test_an_address_of_the_sixth_version_is_asked_as_well(provider: Provider) -> None:
    provider.addresses["api.example.com"] = ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
    await provider.fetch()
    assert str(provider.requests[0].url) == "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/file"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/file",
        "ftp://api.example.com/file",
        "file:///etc/passwd",
        "//api.example.com/file",
        "/file",
        "",
        "https://api.example.com:8443/file",
        "https://api.example.com.attacker.example/file",
        "https://sub.api.example.com/file",
        "https://files.example.com/file",
        "https://evilfiles.example.com/file",
        "https://api.example.com@attacker.example/file",
        "https://attacker.example#api.example.com",
        "https://api.example.com\\@attacker.example/",
        "https://127.0.0.1/file",
        "https://[::1]/file",
        "https://api.example.com./file",
        "https://api.example.com:port/file",
        "https://api.example\x00.com/file",
        f"https://{'a' * 300}.attacker.example/file",
    ],
)
async def test_nobody_is_asked_whom_nobody_vouched_for(provider: Provider, url: str) -> None:
    await refused(provider, url, final=True)
    assert (provider.requests, provider.looked_up) == ([], [])


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com:443/file",
        "https://API.Example.com/file",
        "https://a.files.example.com/file",
        "https://b.a.files.example.com/file",
    ],
)
async def test_whoever_is_vouched_for_is_asked(provider: Provider, url: str) -> None:
    assert (await provider.fetch(url)).body == b"file"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["0.0.0.0"],  # noqa: S104
        ["10.0.0.1"],
        ["172.16.0.1"],
        ["192.168.1.1"],
        ["100.64.0.1"],
        ["169.254.169.254"],
        ["224.0.0.1"],
        ["240.0.0.1"],
        ["255.255.255.255"],
        ["::"],
        ["::1"],
        ["fe80::1%eth0"],
        ["fc00::1"],
        ["fec0::1"],
        ["ff02::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:93.184.215.14"],
        ["::127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::1"],
        [PUBLIC, "127.0.0.1"],
        ["fe80::1", PUBLIC],
        [],
    ],
    ids=str,
)
async def test_no_address_is_asked_that_is_not_public(provider: Provider, addresses: list[str]) -> None:
    provider.addresses["api.example.com"] = addresses
    assert await refused(provider, final=True) == "the host has no public address"
    assert provider.requests == []


async def test_a_redirect_is_followed_and_looked_up_anew(provider: Provider) -> None:
    redirects(provider, "https://cdn.example.com/there", "/elsewhere")
    assert (await provider.fetch()).body == b"file"
    assert [request.headers["host"] for request in provider.requests] == [
        "api.example.com",
        "cdn.example.com",
        "cdn.example.com",
    ]
    assert provider.requests[-1].url.path == "/elsewhere"
    assert provider.looked_up == ["api.example.com", "cdn.example.com", "cdn.example.com"]


@pytest.mark.parametrize(
    "location", ["https://attacker.example/", "http://api.example.com/", "//169.254.169.254/", "file:///etc/passwd"]
)
async def test_a_redirect_leads_nowhere_nobody_vouched_for(provider: Provider, location: str) -> None:
    redirects(provider, location)
    await refused(provider, final=True)
    assert len(provider.requests) == 1


async def test_a_redirect_leads_to_no_private_address(provider: Provider) -> None:
    redirects(provider, "https://cdn.example.com/there")
    provider.addresses["cdn.example.com"] = ["10.0.0.1"]
    await refused(provider, final=True)
    assert len(provider.requests) == 1


async def test_credentials_are_shown_only_to_the_host_they_are_for(provider: Provider) -> None:
    redirects(provider, "/here", "https://cdn.example.com/there")
    await provider.fetch(headers={"Authorization": "Basic abc", "X-Api-Key": "abc"})
    shown = [(request.headers.get("authorization"), request.headers.get("x-api-key")) for request in provider.requests]
    assert shown == [("Basic abc", "abc"), ("Basic abc", "abc"), (None, None)]


async def test_cookies_are_not_taken(provider: Provider) -> None:
    provider.answer = lambda request: httpx.Response(200, headers={"Set-Cookie": "session=1"})
    await provider.fetch()
    await provider.fetch("https://cdn.example.com/other")
    assert "cookie" not in provider.requests[1].headers


async def test_who_redirects_for_ever_is_left(provider: Provider) -> None:
    provider.answer = lambda request: httpx.Response(302, headers={"Location": "/again"})
    assert await refused(provider, final=True) == "too many redirects"
    assert len(provider.requests) == 4


@pytest.mark.parametrize("status", [300, 302, 304])
async def test_a_redirect_to_nowhere_brings_no_file(provider: Provider, status: int) -> None:
    provider.answer = lambda request: httpx.Response(status)
    assert await refused(provider, final=True) == f"status {status}"


@pytest.mark.parametrize(
    ("headers", "chunks"),
    [
        ({"Content-Length": str(LIMIT + 1)}, []),
        ({}, [b"x" * LIMIT, b"x"]),
        ({"Content-Length": "5"}, [b"x" * (LIMIT + 1)]),
        ({"Content-Encoding": "gzip"}, [gzip.compress(b"x" * (LIMIT + 1))]),
        ({"Content-Encoding": "deflate"}, [zlib.compress(b"x" * 50_000_000)]),
    ],
    ids=["told", "untold", "told wrongly", "gzip", "bomb"],
)
async def test_a_file_beyond_the_limit_is_not_taken(
    provider: Provider, headers: Mapping[str, str], chunks: list[bytes]
) -> None:
    provider.answer = lambda request: httpx.Response(200, headers=headers, content=streamed(*chunks))
    assert await refused(provider, final=True) == "the file is too large"


async def test_no_more_than_the_limit_is_read(provider: Provider) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield b"x" * 1000

    provider.answer = lambda request: httpx.Response(200, content=endless())
    await refused(provider, final=True)
    assert read == LIMIT + 1000


async def test_a_file_at_the_limit_is_taken(provider: Provider) -> None:
    provider.answer = lambda request: httpx.Response(200, content=b"x" * LIMIT)
    assert len((await provider.fetch()).body) == LIMIT


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_packed_file_is_unpacked(provider: Provider, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"x" * LIMIT)
    pieces = [packed[at : at + 7] for at in range(0, len(packed), 7)]
    headers = {"Content-Encoding": encoding}
    provider.answer = lambda request: httpx.Response(200, headers=headers, content=streamed(*pieces))
    assert (await provider.fetch()).body == b"x" * LIMIT
    assert provider.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("encoding", "content", "final"),
    [("gzip", b"no gzip", False), ("gzip", gzip.compress(b"file")[:-9], False), ("br", b"file", True)],
)
async def test_a_file_packed_badly_is_not_taken(provider: Provider, encoding: str, content: bytes, final: bool) -> None:
    headers = {"Content-Encoding": encoding}
    provider.answer = lambda request: httpx.Response(200, headers=headers, content=streamed(content))
    await refused(provider, final=final)


@pytest.mark.parametrize("status", [404, 408, 425, 429, 500, 502, 503])
async def test_what_may_be_there_later_is_asked_for_later(provider: Provider, status: int) -> None:
    provider.answer = lambda request: httpx.Response(status)
    assert await refused(provider, final=False) == f"status {status}"


@pytest.mark.parametrize("status", [400, 401, 403, 405, 410, 451])
async def test_what_is_denied_is_not_asked_for_again(provider: Provider, status: int) -> None:
    provider.answer = lambda request: httpx.Response(status)
    assert await refused(provider, final=True) == f"status {status}"


@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ReadTimeout("no"), OSError("no")])
async def test_a_network_that_fails_may_work_later(provider: Provider, error: Exception) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    provider.answer = fail
    assert await refused(provider, final=False) == type(error).__name__


async def test_who_answers_drop_by_drop_is_left_in_time() -> None:
    async def drops() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    provider = Provider()
    fetcher = provider.fetch_through(lambda request: httpx.Response(200, content=drops()), timeout_s=0.05)
    with pytest.raises(FetchFailed) as failure:
        await fetcher.fetch(URL, hosts=HOSTS)
    assert (str(failure.value), failure.value.final) == ("TimeoutError", False)


async def test_a_host_that_cannot_be_looked_up_may_be_there_later() -> None:
    async def resolve(host: str) -> list[str]:
        raise OSError("Name or service not known")

    fetcher = Fetcher(max_bytes=LIMIT, resolver=resolve)
    with pytest.raises(FetchFailed) as failure:
        await fetcher.fetch(URL, hosts=HOSTS)
    assert not failure.value.final


async def test_a_name_no_resolver_takes_is_refused() -> None:
    fetcher = Fetcher(max_bytes=LIMIT)
    with pytest.raises(FetchFailed) as failure:
        await fetcher.fetch(f"https://{'a' * 64}.files.example.com/", hosts=HOSTS)
    assert failure.value.final


async def test_credentials_that_fit_no_header_are_refused(provider: Provider) -> None:
    with pytest.raises(FetchFailed) as failure:
        await provider.fetch(headers={"Authorization": "Bearer رمز"})
    assert failure.value.final
