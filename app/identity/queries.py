"""What identity resolution finds, in the words of the statements that write it."""

from app.core.jobs import FIND_DUPLICATES


def brought(first: int) -> str:
    """What a resolution brings to the customers of `fresh`: four parameters from this number on, the rows of `Findings`
    as JSON: files to open, identifiers, journal entries, suggested duplicates. Whoever has a new identifier may be
    somebody known."""
    return f"""
    opened AS (
        INSERT INTO customer (id, created_at, updated_at, kind, status, display_name, language, attributes, preferences,
                              version, first_contact_at, last_contact_at, search_words)
        SELECT id, now(), now(), 'person', 'provisional', display_name, language, '{{}}', '{{}}', 1, first_at, last_at,
               search_words
        FROM jsonb_to_recordset(${first}::jsonb) AS c(id uuid, display_name text, language text, search_words tsvector,
                                                       first_at timestamptz, last_at timestamptz)
        WHERE id IN (SELECT customer_id FROM fresh)
        RETURNING id),
    identified AS (
        INSERT INTO customer_identifier (id, created_at, updated_at, customer_id, kind, value, raw, confidence, shared,
                                         first_seen_at, last_seen_at, opted_out_at)
        SELECT id, now(), now(), customer_id, kind, value, raw, confidence, shared, at, at,
               (SELECT min(s.suppressed_at) FROM suppressed_address AS s WHERE s.digest = ANY (i.digests))
        FROM jsonb_to_recordset(${first + 1}::jsonb) AS i(id uuid, customer_id uuid, kind text, value text, raw text,
                                                 confidence text, shared bool, at timestamptz,
                                                 digests text[])
        WHERE customer_id IN (SELECT customer_id FROM fresh)
        RETURNING id, customer_id, kind),
    sought AS ({FIND_DUPLICATES}customer_id::text, 'UTF8') FROM identified),
    noted AS (
        INSERT INTO identity_journal (id, created_at, updated_at, customer_id, rule, confidence, identifier_kind,
                                      identifier_value, details)
        SELECT id, now(), now(), customer_id, rule, confidence, identifier_kind, identifier_value, details
        FROM jsonb_to_recordset(${first + 2}::jsonb) AS e(id uuid, customer_id uuid, rule text, confidence text,
                                                 identifier_kind text, identifier_value text, details jsonb)
        WHERE customer_id IN (SELECT customer_id FROM fresh)),
    suggested AS ({_suggest(first + 3, "EXISTS (SELECT FROM fresh WHERE fresh.customer_id IN (a, b))")})"""  # noqa: S608  put together from constants


def _suggest(rows: int, condition: str) -> str:
    return f"""
        INSERT INTO duplicate_suggestion (id, created_at, updated_at, customer_a_id, customer_b_id, score, reasons,
                                          status)
        SELECT id, now(), now(), a, b, score, reasons, 'open'
        FROM jsonb_to_recordset(${rows}::jsonb) AS s(id uuid, a uuid, b uuid, score float8, reasons jsonb)
        WHERE {condition}
        ON CONFLICT (customer_a_id, customer_b_id) DO NOTHING"""  # noqa: S608  constants


SUGGEST = _suggest(1, "true")
"""Rows ($1) as `app.identity.findings.suggestion` makes them; a pair that was suggested before stays as it is."""
