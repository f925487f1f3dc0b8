"""Filing: whose the messages are, joined with their recording (`app.interactions.queries`) into one statement."""

from app.identity.queries import brought
from app.interactions.queries import BROUGHT_CHANGES, MEDIA, MESSAGES, RECORD, RESULT

_GIVEN = """
        SELECT m.n, coalesce((SELECT a.customer_id FROM customer_alias AS a WHERE a.id = m.customer_id), m.customer_id)
                        AS customer_id,
               m.rule, m.identifier_kind AS kind, m.identifier_value AS value, m.confidence
        FROM fresh AS m WHERE m.customer_id IS NOT NULL OR m.unfiled"""

_KNOWN = f"""
WITH {MESSAGES},
    opened AS (SELECT NULL::uuid AS id WHERE false),
    identified AS (SELECT NULL::uuid AS id, NULL::uuid AS customer_id, NULL::text AS kind WHERE false),
    owner AS ({_GIVEN}
        UNION ALL
        -- The owner of the strongest identifier, where all the others are theirs as well.
        SELECT m.n, i.customer_id, 'identifier', i.kind, i.value, i.confidence
        FROM fresh AS m
        JOIN customer_identifier AS i
          ON i.kind = m.kinds[1] AND i.value = m.identifiers[1] AND i.released_at IS NULL AND NOT i.shared
         AND (m.valid_since[1] IS NULL OR i.last_seen_at >= m.valid_since[1])
        WHERE m.customer_id IS NULL AND m.undecided IS NOT TRUE
          AND (cardinality(m.kinds) = 1 OR NOT EXISTS (
              SELECT FROM unnest(m.kinds[2:], m.identifiers[2:], m.valid_since[2:]) AS s(kind, value, since)
              LEFT JOIN customer_identifier AS other
                     ON other.kind = s.kind AND other.value = s.value AND other.released_at IS NULL
                    AND NOT other.shared AND (s.since IS NULL OR other.last_seen_at >= s.since)
              WHERE other.customer_id IS DISTINCT FROM i.customer_id))),
    {RECORD}"""  # noqa: S608  put together from constants

FILE_KNOWN = _KNOWN + RESULT
"""Files what needs no decision: messages of one known customer, of a given one, or of nobody. $1 to $11 as `RECORD`."""


_DECIDED = f"""
WITH {MESSAGES},{brought(12)},
    owner AS ({_GIVEN}),
    {RECORD}"""

FILE_DECIDED = _DECIDED + RESULT
"""Files what `app.identity.resolution` decided: opens files, adds identifiers, journals, suggests, each only where a
message needs it that was not recorded meanwhile. $1 to $11 as `RECORD`, $12 files to open, $13 identifiers, $14 journal
entries, $15 suggested duplicates."""

ADOPT = f"""
WITH fresh AS (SELECT $2::uuid AS customer_id),{brought(8)},
    touched AS (
        UPDATE customer
        SET first_contact_at = least(first_contact_at, $7), last_contact_at = greatest(last_contact_at, $7)
        WHERE id = $2),
    journalled AS (
        INSERT INTO identity_journal (id, created_at, updated_at, customer_id, interaction_id, rule, confidence,
                                      identifier_kind, identifier_value, details)
        VALUES ($1, now(), now(), $2, $1, $3, $6, $4, $5, '{{}}')),
    changed AS (
        INSERT INTO change (type, customer_id, subject_id, data, at)
        {BROUGHT_CHANGES}
        UNION ALL SELECT 'interaction.filed', $2, $1, jsonb_build_object('from', NULL), now())
UPDATE interaction SET customer_id = $2 WHERE id = $1"""  # noqa: S608  put together from constants
"""Files the interaction $1, which was nobody's, under $2: decided by rule $3 on the identifier $4 to $6; it occurred at
$7. $8 files to open, $9 identifiers, $10 journal entries, $11 suggested duplicates."""

FILE_KNOWN_WITH_MEDIA = f"{_KNOWN}, {MEDIA} {RESULT}"
FILE_DECIDED_WITH_MEDIA = f"{_DECIDED}, {MEDIA} {RESULT}"
"""The same for messages that bring files or have to be completed."""

KEEP = """
INSERT INTO inbound_request (id, created_at, updated_at, source, provider, status, reason, method, path, query, headers,
                             body, fingerprint)
VALUES ($1, now(), now(), $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11)
ON CONFLICT DO NOTHING"""
"""A request by itself; unfiled, the same bytes are kept once."""

CONFIRM = """
INSERT INTO pgqueuer (priority, status, entrypoint, payload)
SELECT 0, 'queued', 'confirm', convert_to(id::text, 'UTF8') FROM inbound_request WHERE id = $1"""
"""The job that visits what the kept request ($1) wants visited."""

APPLY_RECEIPTS = """
WITH receipt AS (
        SELECT *, array_position(ARRAY['sent', 'delivered', 'read', 'failed'], status) AS rank
        FROM jsonb_to_recordset($1::jsonb) AS r(external_id text, status text, event text, at timestamptz,
                                                error_code text, kind text, value text)),
    known AS (
        SELECT i.id AS interaction_id, r.* FROM receipt AS r
        JOIN interaction AS i ON i.source = $3::text AND i.direction = 'outbound'
                             AND (i.external_id = r.external_id OR i.message_id = r.external_id)
        LEFT JOIN customer AS c ON c.id = i.customer_id
        WHERE c.status IS DISTINCT FROM 'anonymized'),
    forgotten AS (
        -- Of messages whose recipient is forgotten: their news would name them again, and is not kept.
        SELECT FROM receipt AS r
        JOIN forgotten_message AS f ON f.digest = sha256(convert_to($3::text || ':' || r.external_id, 'UTF8'))),
    told AS (
        INSERT INTO interaction_status (id, created_at, updated_at, interaction_id, event, recipient, occurred_at,
                                        error_code, inbound_request_id)
        SELECT gen_random_uuid(), now(), now(), k.interaction_id, k.event, coalesce(k.value, ''), k.at, k.error_code,
               $2::uuid
        FROM known AS k
        ON CONFLICT (interaction_id, event, recipient) DO NOTHING
        RETURNING interaction_id),
    moved AS (
        -- Receipts overtake each other: a status only moves forward.
        UPDATE interaction AS i
        SET status = latest.status, version = i.version + 1, updated_at = now()
        FROM (SELECT DISTINCT ON (interaction_id) interaction_id, status, rank FROM known WHERE rank IS NOT NULL
              ORDER BY interaction_id, rank DESC) AS latest
        WHERE i.id = latest.interaction_id
          AND latest.rank > coalesce(array_position(ARRAY['sent', 'delivered', 'read', 'failed'], i.status::text), 0)
        RETURNING i.id, i.customer_id, i.status),
    addressed AS (
        SELECT i.id FROM receipt AS r
        JOIN customer_identifier AS i ON i.kind = r.kind AND i.value = r.value AND i.released_at IS NULL
        WHERE r.event IN ('bounced', 'complained', 'unsubscribed')),
    flagged AS (
        -- The address itself: nothing arrives there any more, or its owner wants nothing any more.
        UPDATE customer_identifier AS i
        SET undeliverable_at = CASE WHEN r.bounced THEN coalesce(i.undeliverable_at, r.at) ELSE i.undeliverable_at END,
            opted_out_at = CASE WHEN r.refused THEN coalesce(i.opted_out_at, r.at) ELSE i.opted_out_at END
        FROM (SELECT kind, value, max(at) AS at, bool_or(event = 'bounced') AS bounced,
                     bool_or(event IN ('complained', 'unsubscribed')) AS refused
              FROM receipt WHERE event IN ('bounced', 'complained', 'unsubscribed') GROUP BY kind, value) AS r
        WHERE i.kind = r.kind AND i.value = r.value AND i.released_at IS NULL
          AND ((r.bounced AND i.undeliverable_at IS NULL) OR (r.refused AND i.opted_out_at IS NULL))
        RETURNING i.id, i.customer_id, i.kind, r.bounced, r.refused),
    changed AS (
        INSERT INTO change (type, customer_id, subject_id, data, at)
        SELECT 'interaction.status', customer_id, id,
               jsonb_build_object('status', status, 'fields', jsonb_build_array('status')), now() FROM moved
        UNION ALL
        SELECT 'identifier.updated', customer_id, id,
               jsonb_build_object('kind', kind, 'fields', to_jsonb(array_remove(ARRAY[
                   CASE WHEN bounced THEN 'undeliverable_at' END, CASE WHEN refused THEN 'opted_out_at' END], NULL))),
               now()
        FROM flagged),
    kept AS (
        INSERT INTO inbound_request AS q (id, created_at, updated_at, source, provider, status, method, path, query,
                                          headers, body, fingerprint)
        SELECT $2::uuid, now(), now(), $3, $4::text, 'filed', $5::text, $6::text, $7::bytea, $8::jsonb, $9::bytea,
               $10::bytea
        WHERE EXISTS (SELECT FROM told) OR EXISTS (SELECT FROM flagged)
        ON CONFLICT (id) DO UPDATE SET status = 'filed', reason = NULL, updated_at = now()),
    linked AS (
        INSERT INTO customer_request (customer_id, inbound_request_id)
        SELECT DISTINCT customer_id, $2::uuid FROM flagged
        ON CONFLICT DO NOTHING)
SELECT (SELECT count(*) FROM known) + (SELECT count(*) FROM addressed) + (SELECT count(*) FROM forgotten)"""
"""$1 receipts, $2 to $10 the raw request → how many of the receipts speak of messages or addresses we know."""

OPT = """
WITH opted AS (
        UPDATE customer_identifier AS i SET opted_out_at = CASE WHEN $3 THEN coalesce(i.opted_out_at, $4) END
        FROM unnest($1::text[], $2::text[]) AS s(kind, value)
        WHERE i.kind = s.kind AND i.value = s.value AND i.released_at IS NULL
          AND CASE WHEN $3 THEN i.opted_out_at IS NULL ELSE i.opted_out_at <= $4 END
        RETURNING i.id, i.customer_id, i.kind)
INSERT INTO change (type, customer_id, subject_id, data, at)
SELECT 'identifier.updated', customer_id, id,
       jsonb_build_object('kind', kind, 'fields', jsonb_build_array('opted_out_at')), now()
FROM opted"""
"""The sender's addresses, $1 kinds and $2 values, opt out ($3 true) or in again, at $4. Messages overtake each
other: opting in undoes no later opting out."""

REMEMBER_NONCE = """
INSERT INTO webhook_nonce AS known (source, value, digest, seen_at) VALUES ($1, $2, $3, now())
ON CONFLICT (source, value) DO UPDATE SET digest = known.digest
RETURNING digest"""
"""The digest this nonce first came with."""

FORGET_NONCES = "DELETE FROM webhook_nonce WHERE seen_at < now() - interval '30 days'"
