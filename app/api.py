"""The public API as one list of routers, the busiest first: a request is matched against each route in turn."""

from fastapi import FastAPI

from app.auth import router as api_keys
from app.changes.endpoints import router as changes
from app.core.errors import documented
from app.customers.endpoints import hot as customer_files
from app.customers.endpoints import router as customers
from app.feedback.endpoints import router as feedback
from app.feedback.statistics.endpoints import router as statistics
from app.feedback.surveys.endpoints import public as survey_pages
from app.feedback.surveys.endpoints import router as surveys
from app.identity.endpoints import router as identity
from app.imports.endpoints import router as imports
from app.ingest.endpoints import router as ingest
from app.ingest.endpoints import webhooks
from app.interactions.endpoints import router as interactions
from app.rights.endpoints import router as rights

BUSIEST = [*customer_files.routes, *webhooks.routes]
"""Served ahead of FastAPI's routing (`app.core.shortcut`)."""


def include(app: FastAPI) -> None:
    app.include_router(webhooks)
    app.include_router(survey_pages)
    others = (identity, ingest, statistics, feedback, surveys, imports, rights, changes, api_keys)
    for router in (customer_files, interactions, customers, *others):
        app.include_router(router, responses=documented(400, 401, 403, 413, 422, 503))
