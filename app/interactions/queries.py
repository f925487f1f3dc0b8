"""Recording interactions: one statement for one message or for a thousand, from every road into the file.

`RECORD` is the tail of a statement whose head (`app.ingest.queries`) says whose each message is. It expects
`message` (the rows of $1), `owner` (n, customer_id, rule, kind, value, confidence) and `opened` (id: files
the same statement opens), and takes $2 to $10: the raw inbound request, all NULL where there is none, and
$11: the conversation window.

Everything hangs on what `recorded` really inserted, so a redelivery changes nothing, even one that overtakes the first
delivery. Foreign keys are checked when the statement ends, so their rows may come in any order.
"""

MESSAGES = """
    message AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS m(
            n int, id uuid, customer_id uuid, rule text, identifier_kind text, identifier_value text, confidence text,
            actor text, kinds text[], identifiers text[], unfiled bool, thread text, new_conversation_id uuid,
            our_address text, references_ids text[], channel text, direction text, kind text, status text, source text,
            provider text, external_id text, message_id text, occurred_at timestamptz, received_at timestamptz,
            subject text, text text, html text, reply_text text, language text, sender_kind text, sender_value text,
            sender_name text, recipient_kind text, recipient_value text, recipient_name text, automatic bool,
            agent text, duration_s int, location text, attachments jsonb, attributes jsonb)),
    known AS (
        SELECT m.n, i.id, i.customer_id, i.conversation_id
        FROM message AS m
        JOIN interaction AS i ON i.source = m.source AND i.external_id = m.external_id),
    fresh AS (
        SELECT * FROM message AS m WHERE NOT EXISTS (SELECT FROM known WHERE known.n = m.n))"""

RECORD = """
    contact AS (
        SELECT o.customer_id, min(m.occurred_at) AS first_at, max(m.occurred_at) AS last_at,
               min(m.sender_name) FILTER (WHERE m.direction = 'inbound') AS name
        FROM owner AS o JOIN fresh AS m USING (n)
        WHERE o.customer_id IS NOT NULL GROUP BY o.customer_id),
    held AS (
        -- Nothing returns to a file that was erased since its owner was looked up.
        SELECT c.id FROM customer AS c JOIN contact ON contact.customer_id = c.id
        WHERE c.status <> 'anonymized'
        ORDER BY c.id FOR NO KEY UPDATE OF c),
    touched AS (
        UPDATE customer AS c
        SET first_contact_at = least(c.first_contact_at, contact.first_at),
            last_contact_at = greatest(c.last_contact_at, contact.last_at),
            display_name = coalesce(c.display_name, contact.name),
            version = c.version + (c.display_name IS NULL AND contact.name IS NOT NULL)::int,
            updated_at = CASE WHEN c.display_name IS NULL AND contact.name IS NOT NULL
                              THEN now() ELSE c.updated_at END
        FROM held JOIN contact ON contact.customer_id = held.id
        WHERE c.id = held.id
        RETURNING c.id),
    filed AS (
        SELECT m.*, o.customer_id AS owner_id, o.rule AS link_rule, o.kind AS link_kind, o.value AS link_value,
               o.confidence AS link_confidence
        FROM owner AS o JOIN fresh AS m USING (n)
        WHERE m.unfiled OR o.customer_id IN (SELECT id FROM touched UNION ALL SELECT id FROM opened)),
    seen AS (
        UPDATE customer_identifier AS i SET last_seen_at = sighting.at
        FROM (SELECT f.owner_id, s.kind, s.value, max(f.occurred_at) AS at
              FROM filed AS f, unnest(f.kinds, f.identifiers) AS s(kind, value)
              WHERE f.direction = 'inbound' GROUP BY f.owner_id, s.kind, s.value) AS sighting
        WHERE i.kind = sighting.kind AND i.value = sighting.value AND i.released_at IS NULL AND NOT i.shared
          AND i.customer_id = sighting.owner_id  -- another's is not ours to change: only the owner's row is held
          AND i.last_seen_at < sighting.at),
    answered AS (
        SELECT f.n, (
            SELECT i.conversation_id FROM interaction AS i
            WHERE i.message_id = ANY (f.references_ids) AND i.customer_id = f.owner_id
              AND i.conversation_id IS NOT NULL
            UNION ALL
            SELECT i.conversation_id FROM interaction AS i
            WHERE i.source = f.source AND i.external_id = ANY (f.references_ids) AND i.customer_id = f.owner_id
              AND i.conversation_id IS NOT NULL
            LIMIT 1) AS conversation_id
        FROM filed AS f WHERE cardinality(f.references_ids) > 0 AND f.owner_id IS NOT NULL),
    continued AS (
        UPDATE conversation AS c
        SET last_at = greatest(c.last_at, latest.at), status = 'open', updated_at = now()
        FROM (SELECT a.conversation_id, max(f.occurred_at) AS at FROM answered AS a JOIN filed AS f USING (n)
              GROUP BY a.conversation_id) AS latest
        WHERE c.id = latest.conversation_id AND c.our_address IS NULL),
    pair AS (
        SELECT f.owner_id, f.channel, f.our_address, min(f.occurred_at) AS first_at, max(f.occurred_at) AS last_at,
               (array_agg(f.new_conversation_id ORDER BY f.n))[1] AS id
        FROM filed AS f LEFT JOIN answered AS a USING (n)
        WHERE f.thread = 'pair' AND f.owner_id IS NOT NULL AND a.conversation_id IS NULL
        GROUP BY f.owner_id, f.channel, f.our_address),
    ended AS (
        UPDATE conversation AS c SET status = 'closed', updated_at = now()
        FROM pair
        WHERE c.customer_id = pair.owner_id AND c.channel = pair.channel AND c.our_address = pair.our_address
          AND c.status = 'open' AND c.last_at < pair.first_at - $11::interval
        RETURNING c.id),
    talk AS (
        INSERT INTO conversation AS c (id, customer_id, channel, our_address, status, first_at, last_at, created_at,
                                       updated_at)
        SELECT pair.id, pair.owner_id, pair.channel, pair.our_address, 'open', pair.first_at, pair.last_at, now(), now()
        FROM pair WHERE (SELECT count(*) FROM ended) >= 0  -- first end what is past the window, then insert
        ON CONFLICT (customer_id, channel, our_address) WHERE our_address IS NOT NULL AND status = 'open'
        DO UPDATE SET last_at = greatest(c.last_at, excluded.last_at), updated_at = now()
        RETURNING c.id, c.customer_id, c.channel, c.our_address),
    recorded AS (
        INSERT INTO interaction AS i (
            id, created_at, updated_at, customer_id, conversation_id, inbound_request_id, channel, direction, kind,
            status, source, provider, external_id, message_id, occurred_at, subject, text, html, reply_text, language,
            sender_kind, sender_value, sender_name, recipient_kind, recipient_value, recipient_name, automatic, agent,
            duration_s, location, attachments, attributes, version)
        SELECT f.id, f.received_at, f.received_at, f.owner_id,
               coalesce(a.conversation_id, t.id,
                        CASE WHEN f.thread = 'reply' AND f.owner_id IS NOT NULL THEN f.new_conversation_id END),
               $2::uuid, f.channel, f.direction, f.kind, f.status, f.source, f.provider, f.external_id, f.message_id,
               f.occurred_at, f.subject, f.text, f.html, f.reply_text, f.language, f.sender_kind, f.sender_value,
               f.sender_name, f.recipient_kind, f.recipient_value, f.recipient_name, f.automatic, f.agent,
               f.duration_s, f.location, f.attachments, f.attributes, 1
        FROM filed AS f
        LEFT JOIN answered AS a USING (n)
        LEFT JOIN talk AS t ON f.thread = 'pair' AND t.customer_id = f.owner_id AND t.channel = f.channel
                           AND t.our_address = f.our_address
        ORDER BY f.source, f.external_id  -- two who bring the same messages never wait for each other in a circle
        ON CONFLICT (source, external_id) WHERE external_id IS NOT NULL DO NOTHING
        RETURNING i.id, i.customer_id, i.conversation_id),
    begun AS (
        INSERT INTO conversation (id, customer_id, channel, status, subject, first_at, last_at, created_at, updated_at)
        SELECT f.new_conversation_id, f.owner_id, f.channel, 'open', f.subject, f.occurred_at, f.occurred_at, now(),
               now()
        FROM filed AS f JOIN recorded AS r USING (id)
        WHERE f.thread = 'reply' AND r.conversation_id = f.new_conversation_id),
    journalled AS (
        INSERT INTO identity_journal (id, created_at, updated_at, customer_id, interaction_id, rule, confidence,
                                      identifier_kind, identifier_value, actor, details)
        SELECT r.id, now(), now(), r.customer_id, r.id, f.link_rule, f.link_confidence, f.link_kind,
               f.link_value, f.actor, '{}'
        FROM recorded AS r JOIN filed AS f USING (id) WHERE r.customer_id IS NOT NULL),
    kept AS (
        INSERT INTO inbound_request AS q (id, created_at, updated_at, source, provider, status, method, path, query,
                                          headers, body, fingerprint)
        SELECT $2::uuid, now(), now(), $3::text, $4::text, 'filed', $5::text, $6::text, $7::bytea, $8::jsonb, $9::bytea,
               $10::bytea
        WHERE $2::uuid IS NOT NULL AND EXISTS (SELECT FROM recorded)
        ON CONFLICT (id) DO UPDATE SET status = 'filed', reason = NULL, updated_at = now())
    SELECT m.n, coalesce(r.id, k.id) AS id, coalesce(r.customer_id, k.customer_id) AS customer_id,
           coalesce(r.conversation_id, k.conversation_id) AS conversation_id,
           CASE WHEN r.id IS NOT NULL THEN 'created' WHEN k.id IS NOT NULL THEN 'known'
                WHEN f.id IS NOT NULL THEN 'overtaken' ELSE 'unresolved' END AS outcome
    FROM message AS m
    LEFT JOIN filed AS f USING (n)
    LEFT JOIN recorded AS r ON r.id = f.id
    LEFT JOIN known AS k ON k.n = m.n
    ORDER BY m.n"""
