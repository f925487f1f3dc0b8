"""What is sent to PostgreSQL through SQLAlchemy, for tests that count it."""

import pytest
from sqlalchemy import event

from tests.conftest import SavepointDatabase


@pytest.fixture
def statements(database: SavepointDatabase) -> list[str]:
    """Every statement from now on, in order."""
    sent: list[str] = []
    assert database.connection.sync_connection is not None
    event.listen(
        database.connection.sync_connection,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: sent.append(statement),
    )
    return sent
