"""Forgetting a person: what names them goes, that something happened stays, and so does the provider's message id, or
a redelivery would bring the message back.

The statements name tables of the rooms above, as the customer file does: whoever adds a table with a person's data
adds it here.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from app.changes.models import ChangeType
from app.changes.service import tell
from app.core.audit import Action, concerns
from app.core.dependencies import check_version
from app.customers.addresses import IdentifierPolicy
from app.customers.models import CustomerIdentifier, SuppressedAddress
from app.customers.service import hold

ANONYMIZING = (
    # Answers kept for Idempotency-Key: a repetition stays harmless, but tells nothing any more.
    """UPDATE idempotency_key SET body = '{}'
       WHERE EXISTS (
           SELECT FROM (SELECT CAST(:customer_id AS uuid) AS id
                        UNION ALL SELECT id FROM customer_alias WHERE customer_id = :customer_id
                        UNION ALL SELECT id FROM customer_identifier WHERE customer_id = :customer_id
                        UNION ALL SELECT id FROM interaction WHERE customer_id = :customer_id) AS erased
           WHERE position(convert_to(erased.id::text, 'UTF8') IN body) > 0)""",
    """UPDATE inbound_request SET body = '', query = '', headers = '{}', updated_at = now()
       WHERE id IN (SELECT inbound_request_id FROM interaction WHERE customer_id = :customer_id
                    UNION ALL
                    SELECT s.inbound_request_id FROM interaction_status AS s
                    JOIN interaction AS i ON i.id = s.interaction_id WHERE i.customer_id = :customer_id
                    UNION ALL
                    SELECT r.inbound_request_id FROM interaction_request AS r
                    JOIN interaction AS i ON i.id = r.interaction_id WHERE i.customer_id = :customer_id)""",
    # Receipts that come later would name the recipient again.
    """INSERT INTO forgotten_message (digest)
       SELECT sha256(convert_to(source || ':' || told.id, 'UTF8'))
       FROM interaction, unnest(ARRAY[external_id, message_id]) AS told(id)
       WHERE customer_id = :customer_id AND direction = 'outbound' AND told.id IS NOT NULL
       ON CONFLICT DO NOTHING""",
    """DELETE FROM interaction_status AS s USING interaction AS i
       WHERE i.id = s.interaction_id AND i.customer_id = :customer_id
         AND EXISTS (SELECT FROM interaction_status AS first WHERE first.interaction_id = s.interaction_id
                     AND first.event = s.event AND first.id < s.id)""",
    """UPDATE interaction_status SET recipient = '', updated_at = now()
       WHERE interaction_id IN (SELECT id FROM interaction WHERE customer_id = :customer_id)""",
    """DELETE FROM conversation_reference WHERE customer_id = :customer_id""",
    """UPDATE conversation SET subject = NULL, pair_key = NULL, status = 'closed', updated_at = now()
       WHERE customer_id = :customer_id""",
    """UPDATE interaction
       SET subject = NULL, text = '', html = NULL, reply_text = NULL, location = NULL, attachments = '[]',
           attributes = '{}', message_id = NULL, search_words = '', version = version + 1, updated_at = now(),
           sender_kind = NULL, sender_value = NULL, sender_name = NULL,
           recipient_kind = NULL, recipient_value = NULL, recipient_name = NULL
       WHERE customer_id = :customer_id""",
    """UPDATE attachment
       SET state = 'failed', reason = 'forgotten', name = NULL, content_type = 'application/octet-stream', size = NULL,
           content_id = NULL, url = NULL, provider_id = NULL, updated_at = now()
       WHERE interaction_id IN (SELECT id FROM interaction WHERE customer_id = :customer_id)""",
    # The content goes after the commit: a rolled-back erasure must not have removed it.
    """INSERT INTO pgqueuer (priority, status, entrypoint, payload)
       SELECT 0, 'queued', 'forget_file', convert_to(id::text, 'UTF8') FROM attachment
       WHERE interaction_id IN (SELECT id FROM interaction WHERE customer_id = :customer_id)""",
    """UPDATE identity_journal SET identifier_value = NULL, details = '{}', updated_at = now()
       WHERE customer_id = :customer_id""",
    """UPDATE consent SET source = NULL, proof = NULL, updated_at = now() WHERE customer_id = :customer_id""",
    """UPDATE feedback SET comment = NULL, case_reference = NULL, order_reference = NULL, version = version + 1,
                          updated_at = now()
       WHERE customer_id = :customer_id""",
    # The link goes, too.
    """UPDATE survey_invitation
       SET token_hash = sha256(convert_to(gen_random_uuid()::text, 'UTF8')), occasion = NULL, answers = '{}',
           case_reference = NULL, order_reference = NULL, version = version + 1, updated_at = now()
       WHERE customer_id = :customer_id""",
    """UPDATE recovery SET note = NULL, version = version + 1, updated_at = now() WHERE customer_id = :customer_id""",
    # What rows changed names the file they found, which may have been merged into this one since.
    """UPDATE import_row SET changes = '{}'
       WHERE customer_id IN (SELECT CAST(:customer_id AS uuid) UNION ALL
                             SELECT id FROM customer_alias WHERE customer_id = :customer_id)""",
    """DELETE FROM duplicate_suggestion WHERE :customer_id IN (customer_a_id, customer_b_id)""",
    """UPDATE merge SET trace = '{}', updated_at = now() WHERE survivor_id = :customer_id""",
    """DELETE FROM blocking_key WHERE customer_id = :customer_id""",
    """DELETE FROM customer_identifier WHERE customer_id = :customer_id""",
    # Behind the identifiers: what tells of one at this moment had to be waited for.
    """UPDATE inbound_request SET body = '', query = '', headers = '{}', updated_at = now()
       WHERE id IN (SELECT inbound_request_id FROM customer_request WHERE customer_id = :customer_id)""",
    """UPDATE customer
       SET status = 'anonymized', display_name = NULL, given_name = NULL, family_name = NULL, organization_id = NULL,
           search_words = '', attributes = '{}', preferences = '{}', version = version + 1, updated_at = now()
       WHERE id = :customer_id""",
)


async def anonymize(
    session: AsyncSession, policy: IdentifierPolicy, customer_id: UUID, *, expected_version: int | None
) -> UUID:
    """A raw request that carried messages of several customers is emptied for all of them: it cannot be parted."""
    customer = await hold(session, customer_id)
    concerns(customer.id, Action.erase)
    check_version(customer.version, expected_version)
    await _suppress(session, policy, customer.id)
    for statement in ANONYMIZING:
        await session.execute(text(statement), {"customer_id": customer.id})
    tell(session, ChangeType.customer_erased, customer.id, customer.id)
    return customer.id


async def _suppress(session: AsyncSession, policy: IdentifierPolicy, customer_id: UUID) -> None:
    """Addresses that wanted nothing any more are recognised when they come again, though no longer known."""
    opted_out = await session.execute(
        select(CustomerIdentifier.kind, CustomerIdentifier.value, CustomerIdentifier.opted_out_at).where(
            CustomerIdentifier.customer_id == customer_id, col(CustomerIdentifier.opted_out_at).is_not(None)
        )
    )
    for kind, value, since in opted_out.all():
        kept = insert(SuppressedAddress).values(digest=policy.digests(kind, value)[0], suppressed_at=since)
        await session.execute(kept.on_conflict_do_nothing())
