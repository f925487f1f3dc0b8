"""Filing: whose the messages are, joined with their recording (`app.interactions.queries`) into one statement."""

from app.interactions.queries import MESSAGES, RECORD

_GIVEN = """
        SELECT m.n, m.customer_id, m.rule, m.identifier_kind AS kind, m.identifier_value AS value, m.confidence
        FROM fresh AS m WHERE m.customer_id IS NOT NULL OR m.unfiled"""

FILE_KNOWN = f"""
WITH {MESSAGES},
    opened AS (SELECT NULL::uuid AS id WHERE false),
    owner AS ({_GIVEN}
        UNION ALL
        SELECT m.n, match.customer_id, 'identifier', match.kind, match.value, match.confidence
        FROM fresh AS m
        CROSS JOIN LATERAL (
            SELECT (array_agg(i.customer_id))[1] AS customer_id, (array_agg(s.kind ORDER BY s.rank))[1] AS kind,
                   (array_agg(s.value ORDER BY s.rank))[1] AS value,
                   (array_agg(i.confidence ORDER BY s.rank))[1] AS confidence
            FROM unnest(m.kinds, m.identifiers) WITH ORDINALITY AS s(kind, value, rank)
            LEFT JOIN customer_identifier AS i
                   ON i.kind = s.kind AND i.value = s.value AND i.released_at IS NULL AND NOT i.shared
            HAVING count(DISTINCT i.customer_id) = 1 AND count(i.id) = count(*)) AS match
        WHERE m.customer_id IS NULL AND NOT m.unfiled),
    {RECORD}"""  # noqa: S608  put together from constants
"""Files what needs no decision: messages of one known customer, of a given one, or of nobody. $1 to $11 as `RECORD`."""

FILE_DECIDED = f"""
WITH {MESSAGES},
    opened AS (
        INSERT INTO customer (id, created_at, updated_at, kind, status, display_name, language, attributes, preferences,
                              version, first_contact_at, last_contact_at)
        SELECT id, now(), now(), 'person', 'provisional', display_name, language, '{{}}', '{{}}', 1, first_at, last_at
        FROM jsonb_to_recordset($12::jsonb) AS c(id uuid, display_name text, language text, first_at timestamptz,
                                                 last_at timestamptz)
        WHERE id IN (SELECT customer_id FROM fresh)
        RETURNING id),
    identified AS (
        INSERT INTO customer_identifier (id, created_at, updated_at, customer_id, kind, value, raw, confidence, shared,
                                         first_seen_at, last_seen_at)
        SELECT id, now(), now(), customer_id, kind, value, raw, confidence, false, at, at
        FROM jsonb_to_recordset($13::jsonb) AS i(id uuid, customer_id uuid, kind text, value text, raw text,
                                                 confidence text, at timestamptz)
        WHERE customer_id IN (SELECT customer_id FROM fresh)),
    noted AS (
        INSERT INTO identity_journal (id, created_at, updated_at, customer_id, rule, confidence, identifier_kind,
                                      identifier_value, details)
        SELECT id, now(), now(), customer_id, rule, confidence, identifier_kind, identifier_value, details
        FROM jsonb_to_recordset($14::jsonb) AS e(id uuid, customer_id uuid, rule text, confidence text,
                                                 identifier_kind text, identifier_value text, details jsonb)
        WHERE customer_id IN (SELECT customer_id FROM fresh)),
    suggested AS (
        INSERT INTO duplicate_suggestion (id, created_at, updated_at, customer_a_id, customer_b_id, score, reasons,
                                          status)
        SELECT id, now(), now(), a, b, score, reasons, 'open'
        FROM jsonb_to_recordset($15::jsonb) AS s(id uuid, a uuid, b uuid, score float8, reasons jsonb)
        WHERE EXISTS (SELECT FROM fresh WHERE fresh.customer_id IN (a, b))
        ON CONFLICT (customer_a_id, customer_b_id) DO NOTHING),
    owner AS ({_GIVEN}),
    {RECORD}"""  # noqa: S608  put together from constants
"""Files what `app.identity.resolution` decided: opens files, adds identifiers, journals, suggests, each only where a
message needs it that was not recorded meanwhile. $1 to $11 as `RECORD`, $12 files to open, $13 identifiers, $14 journal
entries, $15 suggested duplicates."""

KEEP_UNFILED = """
INSERT INTO inbound_request (id, created_at, updated_at, source, provider, status, reason, method, path, query, headers,
                             body, fingerprint)
VALUES ($1, now(), now(), $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11)
ON CONFLICT (source, fingerprint) WHERE status <> 'filed' DO NOTHING"""

APPLY_RECEIPTS = """
WITH receipt AS (
        SELECT DISTINCT ON (r.external_id) r.*
        FROM (SELECT *, array_position(ARRAY['sent', 'delivered', 'read', 'failed'], status) AS rank
              FROM jsonb_to_recordset($1::jsonb) AS r(external_id text, status text, event text, error_code text)) AS r
        ORDER BY r.external_id, r.rank DESC),
    known AS (
        SELECT i.id, r.* FROM receipt AS r
        JOIN interaction AS i ON i.source = $3::text AND i.external_id = r.external_id AND i.direction = 'outbound'),
    moved AS (
        -- Receipts overtake each other: a status only moves forward.
        UPDATE interaction AS i
        SET status = known.status, version = i.version + 1, updated_at = now(),
            attributes = i.attributes || jsonb_strip_nulls(
                jsonb_build_object('receipt', known.event, 'error_code', known.error_code))
        FROM known
        WHERE i.id = known.id
          AND known.rank > coalesce(array_position(ARRAY['sent', 'delivered', 'read', 'failed'], i.status::text), 0)
        RETURNING i.id),
    kept AS (
        INSERT INTO inbound_request AS q (id, created_at, updated_at, source, provider, status, method, path, query,
                                          headers, body, fingerprint)
        SELECT $2::uuid, now(), now(), $3, $4::text, 'filed', $5::text, $6::text, $7::bytea, $8::jsonb, $9::bytea,
               $10::bytea
        WHERE EXISTS (SELECT FROM moved)
        ON CONFLICT (id) DO UPDATE SET status = 'filed', reason = NULL, updated_at = now())
SELECT count(*) FROM known"""
"""$1 receipts, $2 to $10 the raw request → how many of the receipts speak of messages we know."""

REMEMBER_NONCE = """
INSERT INTO webhook_nonce AS known (source, value, digest, seen_at) VALUES ($1, $2, $3, now())
ON CONFLICT (source, value) DO UPDATE SET digest = known.digest
RETURNING digest"""
"""The digest this nonce first came with."""

FORGET_NONCES = "DELETE FROM webhook_nonce WHERE seen_at < now() - interval '30 days'"
