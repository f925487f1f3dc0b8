"""The schema that migrations make is the one the models describe, forwards and back."""

import asyncio

import asyncpg
from alembic import command

from app.core import migrations
from app.core.embedded import EmbeddedPostgres

_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY 1, 2"""
_CHECKS = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"


async def _shape(url: str) -> list[list[str]]:
    connection = await asyncpg.connect(url)
    try:
        return [
            sorted(str(tuple(row)) for row in await connection.fetch(query)) for query in (_COLUMNS, _CHECKS, _INDEXES)
        ]
    finally:
        await connection.close()


def test_models_and_migrations_agree(server: EmbeddedPostgres) -> None:
    url = server.create_database("agreement", template="onefile")
    command.check(migrations.config(url))
    server.drop_database("agreement")


def test_every_migration_can_be_taken_back_and_applied_again(server: EmbeddedPostgres) -> None:
    url = server.create_database("backwards", template="onefile")
    before = asyncio.run(_shape(url))
    command.downgrade(migrations.config(url), "base")
    migrations.upgrade(url)
    assert asyncio.run(_shape(url)) == before
    server.drop_database("backwards")


async def test_external_ids_get_the_digits_by_which_they_are_looked_up(server: EmbeddedPostgres) -> None:
    url = server.create_database("digits", template="onefile")
    config = migrations.config(url)
    await asyncio.to_thread(command.downgrade, config, "0018_resume_scans")
    connection = await asyncpg.connect(url)
    await connection.execute(
        """
        WITH given(value) AS (VALUES ('crm:۴۵۶'), ('crm:٧'), ('crm:7'), ('crm:8')),
             owner AS (INSERT INTO customer (id, created_at, updated_at, kind, status, attributes, preferences, version)
                       VALUES (gen_random_uuid(), now(), now(), 'person', 'active', '{}', '{}', 1) RETURNING id)
        INSERT INTO customer_identifier (id, created_at, updated_at, customer_id, kind, value, confidence, shared,
                                         first_seen_at, last_seen_at)
        SELECT gen_random_uuid(), now(), now(), owner.id, 'external', value, 'stated', false, now(), now()
        FROM given, owner"""
    )
    await asyncio.to_thread(migrations.upgrade, url)
    values = await connection.fetch("SELECT value FROM customer_identifier")
    await connection.close()
    assert {row["value"] for row in values} == {"crm:456", "crm:٧", "crm:7", "crm:8"}
    server.drop_database("digits")
