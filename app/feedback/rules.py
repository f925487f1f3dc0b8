"""What the settings say of answers and of the tasks that bad ones open."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Self

from fastapi import Depends, Request

from app.config import Settings
from app.customers.addresses import IdentifierPolicy
from app.customers.dependencies import get_policy


@dataclass(frozen=True, slots=True)
class RecoveryStandard:
    due: timedelta
    low_share: float
    """A score so far up its scale, or less, is a low one."""
    fresh: timedelta
    """Older answers open nothing."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            timedelta(hours=settings.recovery_hours),
            settings.recovery_low_share,
            timedelta(days=settings.recovery_days),
        )


@dataclass(frozen=True, slots=True)
class Rules:
    identifiers: IdentifierPolicy
    recovery: RecoveryStandard


async def get_rules(request: Request) -> Rules:
    state = request.app.state
    return Rules(await get_policy(request), RecoveryStandard.of(state.settings))


RulesDep = Annotated[Rules, Depends(get_rules)]
