"""What the API takes and shows of the policies of identifiers."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from app.core.shapes import UtcTime
from app.customers.policies import Joins
from app.messages import IdentifierKind
from app.text.fields import Address, ShortText


def _literal(pattern: str) -> str:
    if not pattern.strip("*?"):
        raise ValueError("a pattern of nothing but * and ? would block everything")
    return pattern


def _listed(value: Any) -> Any:
    """In a merge patch null empties a list."""
    return [] if value is None else value


Pattern = Annotated[ShortText, Field(min_length=1, max_length=100), AfterValidator(_literal)]
Values = Annotated[list[Address], BeforeValidator(_listed), Field(max_length=1000)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Days = Annotated[int, Field(ge=1, le=36_500)]


class PolicyPatch(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"limit_count": 5, "limit_window_days": 365, "shared_values": ["+989121234567"]}},
    )

    rank: int = Field(default=0, ge=0, le=1000, description="Where identifiers disagree, the lowest rank decides.")
    limit_count: Count | None = Field(
        default=None,
        description="So many one customer gets by messages; of `external` so many of each system. null: any number.",
    )
    limit_window_days: Days | None = Field(
        default=None, description="Only those count that were first seen in so many days. null: all of them."
    )
    blocked_values: Values = Field(default=[], description="They identify nobody, like the built-in ones.")
    blocked_patterns: Annotated[list[Pattern], BeforeValidator(_listed), Field(max_length=100)] = Field(
        default=[], description="The same for all values that look so: `*` stands for anything, `?` for one character."
    )
    shared_values: Values = Field(
        default=[],
        description="A family's phone, a reception's number: alone they identify nobody, with a name they do.",
    )
    joins: Joins = Field(
        default=Joins.never,
        description="`provisional`: a provisional file is merged by itself into the established one that a message"
        " names besides, if this holds for the kinds of both identifiers.",
    )
    valid_days: Days | None = Field(
        default=None, description="Not seen for so long, whoever writes from it is somebody new. null: it stays."
    )


class PolicyRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    kind: IdentifierKind
    rank: int
    limit_count: int | None
    limit_window_days: int | None
    blocked_values: list[str]
    blocked_patterns: list[str]
    shared_values: list[str]
    joins: Joins
    valid_days: int | None
    version: int
    updated_at: UtcTime | None = Field(description="null: nobody has changed it, these are the defaults.")


class PolicyList(BaseModel):
    items: list[PolicyRead]
