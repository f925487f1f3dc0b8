"""What orchestrators and monitoring ask, without a key."""

import asyncio

import httpx

from app.core import migrations
from app.core.embedded import EmbeddedPostgres
from app.main import create_app
from tests.conftest import SECRET, make_settings, open_client
from tests.core.test_errors import assert_problem
from tests.factories import make_customer


async def test_a_process_is_live_without_its_database() -> None:
    app = create_app(make_settings(), "postgresql://nobody@127.0.0.1:1/nothing", SECRET)
    async with app.router.lifespan_context(app), open_client(app, headers={}) as client:
        response = await client.get("/health/live")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert_problem(await client.get("/health/ready"), 503, "unavailable")


async def test_a_migrated_database_is_ready(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/health/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_a_database_is_ready_once_it_is_migrated_and_not_before(server: EmbeddedPostgres) -> None:
    url = server.create_database("not_migrated")
    app = create_app(make_settings(), url, SECRET)
    async with app.router.lifespan_context(app), open_client(app, headers={}) as client:
        response = assert_problem(await client.get("/health/ready"), 503, "not_migrated")
        assert "onefile migrate" in response["detail"]
        await asyncio.to_thread(migrations.upgrade, url)
        assert (await client.get("/health/ready")).status_code == 200
        async with app.state.database.hot() as connection:
            await connection.execute("UPDATE alembic_version SET version_num = 'older'")
        assert_problem(await client.get("/health/ready"), 503, "not_migrated")
    server.drop_database("not_migrated")


async def test_metrics_count_requests_by_route_and_never_by_path(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    customer = await make_customer(client)
    await client.get(f"/v1/customers/{customer['id']}")
    await client.get("/nothing/my-secret")
    await client.post("/v1/ingest/nothing/my-secret")
    response = await stranger.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    counted = 'onefile_http_requests_total{method="GET",route="/v1/customers/{customer_id}",status="200"}'
    assert counted in response.text
    assert 'route="unmatched",status="404"' in response.text
    assert customer["id"] not in response.text
    assert "my-secret" not in response.text
