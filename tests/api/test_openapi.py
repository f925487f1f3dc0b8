"""The OpenAPI document is what people read first: complete, and true."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import open_client

KEYLESS = ("/v1/ingest/", "/health/", "/metrics")
PROBLEM = {"$ref": "#/components/schemas/Problem"}


@pytest.fixture
def operations(app: FastAPI) -> dict[str, dict[str, Any]]:
    """`GET /v1/customers` → what is said of it."""
    paths = app.openapi()["paths"]
    return {f"{method.upper()} {path}": each for path, methods in paths.items() for method, each in methods.items()}


def problems(operation: dict[str, Any]) -> set[str]:
    return {
        status
        for status, response in operation["responses"].items()
        if response.get("content", {}).get("application/problem+json", {}).get("schema") == PROBLEM
    }


def path_of(name: str) -> str:
    return name.partition(" ")[2]


async def test_the_document_and_the_pages_that_show_it_are_open_to_everybody(stranger: httpx.AsyncClient) -> None:
    document = await stranger.get("/openapi.json")
    assert (document.status_code, document.json()["info"]["title"]) == (200, "Onefile")
    for path in ("/docs", "/redoc"):
        page = await stranger.get(path)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "/openapi.json" in page.text


def test_every_operation_has_a_summary_a_tag_and_an_id_of_its_own(operations: dict[str, dict[str, Any]]) -> None:
    assert len(operations) > 30
    assert [name for name, each in operations.items() if not (each.get("summary") and each.get("tags"))] == []
    ids = [each["operationId"] for each in operations.values()]
    assert len(ids) == len(set(ids))


def test_every_operation_with_a_key_says_so_and_documents_its_refusals(operations: dict[str, dict[str, Any]]) -> None:
    for name, operation in operations.items():
        if path_of(name).startswith(KEYLESS):
            assert "security" not in operation, name
            continue
        assert operation["security"], name
        assert {"400", "401", "403", "422", "503"} <= problems(operation), name


def test_every_operation_on_one_thing_documents_that_there_may_be_none(operations: dict[str, dict[str, Any]]) -> None:
    assert [name for name, each in operations.items() if "{" in name and "404" not in problems(each)] == []


def test_every_operation_that_takes_an_idempotency_key_documents_409(operations: dict[str, dict[str, Any]]) -> None:
    for name, operation in operations.items():
        if name.startswith("POST ") and not path_of(name).startswith(KEYLESS):
            assert "409" in problems(operation), name


def test_every_post_but_webhooks_declares_the_idempotency_key(
    app: FastAPI, operations: dict[str, dict[str, Any]]
) -> None:
    reference = {"$ref": "#/components/parameters/IdempotencyKey"}
    assert app.openapi()["components"]["parameters"]["IdempotencyKey"]["name"] == "Idempotency-Key"
    for name, operation in operations.items():
        expected = name.startswith("POST ") and not path_of(name).startswith(KEYLESS)
        assert (reference in operation.get("parameters", ())) == expected, name


def test_every_operation_that_takes_if_match_documents_412(operations: dict[str, dict[str, Any]]) -> None:
    conditional = {
        name: operation
        for name, operation in operations.items()
        if "if-match" in {parameter.get("name") for parameter in operation.get("parameters", ())}
    }
    assert {"PATCH /v1/customers/{customer_id}", "PATCH /v1/sources/{name}"} <= conditional.keys()
    assert [name for name, each in conditional.items() if "412" not in problems(each)] == []


def test_the_answers_to_feedback_begin_with_the_id(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    for name in ("FeedbackRead", "TidyScore", "ScoreRead", "RecoveryRead"):
        assert next(iter(schemas[name]["properties"])) == "id", name


def test_every_body_has_an_example(app: FastAPI, operations: dict[str, dict[str, Any]]) -> None:
    schemas = app.openapi()["components"]["schemas"]
    with_body = {name: each["requestBody"]["content"] for name, each in operations.items() if "requestBody" in each}
    assert len(with_body) >= 9
    for name, contents in with_body.items():
        for content in contents.values():
            schema = content.get("schema", {})
            schema = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
            assert "example" in content or "example" in schema, name


async def test_the_examples_work(
    app: FastAPI, client: httpx.AsyncClient, operations: dict[str, dict[str, Any]]
) -> None:
    """Whoever tries the service pastes them first."""
    schemas = app.openapi()["components"]["schemas"]

    async def send(method: str, path: str, schema: str, **fields: str) -> Any:
        response = await client.request(method, path, json=schemas[schema]["example"] | fields)
        assert response.is_success, (schema, response.text)
        return response.json()

    customer = await send("POST", "/v1/customers", "CustomerCreate")
    await send("PATCH", f"/v1/customers/{customer['id']}", "CustomerPatch")
    identifier = await send("POST", f"/v1/customers/{customer['id']}/identifiers", "IdentifierCreate")
    await send("PATCH", f"/v1/customers/{customer['id']}/identifiers/{identifier['id']}", "IdentifierPatch")
    await send("POST", "/v1/interactions", "InteractionCreate")
    await send("POST", "/v1/feedback", "FeedbackCreate")
    recovery = await send("POST", "/v1/recoveries", "RecoveryCreate", customer_id=customer["id"])
    await send("PATCH", f"/v1/recoveries/{recovery['id']}", "RecoveryPatch")
    survey = await send("POST", "/v1/surveys", "SurveyCreate")
    await send("PATCH", f"/v1/surveys/{survey['id']}", "SurveyPatch")
    await send("POST", f"/v1/surveys/{survey['id']}/invitations", "InvitationCreate", customer_id=customer["id"])
    await send("POST", "/v1/sources", "SourceCreate")
    await send("POST", "/v1/api-keys", "ApiKeyCreate")
    for path in ("/v1/interactions/batch", "/v1/feedback/batch"):
        batch = operations[f"POST {path}"]["requestBody"]["content"]["application/x-ndjson"]["example"]
        assert (await client.post(path, content=batch)).json()["created"] == 2


async def test_a_kept_answer_is_announced_in_the_description(app: FastAPI) -> None:
    async with open_client(app) as client:
        description = (await client.get("/openapi.json")).json()["info"]["description"]
    for word in ("Authorization: Bearer", "Idempotency-Key", "If-Match", "next_cursor", "application/problem+json"):
        assert word in description
