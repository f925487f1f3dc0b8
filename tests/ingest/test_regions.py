"""Whose national numbers are meant: the source's, else the service's own."""

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from tests.conftest import make_settings
from tests.factories import configure, make_source


@pytest.mark.parametrize(("service", "source", "phone"), [("IR", None, "+989121234567"), ("DE", "IR", "+989121234567")])
async def test_a_form_with_a_national_number_finds_its_customer(
    app: FastAPI, client: httpx.AsyncClient, service: str, source: str | None, phone: str
) -> None:
    configure(app, default_region=service)
    await make_source(client, "web_form", name="form", settings={"scheme": "none"}, default_region=source)
    await client.post("/v1/ingest/form", json={"phone": "۰۹۱۲ ۱۲۳ ۴۵۶۷", "message": "سلام"})
    found = await client.get("/v1/lookup", params={"phone": phone})
    assert found.status_code == 200, found.text


def test_a_service_of_a_region_without_telephone_numbers_does_not_start() -> None:
    with pytest.raises(ValidationError, match="not a region"):
        make_settings(default_region="UK")
