"""What routes about customers ask FastAPI for."""

from typing import Annotated

from fastapi import Depends, Request

from app.customers.addresses import IdentifierPolicy


async def get_policy(request: Request) -> IdentifierPolicy:
    policy: IdentifierPolicy = request.app.state.policy
    await policy.book.refresh()
    return policy


PolicyDep = Annotated[IdentifierPolicy, Depends(get_policy)]
