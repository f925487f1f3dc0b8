"""Recording interactions: one statement for one message or for a thousand, from every road into the file.

`RECORD` is the tail of a statement whose head (`app.ingest.queries`) says whose each message is. It expects
`message` (the rows of $1), `owner` (n, customer_id, rule, kind, value, confidence), `opened` (id: files the same
statement opens) and `identified` (id, customer_id, kind: addresses it adds), and takes $2 to $10: the raw inbound
request, all NULL where there is none, and $11: the conversation window.

Everything hangs on what `recorded` really inserted, so a redelivery changes nothing, even one that overtakes the first
delivery. Foreign keys are checked when the statement ends, so their rows may come in any order.
"""

MESSAGES = """
    message AS MATERIALIZED (
        SELECT * FROM json_to_recordset($1::json) AS m(
            n int, id uuid, customer_id uuid, rule text, identifier_kind text, identifier_value text, confidence text,
            actor text, kinds text[], identifiers text[], unfiled bool,
            undecided bool, valid_since timestamptz[], thread text, pair_key text,
            thread_ids text[], root_id text, channel text, direction text, kind text, status text,
            source text, provider text, external_id text, message_id text, occurred_at timestamptz,
            received_at timestamptz, subject text, text text, html text, reply_text text, language text,
            sender_kind text, sender_value text, sender_name text, recipient_kind text, recipient_value text,
            recipient_name text, automatic bool, files jsonb, incomplete bool, agent text, duration_s int,
            location text, attachments jsonb, attributes jsonb, search_words tsvector, name_words text)),
    known AS (
        SELECT m.n, i.id, i.customer_id, i.conversation_id
        FROM message AS m
        JOIN interaction AS i ON i.source = m.source AND i.external_id = m.external_id
        UNION ALL
        SELECT m.n, NULL, NULL, NULL
        FROM message AS m
        JOIN forgotten_message AS g ON g.digest = sha256(convert_to(m.source || ':' || m.external_id, 'UTF8'))),
    fresh AS (
        SELECT * FROM message AS m WHERE NOT EXISTS (SELECT FROM known WHERE known.n = m.n))"""

BROUGHT_CHANGES = """
        SELECT 'customer.created', id, id, '{"kind": "person", "status": "provisional"}'::jsonb, now() FROM opened
        UNION ALL
        SELECT 'identifier.added', customer_id, id, jsonb_build_object('kind', kind), now() FROM identified"""
"""What the feed of changes is told of `opened` and `identified`."""

RECORD = f"""
    contact AS (
        SELECT o.customer_id, min(m.occurred_at) AS first_at, max(m.occurred_at) AS last_at,
               min(ARRAY[m.sender_name, m.name_words]) FILTER (WHERE m.direction = 'inbound') AS name
        FROM owner AS o JOIN fresh AS m USING (n)
        WHERE o.customer_id IS NOT NULL GROUP BY o.customer_id),
    held AS (
        -- Nothing returns to a file that was erased since its owner was looked up.
        SELECT c.id, c.display_name IS NULL AND contact.name[1] IS NOT NULL AS is_named
        FROM customer AS c JOIN contact ON contact.customer_id = c.id
        WHERE c.status <> 'anonymized'
        ORDER BY c.id FOR NO KEY UPDATE OF c),
    touched AS (
        UPDATE customer AS c
        SET first_contact_at = least(c.first_contact_at, contact.first_at),
            last_contact_at = greatest(c.last_contact_at, contact.last_at),
            display_name = coalesce(c.display_name, contact.name[1]),
            search_words = CASE WHEN held.is_named THEN c.search_words || contact.name[2]::tsvector
                                ELSE c.search_words END,
            version = c.version + held.is_named::int,
            updated_at = CASE WHEN held.is_named THEN now() ELSE c.updated_at END
        FROM held JOIN contact ON contact.customer_id = held.id
        WHERE c.id = held.id
        RETURNING c.id, held.is_named),
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
        -- Only this customer's own conversations: who quotes the ids of another's thread does not get into it.
        SELECT f.n, coalesce(
            (SELECT r.conversation_id FROM conversation_reference AS r
             WHERE r.customer_id = f.owner_id AND r.message_id = ANY (f.thread_ids)
             ORDER BY array_position(f.thread_ids, r.message_id::text) LIMIT 1),
            (SELECT i.conversation_id FROM interaction AS i JOIN conversation AS c ON c.id = i.conversation_id
             WHERE i.source = f.source AND i.external_id = ANY (f.thread_ids) AND i.customer_id = f.owner_id
               AND c.status = 'open' LIMIT 1)) AS conversation_id
        FROM filed AS f WHERE cardinality(f.thread_ids) > 0 AND f.owner_id IS NOT NULL),
    rooted AS (
        -- Whoever first speaks of a thread's root opens its conversation, even if both speak at once.
        INSERT INTO conversation_reference AS r (customer_id, message_id, conversation_id)
        SELECT DISTINCT ON (f.owner_id, f.root_id) f.owner_id, f.root_id, f.id
        FROM filed AS f LEFT JOIN answered AS a USING (n)
        WHERE f.thread = 'reply' AND f.owner_id IS NOT NULL AND a.conversation_id IS NULL
        ORDER BY f.owner_id, f.root_id, f.n
        ON CONFLICT (customer_id, message_id) DO UPDATE SET message_id = excluded.message_id
        RETURNING r.customer_id, r.message_id, r.conversation_id),
    continued AS (
        UPDATE conversation AS c
        SET last_at = greatest(c.last_at, latest.at), updated_at = now(),
            status = CASE WHEN c.pair_key IS NULL THEN 'open' ELSE c.status END
        FROM (SELECT a.conversation_id, max(f.occurred_at) AS at FROM answered AS a JOIN filed AS f USING (n)
              GROUP BY a.conversation_id) AS latest
        WHERE c.id = latest.conversation_id  -- not there any more where it was joined to another meanwhile
        RETURNING c.id),
    pair AS (
        SELECT f.owner_id, f.channel, f.pair_key, min(f.occurred_at) AS first_at, max(f.occurred_at) AS last_at,
               (array_agg(f.id ORDER BY f.n))[1] AS id,
               (array_agg(f.subject ORDER BY f.n))[1] AS subject
        FROM filed AS f LEFT JOIN answered AS a USING (n)
        WHERE f.thread = 'pair' AND f.owner_id IS NOT NULL AND a.conversation_id IS NULL
        GROUP BY f.owner_id, f.channel, f.pair_key),
    resumed AS (
        -- One past the window ends.
        UPDATE conversation AS c
        SET status = CASE WHEN c.last_at < pair.first_at - $11::interval THEN 'closed' ELSE c.status END,
            last_at = CASE WHEN c.last_at < pair.first_at - $11::interval THEN c.last_at
                           ELSE greatest(c.last_at, pair.last_at) END,
            updated_at = now()
        FROM pair
        WHERE c.customer_id = pair.owner_id AND c.channel = pair.channel AND c.pair_key = pair.pair_key
          AND c.status = 'open'
        RETURNING c.id, c.customer_id, c.channel, c.pair_key, c.status, pair.id AS pair_id),
    started AS (
        INSERT INTO conversation AS c (id, customer_id, channel, pair_key, subject, status, first_at, last_at,
                                       created_at, updated_at)
        SELECT pair.id, pair.owner_id, pair.channel, pair.pair_key, pair.subject, 'open', pair.first_at, pair.last_at,
               now(), now()
        FROM pair WHERE pair.id NOT IN (SELECT pair_id FROM resumed WHERE status = 'open')
        ON CONFLICT (customer_id, channel, pair_key) WHERE pair_key IS NOT NULL AND status = 'open'
        DO UPDATE SET last_at = greatest(c.last_at, excluded.last_at), updated_at = now()
        RETURNING c.id, c.customer_id, c.channel, c.pair_key),
    talk AS (
        SELECT id, customer_id, channel, pair_key FROM resumed WHERE status = 'open'
        UNION ALL SELECT id, customer_id, channel, pair_key FROM started),
    recorded AS (
        INSERT INTO interaction AS i (
            id, created_at, updated_at, customer_id, conversation_id, inbound_request_id, channel, direction, kind,
            status, source, provider, external_id, message_id, occurred_at, subject, text, html, reply_text, language,
            sender_kind, sender_value, sender_name, recipient_kind, recipient_value, recipient_name, automatic, agent,
            duration_s, location, attachments, attributes, search_words, version)
        SELECT f.id, f.received_at, f.received_at, f.owner_id,
               coalesce(g.id, t.id, o.conversation_id),
               $2::uuid, f.channel, f.direction, f.kind, f.status, f.source, f.provider, f.external_id, f.message_id,
               f.occurred_at, f.subject, f.text, f.html, f.reply_text, f.language, f.sender_kind, f.sender_value,
               f.sender_name, f.recipient_kind, f.recipient_value, f.recipient_name, coalesce(f.automatic, false),
               f.agent, f.duration_s, f.location, coalesce(f.attachments, '[]'), coalesce(f.attributes, '{{}}'),
               f.search_words, 1
        FROM filed AS f
        LEFT JOIN answered AS a USING (n)
        LEFT JOIN continued AS g ON g.id = a.conversation_id
        LEFT JOIN talk AS t ON f.thread = 'pair' AND t.customer_id = f.owner_id AND t.channel = f.channel
                           AND t.pair_key = f.pair_key
        LEFT JOIN rooted AS o ON f.thread = 'reply' AND o.customer_id = f.owner_id AND o.message_id = f.root_id
        ORDER BY f.source, f.external_id  -- two who bring the same messages never wait for each other in a circle
        ON CONFLICT (source, external_id) WHERE external_id IS NOT NULL DO NOTHING
        RETURNING i.id, i.customer_id, i.conversation_id),
    begun AS (
        INSERT INTO conversation (id, customer_id, channel, status, subject, first_at, last_at, created_at, updated_at)
        SELECT f.id, f.owner_id, f.channel, 'open', f.subject, f.occurred_at, f.occurred_at, now(),
               now()
        FROM filed AS f JOIN recorded AS r USING (id)
        WHERE f.thread = 'reply' AND r.conversation_id = f.id),
    remembered AS (
        -- Ids of mails not seen yet, too: their late siblings will name them.
        -- One that belongs to another conversation comes back with it: this mail shows that the two are one.
        INSERT INTO conversation_reference AS s (customer_id, message_id, conversation_id)
        SELECT DISTINCT ON (r.customer_id, spoken.id) r.customer_id, spoken.id, r.conversation_id
        FROM recorded AS r JOIN filed AS f USING (id), unnest(f.thread_ids) AS spoken(id)
        WHERE f.channel = 'email' AND r.conversation_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM rooted AS o WHERE o.customer_id = r.customer_id AND o.message_id = spoken.id)
        ORDER BY r.customer_id, spoken.id
        ON CONFLICT (customer_id, message_id) DO UPDATE SET message_id = excluded.message_id
        WHERE s.conversation_id <> excluded.conversation_id
        RETURNING s.customer_id, s.message_id, s.conversation_id),
    journalled AS (
        INSERT INTO identity_journal (id, created_at, updated_at, customer_id, interaction_id, rule, confidence,
                                      identifier_kind, identifier_value, actor, details)
        SELECT r.id, now(), now(), r.customer_id, r.id, f.link_rule, f.link_confidence, f.link_kind,
               f.link_value, f.actor, '{{}}'
        FROM recorded AS r JOIN filed AS f USING (id) WHERE r.customer_id IS NOT NULL),
    changed AS (
        INSERT INTO change (type, customer_id, subject_id, data, at)
        {BROUGHT_CHANGES}
        UNION ALL
        SELECT 'customer.updated', id, id, '{{"fields": ["display_name"]}}', now() FROM touched WHERE is_named
        UNION ALL
        SELECT 'interaction.received', r.customer_id, r.id,
               jsonb_build_object('channel', f.channel, 'direction', f.direction, 'kind', f.kind, 'source', f.source,
                                  'conversation_id', r.conversation_id, 'occurred_at', f.occurred_at), now()
        FROM recorded AS r JOIN filed AS f USING (id)),
    kept AS (
        INSERT INTO inbound_request AS q (id, created_at, updated_at, source, provider, status, method, path, query,
                                          headers, body, fingerprint)
        SELECT $2::uuid, now(), now(), $3::text, $4::text, 'filed', $5::text, $6::text, $7::bytea, $8::jsonb, $9::bytea,
               $10::bytea
        WHERE $2::uuid IS NOT NULL AND EXISTS (SELECT FROM recorded)
        ON CONFLICT (id) DO UPDATE SET status = 'filed', reason = NULL, updated_at = now())"""  # noqa: S608  constants

_KEPT = """
    kept AS (
        INSERT INTO inbound_request AS q (id, created_at, updated_at, source, provider, status, method, path, query,
                                          headers, body, fingerprint)
        VALUES ($1::uuid, now(), now(), $2, $3, 'filed', $4, $5, $6, $7::jsonb, $8, $9)
        ON CONFLICT (id) DO UPDATE SET status = 'filed', reason = NULL, updated_at = now())"""

KEEP_WITH_INTERACTION = f"""
    WITH {_KEPT}
    INSERT INTO interaction_request (inbound_request_id, interaction_id) VALUES ($1, $10) ON CONFLICT DO NOTHING"""  # noqa: S608  constants
"""Keeps the raw request ($1 to $9) that told more of the interaction $10."""

KEEP_WITH_CUSTOMER = f"""
    WITH {_KEPT}
    INSERT INTO customer_request (inbound_request_id, customer_id) VALUES ($1, $10) ON CONFLICT DO NOTHING"""  # noqa: S608  constants
"""Keeps the raw request ($1 to $9) that told of the customer $10."""

MEDIA = """
    attached AS (
        INSERT INTO attachment (id, created_at, updated_at, interaction_id, state, name, content_type, size, content_id,
                                storage_key, url, provider_id)
        SELECT a.id, now(), now(), r.id, a.state, a.name, a.content_type, a.size, a.content_id, a.storage_key, a.url,
               a.provider_id
        FROM recorded AS r JOIN filed AS f USING (id),
             jsonb_to_recordset(f.files) AS a(id uuid, state text, name text, content_type text, size int,
                                              content_id text, storage_key text, url text, provider_id text)
        RETURNING id, state),
    fetching AS (
        INSERT INTO pgqueuer (priority, status, entrypoint, payload)
        SELECT 0, 'queued', 'fetch_attachment', convert_to(id::text, 'UTF8') FROM attached WHERE state = 'pending'),
    completing AS (
        INSERT INTO pgqueuer (priority, status, entrypoint, payload)
        SELECT 0, 'queued', 'complete_message', convert_to(r.id::text, 'UTF8')
        FROM recorded AS r JOIN filed AS f USING (id) WHERE f.incomplete)"""
"""Behind `RECORD`, where a message brings files or has to be completed: their rows, and the jobs that fetch them."""

ATTACH = """
    WITH attached AS (
        INSERT INTO attachment (id, created_at, updated_at, interaction_id, state, name, content_type, size, content_id,
                                storage_key, url, provider_id)
        SELECT a.id, now(), now(), $1, a.state, a.name, a.content_type, a.size, a.content_id, a.storage_key, a.url,
               a.provider_id
        FROM jsonb_to_recordset($2::jsonb) AS a(id uuid, state text, name text, content_type text, size int,
                                                content_id text, storage_key text, url text, provider_id text)
        RETURNING id, state)
    INSERT INTO pgqueuer (priority, status, entrypoint, payload)
    SELECT 0, 'queued', 'fetch_attachment', convert_to(id::text, 'UTF8') FROM attached WHERE state = 'pending'"""
"""Files that come after their interaction ($1): their rows ($2), and the jobs that fetch them."""

MAKE_SEARCHABLE = "UPDATE interaction SET search_words = $2::tsvector WHERE id = $1"
"""Behind a change of its text; $2 as `text_key` makes it."""

RESULT = """
    SELECT m.n, coalesce(r.id, k.id) AS id, coalesce(r.customer_id, k.customer_id) AS customer_id,
           coalesce(r.conversation_id, k.conversation_id) AS conversation_id,
           CASE WHEN r.id IS NOT NULL THEN 'created' WHEN k.n IS NOT NULL THEN 'known'
                WHEN f.id IS NOT NULL THEN 'overtaken' ELSE 'unresolved' END AS outcome,
           (a.conversation_id IS NOT NULL AND r.id IS NOT NULL AND r.conversation_id IS NULL) OR EXISTS (
               SELECT FROM (TABLE remembered UNION ALL TABLE rooted) AS s
               WHERE s.customer_id = r.customer_id AND s.message_id = ANY (f.thread_ids)
                 AND s.conversation_id <> r.conversation_id) AS split
    FROM message AS m
    LEFT JOIN filed AS f USING (n)
    LEFT JOIN answered AS a USING (n)
    LEFT JOIN recorded AS r ON r.id = f.id
    LEFT JOIN known AS k ON k.n = m.n
    ORDER BY m.n"""
"""What became of each message; `split`: its thread is in several conversations yet (`JOIN_CONVERSATIONS`)."""

HOLD_CUSTOMER = """
    SELECT id FROM customer WHERE id = coalesce((SELECT customer_id FROM customer_alias WHERE id = $1), $1)
    FOR NO KEY UPDATE"""

JOIN_CONVERSATIONS = """
    WITH piece AS MATERIALIZED (
        SELECT conversation_id AS id FROM conversation_reference
        WHERE customer_id = $1 AND message_id = ANY ($2::text[])
        UNION
        SELECT conversation_id FROM interaction
        WHERE id = $3 AND customer_id = $1 AND conversation_id IS NOT NULL),
    whole AS MATERIALIZED (
        SELECT c.id FROM conversation AS c JOIN piece USING (id) ORDER BY c.pair_key IS NULL, c.id LIMIT 1),
    moved AS (
        UPDATE interaction AS i SET conversation_id = whole.id, version = i.version + 1, updated_at = now()
        FROM whole
        WHERE (i.conversation_id IN (SELECT id FROM piece) OR i.id = $3) AND i.customer_id = $1
          AND i.conversation_id IS DISTINCT FROM whole.id
        RETURNING i.id, i.customer_id, i.status, i.conversation_id),
    changed AS (
        INSERT INTO change (type, customer_id, subject_id, data, at)
        SELECT 'interaction.status', customer_id, id,
               jsonb_build_object('status', status, 'conversation_id', conversation_id,
                                  'fields', jsonb_build_array('conversation_id')), now()
        FROM moved),
    spoken AS (
        UPDATE conversation_reference AS r SET conversation_id = whole.id
        FROM whole WHERE r.conversation_id IN (SELECT id FROM piece) AND r.conversation_id <> whole.id),
    remembered AS (
        INSERT INTO conversation_reference (customer_id, message_id, conversation_id)
        SELECT $1, spoken.id, whole.id FROM whole, unnest($2::text[]) AS spoken(id)
        ON CONFLICT (customer_id, message_id) DO NOTHING),
    spoken_of AS (
        UPDATE feedback AS f SET conversation_id = whole.id, version = f.version + 1, updated_at = now()
        FROM whole WHERE f.conversation_id IN (SELECT id FROM piece) AND f.conversation_id <> whole.id),
    ended AS (
        DELETE FROM conversation AS c USING whole
        WHERE c.id IN (SELECT id FROM piece) AND c.id <> whole.id
        RETURNING c.first_at, c.last_at)
    UPDATE conversation AS c
    SET first_at = least(c.first_at, (SELECT min(first_at) FROM ended)),
        last_at = greatest(c.last_at, (SELECT max(last_at) FROM ended)),
        updated_at = now()
    FROM whole WHERE c.id = whole.id"""
"""Of customer $1, the conversations that speak of the mails $2 or hold the interaction $3 become one: the one that
mails without reply headers find, else the oldest. Call it while holding the customer."""
