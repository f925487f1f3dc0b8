"""Every table, imported once, so that Alembic and the metadata know them all."""

from sqlmodel import SQLModel

from app.auth import ApiKey
from app.changes.models import Change
from app.core.audit import AuditEntry
from app.core.idempotency import IdempotencyKey
from app.customers.models import (
    Consent,
    Customer,
    CustomerAlias,
    CustomerIdentifier,
    CustomerRequest,
    ErasedCustomer,
    IdentityEntry,
    SuppressedAddress,
)
from app.customers.policies import KindPolicy
from app.feedback.models import Feedback, FeedbackScore, Recovery
from app.feedback.surveys.models import Survey, SurveyInvitation, SurveyVersion
from app.identity.models import BlockingKey, DuplicateScan, DuplicateSuggestion, Merge, ValueCount
from app.imports.models import CustomerImport, ImportRow
from app.ingest.models import InboundRequest, Source, WebhookNonce
from app.interactions.models import (
    Attachment,
    Conversation,
    ConversationReference,
    ForgottenMessage,
    Interaction,
    InteractionRequest,
    StatusRow,
)
from app.rights.models import RetentionRun

metadata = SQLModel.metadata

__all__ = [
    "ApiKey",
    "Attachment",
    "AuditEntry",
    "BlockingKey",
    "Change",
    "Consent",
    "Conversation",
    "ConversationReference",
    "Customer",
    "CustomerAlias",
    "CustomerIdentifier",
    "CustomerImport",
    "CustomerRequest",
    "DuplicateScan",
    "DuplicateSuggestion",
    "ErasedCustomer",
    "Feedback",
    "FeedbackScore",
    "ForgottenMessage",
    "IdempotencyKey",
    "IdentityEntry",
    "ImportRow",
    "InboundRequest",
    "Interaction",
    "InteractionRequest",
    "KindPolicy",
    "Merge",
    "Recovery",
    "RetentionRun",
    "Source",
    "StatusRow",
    "SuppressedAddress",
    "Survey",
    "SurveyInvitation",
    "SurveyVersion",
    "ValueCount",
    "WebhookNonce",
    "metadata",
]
