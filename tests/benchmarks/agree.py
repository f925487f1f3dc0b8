"""Before anything is timed: service and floor give the same answers and write the same rows."""

from typing import Any

import asyncpg
import httpx

from tests.benchmarks.load import LoadFailed
from tests.benchmarks.servers import Server
from tests.benchmarks.traffic import Request

_OWN = "ARRAY['id', 'created_at', 'updated_at']"
_WRITTEN = f"""
    SELECT to_jsonb(i) - {_OWN} - ARRAY['inbound_request_id', 'external_id', 'occurred_at', 'text', 'search_words']
           || jsonb_build_object(
               'request', to_jsonb(q) - {_OWN} - ARRAY['body', 'fingerprint', 'headers'],
               'headers', (SELECT jsonb_agg(name ORDER BY name) FROM jsonb_object_keys(q.headers) AS name),
               'digest', q.fingerprint = sha256(E'POST\\n\\n\\n' || q.body),
               'journal', to_jsonb(j) - {_OWN} - 'interaction_id',
               'conversation', to_jsonb(c) - {_OWN} - ARRAY['first_at', 'last_at'])
    FROM interaction AS i
    LEFT JOIN inbound_request AS q ON q.id = i.inbound_request_id
    LEFT JOIN identity_journal AS j ON j.interaction_id = i.id
    LEFT JOIN conversation AS c ON c.id = i.conversation_id
    WHERE i.source = $1 ORDER BY i.id DESC LIMIT 1"""  # noqa: S608  put together from constants


def check_answers(service: Server, floor: Server, request: Request) -> None:
    answers = [_send(server, request) for server in (service, floor)]
    if answers[0].json() != answers[1].json() or "customer" not in answers[0].json():
        raise LoadFailed(f"service and floor answer {request.path} differently")


async def check_rows(url: str, source: str, messages: dict[Server, Request]) -> None:
    """`messages`: of one customer, one for each server."""
    connection = await asyncpg.connect(url)
    written = []
    for server, request in messages.items():
        _send(server, request)
        written.append(await connection.fetchval(_WRITTEN, source))
    await connection.close()
    if written[0] is None or written[0] != written[1]:
        raise LoadFailed(f"service and floor write different rows:\n{written[0]}\n{written[1]}")


def _send(server: Server, request: Request) -> Any:
    url = server.base_url + request.path
    response = httpx.request(request.method, url, headers=dict(request.headers), content=request.body)
    if response.status_code != 200:
        raise LoadFailed(f"{server.name} answers {request.path} with {response.status_code}: {response.text[:500]}")
    return response
