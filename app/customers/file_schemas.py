"""What the API shows of a customer file."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.shapes import UtcTime
from app.customers.models import ConsentStatus
from app.customers.schemas import CustomerRead
from app.messages import Channel


class TouchRead(BaseModel):
    """An interaction as the customer file shows it; long text is cut to 2 000 characters."""

    model_config = ConfigDict(extra="allow")

    id: UUID
    channel: str
    direction: str
    occurred_at: UtcTime
    text: str
    text_truncated: bool


class ChannelCount(BaseModel):
    inbound: int
    outbound: int
    last_at: UtcTime


class ConversationSummary(BaseModel):
    id: UUID
    channel: str
    status: str
    subject: str | None
    first_at: UtcTime
    last_at: UtcTime


class ScoreShown(BaseModel):
    """A score as the customer file shows it, a row of `GET /v1/feedback`; a long comment is cut to 2 000 characters."""

    model_config = ConfigDict(extra="allow")

    id: UUID
    feedback_id: UUID
    measure: str
    dimension: str | None
    value: float
    scale: tuple[float, float]
    comment: str | None
    collected_at: UtcTime


class Average(BaseModel):
    """The mean of this customer's answers to one question, on the scale it was asked on last; of `nps`, too, it is the
    mean answer. Where the service as a whole was never scored, of its dimensions together."""

    value: float
    n: int
    scale: tuple[float, float]


class Trend(BaseModel):
    """The mean of the newest answers against that of as many before them: of three, or of half of them where there are
    fewer than six."""

    direction: Literal["up", "down", "flat"] = Field(
        description="`up` is better, also where a low value is; less than a twentieth of the scale is `flat`."
    )
    recent: float
    before: float
    n: int = Field(description="How many answers are in each of the two means.")


class FeedbackSummary(BaseModel):
    latest: list[ScoreShown] = Field(description="The 10 newest.")
    averages: dict[str, Average] = Field(description="By measure.")
    trend: dict[str, Trend | None] = Field(description="By measure; null after a single answer.")


class OpenRecovery(BaseModel):
    """An open task to win this customer back, as in `GET /v1/recoveries`."""

    model_config = ConfigDict(extra="allow")

    id: UUID
    reason: str
    owner: str | None
    due_at: UtcTime
    overdue: bool
    note: str | None
    first_value: float | None
    created_at: UtcTime


class SuggestedDuplicate(BaseModel):
    id: UUID
    customer_ids: list[UUID]
    score: float
    reasons: list[dict[str, Any]]
    status: str


class ConsentInForce(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    purpose: str
    channel: Channel | None = Field(description="null: every channel for which nothing else is in force.")
    status: ConsentStatus
    source: str | None
    proof: Any
    given_at: UtcTime


class CustomerFile(BaseModel):
    """Everything whoever answers the next call should see."""

    customer: CustomerRead
    today: list[TouchRead] = Field(description="Interactions of today, in the customer's time zone; newest first.")
    recent_interactions: list[TouchRead] = Field(description="The 20 newest.")
    channels: dict[str, ChannelCount]
    conversations: list[ConversationSummary] = Field(description="The open ones, latest first.")
    feedback: FeedbackSummary
    recoveries: list[OpenRecovery] = Field(description="Open tasks to win the customer back, the most urgent first.")
    consents: list[ConsentInForce] = Field(description="Those in force, one for each purpose and channel.")
    suggested_duplicates: list[SuggestedDuplicate]
