"""The statements of an import: a chunk is looked up in three and written in a handful."""

from app.core.jobs import FIND_DUPLICATES, SCAN_DUPLICATES

BY_INDEX = "SET LOCAL enable_seqscan = off"
"""An import may begin with empty tables and end with full ones: a plan that suits the beginning reads all of them."""

OWNERS = """
    SELECT s.kind, s.value, i.customer_id, i.shared
    FROM unnest($1::text[], $2::text[]) AS s(kind, value)
    CROSS JOIN LATERAL (
        (SELECT customer_id, shared FROM customer_identifier
         WHERE kind = s.kind AND value = s.value AND released_at IS NULL AND NOT shared LIMIT 1)
        UNION ALL
        (SELECT customer_id, shared FROM customer_identifier
         WHERE kind = s.kind AND value = s.value AND released_at IS NULL AND shared LIMIT 1)) AS i"""
"""One address after the other, by an index for each half: a table being filled has no statistics to plan by."""

ALIASES = "SELECT id, customer_id FROM customer_alias WHERE id = ANY ($1::uuid[])"

ERASED = "SELECT id FROM erased_customer WHERE id = ANY ($1::uuid[])"

SUPPRESSED = "SELECT digest, suppressed_at FROM suppressed_address WHERE digest = ANY ($1::text[])"

HOLD = """
    SELECT id, kind, status, display_name, given_name, family_name, language, time_zone, organization_id,
           attributes::text, preferences::text, version
    FROM customer WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"""

HELD = """
    SELECT customer_id, kind, value, shared FROM customer_identifier
    WHERE customer_id = ANY ($1::uuid[]) AND released_at IS NULL"""

ORGANIZATIONS = "SELECT id FROM customer WHERE id = ANY ($1::uuid[]) AND kind = 'organization'"

_VALUES = """
        id uuid, kind text, status text, display_name text, given_name text, family_name text, language text,
        time_zone text, organization_id uuid, attributes jsonb, preferences jsonb, search_words tsvector"""

OPEN = f"""
    INSERT INTO customer (id, created_at, updated_at, kind, status, display_name, given_name, family_name, language,
                          time_zone, organization_id, attributes, preferences, version, search_words)
    SELECT id, $2, $2, kind, status, display_name, given_name, family_name, language, time_zone, organization_id,
           attributes, preferences, 1, search_words
    FROM jsonb_to_recordset($1::jsonb) AS n({_VALUES})"""  # noqa: S608  put together from constants
"""Not a COPY, which cannot carry the words: asyncpg sends it in binary."""

UPDATE = f"""
    UPDATE customer AS c
    SET kind = n.kind, status = n.status, display_name = n.display_name, given_name = n.given_name,
        family_name = n.family_name, language = n.language, time_zone = n.time_zone,
        organization_id = n.organization_id, attributes = n.attributes, preferences = n.preferences,
        search_words = n.search_words, version = c.version + 1, updated_at = now()
    FROM jsonb_to_recordset($1::jsonb) AS n({_VALUES})
    WHERE c.id = n.id"""  # noqa: S608  put together from constants

HOLD_IMPORT = "SELECT status, done FROM customer_import WHERE id = $1 FOR UPDATE"

PROGRESS = """
    UPDATE customer_import
    SET done = done + $2, updated_at = now(),
        counts = (SELECT jsonb_object_agg(
                      name, coalesce((counts -> name)::int, 0) + coalesce(($3::jsonb -> name)::int, 0))
                  FROM unnest(ARRAY['created', 'updated', 'unchanged', 'duplicate', 'rejected']) AS name)
    WHERE id = $1"""

ENQUEUE_LATER = """
    INSERT INTO pgqueuer (priority, status, entrypoint, payload, execute_after)
    VALUES (0, 'queued', :name, convert_to(:id, 'UTF8'), now() + make_interval(secs => :pause))"""

_TOUCHED = "SELECT DISTINCT customer_id FROM import_row WHERE import_id = :id AND result IN ('created', 'updated')"
_ARE_FEW = f"""
    (SELECT count(*) FROM ({_TOUCHED}) AS touched)
    <= greatest(500, (SELECT reltuples FROM pg_class WHERE oid = 'customer'::regclass) / 20)"""  # noqa: S608  constants
SEEK_DUPLICATES = (
    f"{FIND_DUPLICATES}customer_id::text, 'UTF8') FROM ({_TOUCHED}) AS touched WHERE {_ARE_FEW}",
    f"""{SCAN_DUPLICATES}CAST(:scan_id AS text), 'UTF8')
        WHERE NOT {_ARE_FEW}
          AND NOT EXISTS (SELECT FROM pgqueuer WHERE entrypoint = 'scan_duplicates' AND status = 'queued')""",
)
"""For each customer of a small import; after a large one all are compared, which costs less than one by one."""

RESULTS = """
    SELECT line, result, customer_id, reasons::text, undone FROM import_row
    WHERE import_id = $1 AND line > $2 AND ($3::text IS NULL OR result = $3)
    ORDER BY line LIMIT $4"""

NOT_UNDONE = """
    SELECT line, customer_id, changes::text FROM import_row
    WHERE import_id = $1 AND result = $2 AND undone IS NULL
    ORDER BY line DESC LIMIT $3"""
"""The last first: a field changed by two rows goes back the way it came."""

UNTOUCHED = """
    SELECT c.id FROM customer AS c
    WHERE c.id = ANY ($2::uuid[])
      AND c.version = (SELECT max(r.version) FROM import_row AS r WHERE r.import_id = $1 AND r.customer_id = c.id)
    ORDER BY c.id FOR UPDATE"""
"""Customers as the import $1 left them."""

DELETE = (
    "DELETE FROM duplicate_suggestion WHERE customer_a_id = ANY ($1::uuid[]) OR customer_b_id = ANY ($1::uuid[])",
    "DELETE FROM identity_journal WHERE customer_id = ANY ($1::uuid[]) AND rule = 'imported'",
    """DELETE FROM customer_identifier
       WHERE customer_id = ANY ($1::uuid[]) AND released_at IS NULL AND last_seen_at <= created_at""",
    "DELETE FROM customer WHERE id = ANY ($1::uuid[])",
    """INSERT INTO change (type, customer_id, subject_id, data, at)
       SELECT 'customer.erased', id, id, '{}', now() FROM unnest($1::uuid[]) AS id""",
)
"""Customers with what the import gave them; a foreign key stops it where there is more."""

RELEASE = """
    WITH released AS (
        UPDATE customer_identifier AS i SET released_at = now(), updated_at = now()
        FROM jsonb_to_recordset($1::jsonb) AS s(id uuid, customer_id uuid, entry uuid)
        WHERE i.id = s.id AND i.customer_id = s.customer_id AND i.released_at IS NULL
          AND i.updated_at = i.created_at AND i.last_seen_at <= i.created_at
        RETURNING i.id, i.customer_id, i.kind, i.value, i.confidence, s.entry),
    journalled AS (
        INSERT INTO identity_journal (id, created_at, updated_at, customer_id, rule, confidence, identifier_kind,
                                      identifier_value, details)
        SELECT entry, now(), now(), customer_id, 'released', confidence, kind, value, '{}' FROM released),
    told AS (
        INSERT INTO change (type, customer_id, subject_id, data, at)
        SELECT 'identifier.released', customer_id, id, jsonb_build_object('kind', kind), now() FROM released)
    SELECT id FROM released"""
"""Addresses that were neither changed nor used since they came."""

TELL_UPDATED = """
    INSERT INTO change (type, customer_id, subject_id, data, at)
    SELECT 'customer.updated', id, id, jsonb_build_object('fields', fields), now()
    FROM jsonb_to_recordset($1::jsonb) AS s(id uuid, fields jsonb)"""

SETTLE = """
    UPDATE import_row AS r SET undone = s.undone, reasons = r.reasons || s.reasons, changes = '{}'
    FROM jsonb_to_recordset($2::jsonb) AS s(line int, undone text, reasons jsonb)
    WHERE r.import_id = $1 AND r.line = s.line"""
