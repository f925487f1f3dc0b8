"""Asking the world for a file it keeps for us, without being led astray.

Only https, only hosts somebody vouched for, only public addresses: the name is resolved once, every address it has is
checked, and the connection goes to the address that was checked (a second look-up could say something else). Redirects
are followed by hand under the same rules. Size and time are bounded.
"""

import asyncio
import ipaddress
import socket
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

_REDIRECTS = 3
_GZIP_OR_ZLIB = 47
"""`wbits` of zlib: tell the two apart by the header."""


class FetchFailed(Exception):
    """The file cannot be had. `final`: trying again will not help."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


@dataclass(frozen=True, slots=True)
class Fetched:
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


async def resolve(host: str) -> list[str]:
    """All addresses of a host, by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


class Fetcher:
    """One client for everything fetched."""

    def __init__(
        self,
        *,
        max_bytes: int,
        timeout_s: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
        resolver: Callable[[str], Awaitable[list[str]]] = resolve,
    ) -> None:
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            transport=transport,
            trust_env=False,
            # By address, one provider's cookies and connections (its certificate!) would do for another's.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._resolver = resolver

    async def close(self) -> None:
        await self._client.aclose()

    async def fetch(
        self,
        url: str,
        *,
        hosts: Sequence[str],
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """The answer's body, if it is 2xx; `hosts` as `Adapter.media_hosts`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(httpx.URL(url), hosts, headers or {})
        except (TimeoutError, httpx.TransportError, OSError) as error:
            raise FetchFailed(type(error).__name__, final=False) from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise FetchFailed("the URL cannot be read", final=True) from error

    async def _follow(self, url: httpx.URL, hosts: Sequence[str], headers: Mapping[str, str]) -> Fetched:
        first = url.host
        for _ in range(_REDIRECTS + 1):
            # Credentials are for the host they were meant for.
            shown = headers if url.host == first else {}
            status, answer, content = await self._ask(url, hosts, shown)
            if status not in (301, 302, 303, 307, 308):
                return Fetched(answer, content)
            url = url.join(answer.get("location", ""))
        raise FetchFailed("too many redirects", final=True)

    async def _ask(
        self, url: httpx.URL, hosts: Sequence[str], headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if url.scheme != "https" or not _vouched_for(url.host, hosts) or url.port not in (None, 443):
            raise FetchFailed("the host is not one of the provider's", final=True)
        address = await self._public_address(url.host)
        request = self._client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={**headers, "Host": url.host, "Accept-Encoding": "identity"},
            extensions={"sni_hostname": url.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            if response.is_success:
                return response.status_code, _lower(response.headers), await self._read(response)
            if response.has_redirect_location:
                return response.status_code, _lower(response.headers), b""
            final = response.status_code < 500 and response.status_code not in (404, 408, 425, 429)
            raise FetchFailed(f"status {response.status_code}", final=final)
        finally:
            await response.aclose()

    async def _public_address(self, host: str) -> str:
        addresses = await self._resolver(host)
        if not addresses or not all(map(_is_public, addresses)):
            raise FetchFailed("the host has no public address", final=True)
        return addresses[0]

    async def _read(self, response: httpx.Response) -> bytes:
        """Unpacked here, where one small piece cannot swell beyond the limit."""
        encoding = response.headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "deflate"):
            raise FetchFailed("the file is packed in a way nobody asked for", final=True)
        unpacked = zlib.decompressobj(_GZIP_OR_ZLIB) if encoding != "identity" else None
        length = response.headers.get("content-length", "")
        content = bytearray()
        if length.isdecimal() and int(length) > self._max_bytes:
            raise FetchFailed("the file is too large", final=True)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for chunk in response.stream:
            try:
                content += unpacked.decompress(chunk, self._max_bytes + 1 - len(content)) if unpacked else chunk
            except zlib.error as error:
                raise FetchFailed("the file is packed badly", final=False) from error
            if len(content) > self._max_bytes:
                raise FetchFailed("the file is too large", final=True)
        if unpacked is not None and not unpacked.eof:
            raise FetchFailed("the file is cut off", final=False)
        return bytes(content)


def _is_public(address: str) -> bool:
    """Reserved ones, too, are not: an IPv4 address may be wrapped in them, as in those of 6to4."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and (found.sixtofour or found.is_site_local):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _vouched_for(host: str, hosts: Sequence[str]) -> bool:
    return any(host == each or (each.startswith(".") and host.endswith(each)) for each in hosts)


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
