"""Field types read alike whether Python or PostgreSQL writes them."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter

from app.core.shapes import UtcTime
from tests.conftest import SavepointDatabase


@pytest.mark.parametrize("microsecond", [0, 1, 10, 500_000, 594_920, 594_900, 99_000, 999_999])
async def test_a_time_reads_as_postgresql_writes_it(database: SavepointDatabase, microsecond: int) -> None:
    moment = datetime(2026, 11, 22, 13, 0, 0, microsecond, timezone(timedelta(hours=3, minutes=30)))
    written = await database.driver.fetchval("SELECT to_json($1::timestamptz)::text", moment)
    assert json.loads(TypeAdapter(UtcTime).dump_json(moment)) == json.loads(written)
    assert datetime.fromisoformat(json.loads(written)) == moment.astimezone(UTC)
