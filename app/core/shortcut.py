"""A short way to the busiest routes, past FastAPI's routing and its machinery for dependencies."""

import re
from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any, NamedTuple
from uuid import UUID

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

_PLAIN = re.compile(r"[!-~]{1,500}")


class _Way(NamedTuple):
    route: APIRoute
    readers: dict[str, Callable[[str], Any]]
    """What makes an argument of each part of the path; `ValueError` where FastAPI has to look at it."""


class Shortcut:
    """Calls the endpoints of these routes itself. They take the request and ids or names in their path, ask FastAPI for
    nothing and return a `Response`; what they raise is rendered by `RequestMiddleware`.

    Whatever does not look like a proper call goes on to FastAPI, which has the same routes and says what is wrong.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute]) -> None:
        self.app = app
        self.ways: dict[str, list[_Way]] = {}
        for route in routes:
            if isinstance(route, APIRoute):
                for method in route.methods or ():
                    self.ways.setdefault(method, []).append(_Way(route, _readers(route)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for way in self.ways.get(scope["method"], ()):
                if (match := way.route.path_regex.match(scope["path"])) is None:
                    continue
                parts = match.groupdict()
                if (arguments := _arguments(way, parts)) is not None:
                    scope["route"], scope["path_params"] = way.route, parts
                    response = await way.route.endpoint(Request(scope, receive, send), **arguments)
                    await response(scope, receive, send)
                    return
        await self.app(scope, receive, send)


def _readers(route: APIRoute) -> dict[str, Callable[[str], Any]]:
    asked = signature(route.endpoint).parameters
    return {name: UUID if asked[name].annotation is UUID else _plain for name in route.param_convertors}


def _plain(text: str) -> str:
    """A name that no rule would change: printable ASCII without blanks."""
    if _PLAIN.fullmatch(text) is None:
        raise ValueError
    return text


def _arguments(way: _Way, parts: dict[str, str]) -> dict[str, Any] | None:
    try:
        return {name: way.readers[name](part) for name, part in parts.items()}
    except ValueError:
        return None
