"""A short way to the busiest reads, past FastAPI's routing and its machinery for dependencies."""

from collections.abc import Iterable
from uuid import UUID

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send


class Shortcut:
    """Calls the endpoints of these routes itself. They take the request and the ids in their path, ask FastAPI for
    nothing and return a `Response`; what they raise is rendered by `RequestMiddleware`.

    Whatever does not look like a proper call goes on to FastAPI, which has the same routes and says what is wrong.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute]) -> None:
        self.app = app
        self.routes = [route for route in routes if isinstance(route, APIRoute)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            for route in self.routes:
                if (match := route.path_regex.match(scope["path"])) and (ids := _ids(match.groupdict())) is not None:
                    scope["route"], scope["path_params"] = route, match.groupdict()
                    response = await route.endpoint(Request(scope, receive, send), **ids)
                    await response(scope, receive, send)
                    return
        await self.app(scope, receive, send)


def _ids(parameters: dict[str, str]) -> dict[str, UUID] | None:
    try:
        return {name: UUID(text) for name, text in parameters.items()}
    except ValueError:
        return None
