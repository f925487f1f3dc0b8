"""What has to be read from a provider before its requests can be verified: certificates."""

from collections.abc import Sequence

from cachetools import TTLCache

from app.core.fetching import Fetcher, FetchFailed

_TRUST_S = 86_400


class ResourceShelf:
    """Certificates read lately; there are few, they change rarely, and every request needs one."""

    def __init__(self) -> None:
        self._kept: TTLCache[str, bytes] = TTLCache(maxsize=100, ttl=_TRUST_S)

    async def take(self, fetcher: Fetcher, urls: Sequence[str], hosts: Sequence[str]) -> dict[str, bytes]:
        """Those that can be had, by URL."""
        for url in urls:
            if url not in self._kept:
                try:
                    self._kept[url] = (await fetcher.fetch(url, hosts=hosts)).body
                except FetchFailed:
                    continue
        return {url: self._kept[url] for url in urls if url in self._kept}
