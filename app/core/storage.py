"""Files: attachments and media, kept by their content, on a disk or wherever fsspec reaches (S3, …)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import fsspec

_PIECE = 256 * 1024


class Storage:
    """A content-addressed store: the same bytes are kept once, and a key never changes its meaning."""

    def __init__(self, url: str) -> None:
        """`url`: a directory, or an fsspec URL such as `s3://bucket/prefix`."""
        is_local = urlsplit(url).scheme in ("", "file")
        self._root = str(Path(url.removeprefix("file://")).absolute()) if is_local else url.rstrip("/")
        self._files, self._base = fsspec.core.url_to_fs(self._root)

    async def put(self, content: bytes) -> str:
        """Keep the content; its key."""
        key = sha256(content).hexdigest()
        await asyncio.to_thread(self._write, self._path(key), content)
        return key

    async def get(self, key: str) -> bytes:
        """The content; `FileNotFoundError` if it is not there."""
        content: bytes = await asyncio.to_thread(self._files.cat_file, self._path(key))
        return content

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The content, a piece at a time; `FileNotFoundError` if it is not there."""
        file = await asyncio.to_thread(self._files.open, self._path(key), "rb")
        try:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
        finally:
            await asyncio.to_thread(file.close)

    async def remove(self, key: str) -> None:
        """Remove what may be gone already and nobody else can have put."""
        await self._remove(self._path(key))

    async def put_aside(self, key: str, mark: str) -> None:
        """Take the content away, under this mark, so that `bring_back` can undo it; `put` would write it anew."""
        await self._move(self._path(key), self._aside(key, mark))

    async def bring_back(self, key: str, mark: str) -> None:
        await self._move(self._aside(key, mark), self._path(key))

    async def discard(self, key: str, mark: str) -> None:
        """Remove what was put aside under this mark."""
        await self._remove(self._aside(key, mark))

    async def _move(self, path: str, other: str) -> None:
        with suppress(FileNotFoundError):  # moved already
            await asyncio.to_thread(self._files.mv, path, other)

    async def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            await asyncio.to_thread(self._files.rm_file, path)

    def _aside(self, key: str, mark: str) -> str:
        return f"{self._path(key)}.aside-{mark}"

    def _path(self, key: str) -> str:
        return f"{self._base}/{key[:2]}/{key[2:4]}/{key}"

    def _write(self, path: str, content: bytes) -> None:
        if self._files.exists(path):
            return
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        # Under another name first: whoever finds the key finds all of it.
        unfinished = f"{path}.{uuid4().hex}"
        self._files.pipe_file(unfinished, content)
        self._files.mv(unfinished, path)
