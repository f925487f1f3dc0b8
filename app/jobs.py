"""Every background job, for whichever process does them: the server, or `onefile worker`."""

from collections.abc import Mapping

from app.core.jobs import Handler
from app.identity import duplicates
from app.imports import jobs as imports
from app.imports.service import Desk
from app.ingest import fetching
from app.ingest.service import Intake


def handlers(intake: Intake, desk: Desk) -> Mapping[str, Handler]:
    return {**fetching.handlers(intake), **duplicates.handlers(desk.database), **imports.handlers(desk)}
