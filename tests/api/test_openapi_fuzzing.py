"""Schemathesis reads the OpenAPI document and tries every route with what it allows and what it does not: no failure of
the service, no status nobody documented, no answer of another shape."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.core.embedded import EmbeddedPostgres
from app.main import create_app
from tests.conftest import AUTHORIZED, SECRET, make_settings

DATABASE = "fuzzed"
CHECKS = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
few = settings(max_examples=4, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
schema = schemathesis.openapi.from_dict(create_app(make_settings(), "postgresql://nowhere", SECRET).openapi())
numbers = itertools.count(989120000000)


@schemathesis.serializer(
    "application/x-ndjson",
    "text/csv",
    "text/vcard",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
def _as_lines(context: schemathesis.SerializationContext, value: Any) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def address(server: EmbeddedPostgres) -> Iterator[str]:
    """A service of its own, on its own loop: Schemathesis calls from outside, and synchronously."""
    app = create_app(make_settings(), server.create_database(DATABASE, template="onefile"), SECRET)
    listener = socket.create_server(("127.0.0.1", 0))
    service = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=service.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not service.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.01)
    yield "http://{}:{}".format(*listener.getsockname())
    service.should_exit = True
    thread.join()
    listener.close()
    server.drop_database(DATABASE)


@pytest.fixture
def known(address: str) -> dict[str, str]:
    """Path parameters that lead somewhere."""
    with httpx.Client(base_url=address, headers=AUTHORIZED) as client:
        phone = {"kind": "phone", "value": f"+{next(numbers)}"}
        customer = client.post("/v1/customers", json={"display_name": "علی", "identifiers": [phone]}).json()
        interaction = client.post("/v1/interactions", json={"channel": "sms", "from": phone}).json()
        answer = {"customer_id": customer["id"], "scores": [{"measure": "nps", "value": 3}]}
        feedback = client.post("/v1/feedback", json=answer).json()
        recovery = client.get("/v1/recoveries").json()["items"][0]
        survey = client.post("/v1/surveys", json={"name": "Known", "template": "nps"}).json()
        asked = {"customer_id": customer["id"]}
        invitation = client.post(f"/v1/surveys/{survey['id']}/invitations", json=asked).json()
        key = client.post("/v1/api-keys", json={"name": "known", "scopes": ["read"]}).json()
        client.post("/v1/sources", json={"name": "form", "provider": "web_form", "settings": {"scheme": "none"}})
        client.post("/v1/ingest/form", data={"message": "hello", "email": "a@example.org"})
        imported = client.post("/v1/imports", content="name\nSara\n").json()
        request = client.get("/v1/inbound-requests").json()["items"][0]
    return {
        "customer_id": customer["id"],
        "identifier_id": customer["identifiers"][0]["id"],
        "interaction_id": interaction["id"],
        "conversation_id": interaction["conversation_id"],
        "request_id": request["id"],
        "feedback_id": feedback["id"],
        "survey_id": survey["id"],
        "invitation_id": invitation["id"],
        "recovery_id": recovery["id"],
        "key_id": key["id"],
        "import_id": imported["id"],
        "source": "form",
        "name": "form",
    }


# A stream has no end to wait for; what it refuses is tried in tests/changes.
@schema.exclude(path="/v1/changes/stream").parametrize()
@few
def test_whatever_is_asked_the_answer_is_a_documented_one(case: schemathesis.Case[Any], address: str) -> None:
    case.query.pop("wait", None)  # for a minute, without an answer any different
    case.call_and_validate(address, headers=AUTHORIZED, checks=CHECKS)


@schema.include(path_regex=r"\{").parametrize()
@few
def test_so_it_is_where_the_path_leads_somewhere(
    case: schemathesis.Case[Any], address: str, known: dict[str, str]
) -> None:
    case.path_parameters.update({name: known[name] for name in case.path_parameters.keys() & known.keys()})
    case.call_and_validate(address, headers=AUTHORIZED, checks=CHECKS)
