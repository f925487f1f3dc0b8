"""The public API as one list of routers."""

from fastapi import APIRouter

from app.auth import router as api_keys
from app.core.errors import documented
from app.customers.endpoints import router as customers
from app.identity.endpoints import router as identity
from app.ingest.endpoints import router as ingest
from app.ingest.endpoints import webhooks
from app.interactions.endpoints import router as interactions

api = APIRouter()
for _router in (customers, interactions, identity, ingest, api_keys):
    api.include_router(_router, responses=documented(400, 401, 403, 413, 422, 503))
api.include_router(webhooks)
