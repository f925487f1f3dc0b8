"""The customer file as one statement: PostgreSQL builds the JSON, the route passes it on."""

_CUSTOMER = """
    SELECT c.id, c.kind, c.status, c.display_name, c.given_name, c.family_name, c.language, c.time_zone,
           c.organization_id, c.attributes, c.preferences, c.version,
           coalesce((SELECT json_agg(id ORDER BY id) FROM customer_alias WHERE customer_id = c.id), '[]') AS merged_ids,
           coalesce((
               SELECT json_agg(row_to_json(known) ORDER BY known.id)
               FROM (SELECT id, kind, value, raw, label, confidence, shared, opted_out_at,
                            undeliverable_at, first_seen_at, last_seen_at
                     FROM customer_identifier
                     WHERE customer_id = c.id AND released_at IS NULL) AS known), '[]') AS identifiers,
           c.first_contact_at, c.last_contact_at, c.created_at, c.updated_at"""

_LATEST = """
    SELECT i.occurred_at, i.id, row_number() OVER (ORDER BY i.occurred_at DESC, i.id DESC) <= 20 AS recent,
           i.occurred_at >= subject.midnight AS today,
           (SELECT row_to_json(shown) FROM (SELECT
               i.id, i.customer_id, i.conversation_id, i.channel, i.direction, i.kind, i.provider, i.source,
               i.external_id, i.occurred_at, i.created_at AS received_at, i.subject,
               left(i.text, 2000) AS text, length(i.text) > 2000 AS text_truncated,
               left(coalesce(i.reply_text, i.text), 2000) AS reply_text, i.language,
               CASE WHEN i.sender_kind IS NOT NULL THEN
                   json_build_object('kind', i.sender_kind, 'value', i.sender_value, 'name', i.sender_name)
               END AS "from",
               CASE WHEN i.recipient_kind IS NOT NULL THEN
                   json_build_object('kind', i.recipient_kind, 'value', i.recipient_value, 'name', i.recipient_name)
               END AS "to",
               i.status, i.automatic, i.agent, i.duration_s, i.location, i.attachments, i.attributes, i.version,
               i.updated_at) AS shown) AS json
    FROM interaction AS i
    WHERE i.customer_id = subject.id
    ORDER BY i.occurred_at DESC, i.id DESC
    LIMIT 100"""

_CHANNELS = """
    SELECT json_object_agg(channel, json_build_object('inbound', inbound, 'outbound', outbound, 'last_at', last_at))
    FROM (SELECT channel, count(*) FILTER (WHERE direction = 'inbound') AS inbound,
                 count(*) FILTER (WHERE direction = 'outbound') AS outbound, max(occurred_at) AS last_at
          FROM interaction WHERE customer_id = subject.id GROUP BY channel) AS counted"""

_CONVERSATIONS = """
    SELECT json_agg(row_to_json(thread) ORDER BY thread.last_at DESC)
    FROM (SELECT id, channel, status, subject, first_at, last_at FROM conversation
          WHERE customer_id = subject.id AND status = 'open' ORDER BY last_at DESC LIMIT 20) AS thread"""

_DUPLICATES = """
    SELECT json_agg(row_to_json(pair) ORDER BY pair.score DESC)
    FROM (SELECT id, json_build_array(customer_a_id, customer_b_id) AS customer_ids, score, reasons, status
          FROM duplicate_suggestion
          WHERE customer_a_id = subject.id AND status = 'open'
          UNION ALL
          SELECT id, json_build_array(customer_a_id, customer_b_id), score, reasons, status
          FROM duplicate_suggestion
          WHERE customer_b_id = subject.id AND status = 'open') AS pair"""

IN_FORCE = """
    WITH newest AS MATERIALIZED (
        SELECT DISTINCT ON (purpose, channel, given_to, known_files)
               *, array_position(ARRAY['granted', 'unknown', 'withdrawn'], status::text) AS strictness
        FROM consent WHERE customer_id = %s
        ORDER BY purpose, channel, given_to, known_files, given_at DESC, strictness DESC, id DESC),
    concerns AS MATERIALIZED (
        -- A withdrawal for all channels ends permissions of single ones; `acquainted`: one knew of the other.
        SELECT x.id, y.id AS by_id,
               x.given_to = ANY (y.known_files) OR y.given_to = ANY (x.known_files) AS acquainted,
               (y.given_at, y.strictness, y.id) > (x.given_at, x.strictness, x.id) AS newer,
               (y.strictness, y.given_at, y.id) > (x.strictness, x.given_at, x.id) AS stricter
        FROM newest AS x JOIN newest AS y
          ON x.id <> y.id AND x.purpose = y.purpose
             AND (x.channel IS NOT DISTINCT FROM y.channel
                  OR (y.channel IS NULL AND y.status = 'withdrawn' AND x.status <> 'withdrawn'))),
    standing AS MATERIALIZED (
        SELECT * FROM newest AS n
        WHERE NOT EXISTS (SELECT FROM concerns AS c WHERE c.id = n.id AND c.acquainted AND c.newer))
    SELECT id, purpose, channel, status, source, proof, given_at FROM standing AS s
    WHERE NOT EXISTS (
        SELECT FROM concerns AS c JOIN standing AS other ON other.id = c.by_id
        WHERE c.id = s.id AND NOT c.acquainted AND c.stricter)"""
"""The consents in force of one customer. Of one file's the newest counts, of two at the same time the stricter. Where
files were merged, the strictest of what each side's newest says counts until one is told of the merged file."""

_CONSENTS = f"""
    SELECT json_agg(row_to_json(consent) ORDER BY consent.purpose, consent.channel NULLS FIRST)
    FROM ({IN_FORCE % "subject.id"}) AS consent"""  # noqa: S608  put together from constants

_SCORES = """
    SELECT json_agg(row_to_json(tidy) ORDER BY tidy.collected_at DESC, tidy.id DESC)
    FROM (SELECT s.id, s.feedback_id, s.customer_id, s.measure, s.dimension, s.value,
                 json_build_array(s.scale_min, s.scale_max) AS scale, s.lower_is_better,
                 left(f.comment, 2000) AS comment, s.channel, s.agent, f.source, f.external_id, f.interaction_id,
                 f.conversation_id, f.case_reference, f.order_reference, f.language, f.invitation_id,
                 s.collected_at, f.created_at AS stored_at, s.updated_at
          FROM feedback_score AS s JOIN feedback AS f ON f.id = s.feedback_id
          WHERE s.customer_id = subject.id
          ORDER BY s.collected_at DESC, s.id DESC LIMIT 10) AS tidy"""

_FEEDBACK = f"""
    SELECT json_build_object(
        'latest', coalesce(({_SCORES}), '[]'),
        'averages', coalesce(json_object_agg(measure, json_build_object(
            'value', value, 'n', n, 'scale', json_build_array(scale_min, scale_max))), '{{}}'),
        'trend', coalesce(json_object_agg(measure, CASE WHEN few > 0 THEN json_build_object(
            'direction', CASE WHEN abs(recent - before) < 0.05 * (scale_max - scale_min) THEN 'flat'
                              WHEN (recent > before) <> lower_is_better THEN 'up' ELSE 'down' END,
            'recent', recent, 'before', before, 'n', few) END), '{{}}'))
    FROM (SELECT DISTINCT ON (measure) measure, scale_min, scale_max, lower_is_better, count(*) AS n,
                 avg(value) AS value, least(count(*) / 2, 3) AS few,
                 array_agg(value ORDER BY collected_at DESC, id DESC) AS newest_first
          FROM feedback_score WHERE customer_id = subject.id
          GROUP BY measure, dimension IS NULL, scale_min, scale_max, lower_is_better
          ORDER BY measure, dimension IS NULL DESC, max(collected_at) DESC) AS asked,
         LATERAL (SELECT avg(value) FILTER (WHERE place <= few) AS recent,
                         avg(value) FILTER (WHERE place > few AND place <= 2 * few) AS before
                  FROM unnest(newest_first) WITH ORDINALITY AS answer(value, place)) AS compared"""  # noqa: S608  constants
"""Averages and trends are of one question a measure: the one about the service as a whole if it was asked, on the scale
it was asked on last. What `trend` compares is told in `app.customers.file_schemas.Trend`."""

_RECOVERIES = """
    SELECT json_agg(row_to_json(task) ORDER BY task.due_at)
    FROM (SELECT id, reason, owner, due_at, due_at < now() AS overdue, note, feedback_id, interaction_id, measure,
                 dimension, CASE WHEN measure IS NOT NULL THEN json_build_array(scale_min, scale_max) END AS scale,
                 first_value, CASE WHEN second_feedback_id IS NOT NULL THEN json_build_object(
                     'feedback_id', second_feedback_id, 'value', second_value, 'collected_at', second_at) END AS second,
                 created_at
          FROM recovery WHERE customer_id = subject.id AND status = 'open'
          ORDER BY due_at LIMIT 20) AS task"""

_FILE = f"""
    WITH subject AS (
        SELECT shown.id, row_to_json(shown) AS json,
               date_trunc('day', now(), coalesce(shown.time_zone, $1)) AS midnight
        FROM ({_CUSTOMER} FROM customer AS c WHERE c.id = %s) AS shown)
    SELECT subject.id, json_build_object(
        'customer', subject.json,
        'today', coalesce(touches.today, '[]'),
        'recent_interactions', coalesce(touches.recent, '[]'),
        'channels', coalesce(({_CHANNELS}), '{{}}'),
        'conversations', coalesce(({_CONVERSATIONS}), '[]'),
        'feedback', ({_FEEDBACK}),
        'recoveries', coalesce(({_RECOVERIES}), '[]'),
        'consents', coalesce(({_CONSENTS}), '[]'),
        'suggested_duplicates', coalesce(({_DUPLICATES}), '[]'))::text AS document
    FROM subject
    CROSS JOIN LATERAL (
        SELECT json_agg(latest.json ORDER BY latest.occurred_at DESC, latest.id DESC)
                   FILTER (WHERE latest.today) AS today,
               json_agg(latest.json ORDER BY latest.occurred_at DESC, latest.id DESC)
                   FILTER (WHERE latest.recent) AS recent
        FROM ({_LATEST}) AS latest
        WHERE latest.today OR latest.recent) AS touches"""  # noqa: S608  put together from constants

FILE = _FILE % "coalesce((SELECT customer_id FROM customer_alias WHERE id = $2), $2)"
"""$1 time zone of customers without one, $2 customer id, or one that was merged into it → `id` and the file's JSON,
`document`; no row without such a customer."""

LOOKUP = (
    _FILE
    % """(
            SELECT customer_id FROM customer_identifier
            WHERE kind = $2 AND value = $3 AND released_at IS NULL AND NOT shared)"""
)
"""$1 time zone, $2 identifier kind, $3 canonical value → as `FILE`."""

SHARED_BY = """
    SELECT customer_id FROM customer_identifier
    WHERE kind = $1 AND value = $2 AND released_at IS NULL AND shared
    ORDER BY last_seen_at DESC, id DESC LIMIT 20"""
"""$1 identifier kind, $2 canonical value → whose it is together, who was heard of last first."""

EXPORT = f"""
    SELECT shown.id, row_to_json(shown)::text AS document
    FROM ({_CUSTOMER} FROM customer AS c
          WHERE c.id > $1 AND ($3::text IS NULL OR c.status = $3) AND ($4::text IS NULL OR c.kind = $4)
            AND ($5::timestamptz IS NULL OR c.updated_at >= $5)
          ORDER BY c.id LIMIT $2) AS shown
    ORDER BY shown.id"""  # noqa: S608  put together from constants
"""$1 the last customer's id, $2 how many, $3 status, $4 kind, $5 changed since → a page of customers as JSON."""
