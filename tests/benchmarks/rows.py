"""The rows of the filled database as plain SQL: everything about row `n` follows from `n`.

Touches are written in the order of time, as they would have come, so a customer's rows lie scattered over the table.
"""

from collections.abc import Iterable

from app.text.folding import fold, text_key

_DAY_MS = 86_400_000

_GIVEN_NAMES = "مریم علی زهرا حسین سارا رضا نرگس امیر لیلا مهدی فاطمه کاوه شیرین بهرام نگار پویا الهام داریوش پریسا آرش"
_FAMILY_NAMES = "رضایی احمدی محمدی کریمی حسینی موسوی جعفری صادقی رحیمی اکبری نوری کاظمی یزدانی شریفی تهرانی بهرامی"
_SENTENCES = (
    "سلام، سفارش من هنوز نرسیده است، لطفا پیگیری کنید.",
    "قیمت این محصول چقدر است و آیا ارسال به شیراز دارید؟",
    "از پاسخ سریع شما ممنونم، مشکل حل شد.",
    "می‌خواهم آدرس تحویل را به خیابان ولیعصر تغییر دهم.",
    "فاکتور شماره ۱۲۳۴۵ را برای من ایمیل کنید.",
    "کالای دریافتی شکسته است و درخواست مرجوعی دارم.",
    "آیا امکان پرداخت در محل وجود دارد؟",
    "لطفا ساعت کاری شعبه مرکزی را اعلام کنید.",
    "کد تخفیفی که فرستادید کار نمی‌کند.",
    "برای نصب دستگاه چه روزی تشریف می‌آورید؟",
)


def _array(texts: Iterable[str]) -> str:
    return "ARRAY[" + ", ".join(f"'{text}'" for text in texts) + "]"


def statements(customers: int, interactions: int, now_ms: int) -> dict[str, str]:
    """An INSERT for each table, and the functions they call."""
    year = 365 * _DAY_MS
    values = {
        "customers": customers,
        "interactions": interactions,
        "born": now_ms - 3 * year,
        "between_births": year / customers,
        "begin": now_ms - year,
        "between_touches": year / interactions,
        "half": now_ms - year // 2,
        "given_names": _array(_GIVEN_NAMES.split()),
        "family_names": _array(_FAMILY_NAMES.split()),
        "sentences": _array(_SENTENCES),
        "given_keys": _array(map(fold, _GIVEN_NAMES.split())),
        "family_keys": _array(map(fold, _FAMILY_NAMES.split())),
        "sentence_keys": _array(map(text_key, _SENTENCES)),
        "order_key": fold("سفارش"),
    }
    return {name: sql.format(**values) for name, sql in _SQL.items()}


_SQL = {
    "functions": """
        CREATE SCHEMA benchmark;
        CREATE FUNCTION benchmark.id(ms bigint, seed text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
            SELECT overlay(overlay(md5(seed) PLACING lpad(to_hex(ms), 12, '0') || '7' FROM 1 FOR 13)
                           PLACING '8' FROM 17 FOR 1)::uuid $$;
        CREATE FUNCTION benchmark.at(ms bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
            SELECT to_timestamp(ms / 1000.0) $$;
        CREATE FUNCTION benchmark.random(n bigint, salt int, below int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
            SELECT ((hashint8extended(n, salt) >> 8 & 281474976710655) % below)::int $$;
        CREATE FUNCTION benchmark.born(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
            SELECT ({born} + n * {between_births})::bigint $$;
        CREATE FUNCTION benchmark.customer(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
            SELECT benchmark.id(benchmark.born(n), 'customer' || n) $$;
        CREATE FUNCTION benchmark.phone(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
            SELECT '+98912' || lpad((n * 9973 % 10000000)::text, 7, '0') $$;
        CREATE FUNCTION benchmark.email(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
            SELECT 'customer.' || n || '@example.ir' $$;
        CREATE FUNCTION benchmark.sentence(n bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
            SELECT ({sentences})[1 + benchmark.random(n, salt, 10)] $$;
        CREATE FUNCTION benchmark.words(n bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
            SELECT ({sentence_keys})[1 + benchmark.random(n, salt, 10)] $$""",
    "customer": """
        INSERT INTO customer (id, created_at, updated_at, kind, status, display_name, given_name, family_name, language,
                              time_zone, attributes, preferences, version, first_contact_at, last_contact_at,
                              search_words)
        SELECT benchmark.customer(n), benchmark.at(born), benchmark.at(born), 'person',
               CASE WHEN n % 3 = 0 THEN 'provisional' ELSE 'active' END, given || ' ' || family, given, family, 'fa',
               'Asia/Tehran', jsonb_build_object('city', 'تهران', 'segment', n % 5, 'loyalty_number', 'L-' || n),
               '{{"contact": "sms"}}', 1, benchmark.at({begin}), benchmark.at({half}),
               concat_ws(' ', given_key, family_key, given_key || family_key)::tsvector
        FROM generate_series(0::bigint, {customers} - 1) AS n,
             benchmark.born(n) AS born,
             LATERAL (SELECT ({given_names})[1 + n % 20] AS given,
                             ({family_names})[1 + n / 20 % 16] AS family,
                             ({given_keys})[1 + n % 20] AS given_key,
                             ({family_keys})[1 + n / 20 % 16] AS family_key) AS name""",
    "customer_identifier": """
        INSERT INTO customer_identifier (id, created_at, updated_at, customer_id, kind, value, raw, confidence, shared,
                                         first_seen_at, last_seen_at)
        SELECT benchmark.id(born, kind || n), benchmark.at(born), benchmark.at(born), benchmark.customer(n), kind,
               value, value, 'observed', false, benchmark.at(born), benchmark.at({half})
        FROM generate_series(0::bigint, {customers} - 1) AS n,
             benchmark.born(n) AS born,
             LATERAL (VALUES ('phone', benchmark.phone(n), 10), ('email', benchmark.email(n), 7),
                             ('whatsapp', benchmark.phone(n), 3)) AS address(kind, value, tenths)
        WHERE n % 10 < tenths""",
    "duplicate_suggestion": """
        INSERT INTO duplicate_suggestion (id, created_at, updated_at, customer_a_id, customer_b_id, score, reasons,
                                          status)
        SELECT benchmark.id({half}, 'pair' || n), benchmark.at({half}), benchmark.at({half}), benchmark.customer(n),
               benchmark.customer(n + 1), 0.8, '[{{"rule": "same name"}}]', 'open'
        FROM generate_series(0::bigint, {customers} - 2, 50) AS n""",
    "interaction": """
        INSERT INTO interaction (
            id, created_at, updated_at, customer_id, conversation_id, inbound_request_id, channel, direction, kind,
            status, source, provider, external_id, message_id, occurred_at, subject, text, html, language,
            sender_kind, sender_value, sender_name, recipient_kind, recipient_value, automatic, agent, duration_s,
            location, attachments, attributes, version, search_words)
        SELECT benchmark.id(ms, 'interaction' || i), at, at, benchmark.customer(n),
               CASE WHEN threaded THEN benchmark.id(CASE WHEN ms < {half} THEN {begin} ELSE {half} END,
                                                    concat_ws(' ', channel, n)) END,
               CASE WHEN inbound AND provider IS NOT NULL THEN benchmark.id(ms, 'request' || i) END,
               channel, CASE WHEN inbound THEN 'inbound' ELSE 'outbound' END, what.kind,
               CASE WHEN inbound THEN 'received' ELSE 'delivered' END, 'tehran-' || channel, provider,
               'SM' || md5('external' || i),
               CASE WHEN channel = 'email' THEN md5('mail' || i) || '@mail.example.ir' END,
               at, CASE WHEN channel = 'email' THEN 'سفارش ' || i END,
               words, CASE WHEN channel = 'email' THEN '<html dir="rtl"><body><p>' || words || '</p></body></html>' END,
               'fa',
               their_kind, CASE WHEN inbound THEN theirs ELSE ours END,
               CASE WHEN channel = 'email' AND inbound THEN 'customer ' || n END,
               their_kind, CASE WHEN inbound THEN ours ELSE theirs END,
               false, CASE WHEN channel IN ('voice', 'visit') THEN 'n.ahmadi' END,
               CASE WHEN channel = 'voice' THEN benchmark.random(i, 5, 900) END,
               CASE WHEN channel = 'visit' THEN 'شعبه ولیعصر' END,
               CASE WHEN channel = 'email' AND i % 10 = 0 THEN
                   '[{{"id": "0190a0f2-0000-7000-8000-000000000000", "name": "فاکتور.pdf", "size": 48211,
                      "content_type": "application/pdf"}}]'::jsonb ELSE '[]' END,
               CASE WHEN channel = 'sms' THEN '{{"segments": 1}}'::jsonb ELSE '{{}}' END, 1,
               concat_ws(' ', CASE WHEN channel = 'email' THEN '{order_key} ' || i END,
                         benchmark.words(i, 3), benchmark.words(i, 4),
                         CASE WHEN channel = 'email' THEN
                             concat_ws(' ', benchmark.words(i, 5), benchmark.words(i, 6),
                                       benchmark.words(i, 7), benchmark.words(i, 8)) END)::tsvector
        FROM (SELECT i, ({begin} + i * {between_touches})::bigint AS ms, benchmark.random(i, 0, {customers}) AS n,
                     benchmark.random(i, 1, 100) AS dice, benchmark.random(i, 2, 100) < 70 AS inbound
              FROM generate_series(0::bigint, {interactions} - 1) AS i) AS touch,
             LATERAL (SELECT CASE WHEN dice < 40 THEN 'sms' WHEN dice < 60 THEN 'email' WHEN dice < 72 THEN 'whatsapp'
                                  WHEN dice < 87 THEN 'voice' WHEN dice < 92 THEN 'web_form' WHEN dice < 97 THEN 'visit'
                                  ELSE 'letter' END AS channel, benchmark.at(ms) AS at) AS road,
             LATERAL (SELECT CASE channel WHEN 'voice' THEN 'call' WHEN 'visit' THEN 'visit' WHEN 'letter' THEN 'letter'
                                          WHEN 'web_form' THEN 'form' ELSE 'message' END AS kind,
                             CASE channel WHEN 'sms' THEN 'twilio_sms' WHEN 'email' THEN 'postmark'
                                          WHEN 'whatsapp' THEN 'whatsapp_cloud' WHEN 'web_form' THEN 'web_form'
                                          END AS provider,
                             channel IN ('sms', 'whatsapp', 'email') AS threaded,
                             CASE channel WHEN 'email' THEN 'email' WHEN 'whatsapp' THEN 'whatsapp' ELSE 'phone'
                                          END AS their_kind,
                             CASE channel WHEN 'email' THEN benchmark.email(n) ELSE benchmark.phone(n) END AS theirs,
                             CASE channel WHEN 'email' THEN 'info@onefile.example' ELSE '+982188776655' END AS ours,
                             concat_ws(' ', benchmark.sentence(i, 3), benchmark.sentence(i, 4),
                                       CASE WHEN channel = 'email' THEN
                                           concat_ws(E'\\n', benchmark.sentence(i, 5), benchmark.sentence(i, 6),
                                                     benchmark.sentence(i, 7), benchmark.sentence(i, 8))
                                       END) AS words) AS what""",
    "inbound_request": """
        INSERT INTO inbound_request (id, created_at, updated_at, source, provider, status, method, path, query, headers,
                                     body, fingerprint)
        SELECT inbound_request_id, created_at, created_at, source, provider, 'filed', 'POST', '', '',
               jsonb_build_object(
                   'host', 'hooks.example.ir', 'user-agent', 'TwilioProxy/1.1', 'accept', '*/*',
                   'content-type', 'application/x-www-form-urlencoded; charset=UTF-8',
                   'x-twilio-signature', left(external_id, 28), 'i-twilio-idempotency-token', external_id),
               convert_to('ToCountry=IR&SmsStatus=received&From=%2B98912&To=%2B982188776655&MessageSid='
                          || external_id || '&ApiVersion=2010-04-01&Body='
                          || regexp_replace(encode(convert_to(left(text, 100), 'UTF8'), 'hex'), '(..)', '%\\1', 'g'),
                          'UTF8'),
               sha256(external_id::bytea)
        FROM interaction WHERE inbound_request_id IS NOT NULL""",
    "conversation": """
        INSERT INTO conversation (id, created_at, updated_at, customer_id, channel, pair_key, status, first_at,
                                  last_at)
        SELECT conversation_id, min(occurred_at), max(occurred_at), customer_id, channel,
               CASE WHEN channel <> 'email' THEN '+982188776655' END,
               CASE WHEN max(occurred_at) >= benchmark.at({half}) THEN 'open' ELSE 'closed' END,
               min(occurred_at), max(occurred_at)
        FROM interaction WHERE conversation_id IS NOT NULL GROUP BY conversation_id, customer_id, channel""",
    "identity_journal": """
        INSERT INTO identity_journal (id, created_at, updated_at, customer_id, interaction_id, rule, confidence,
                                      identifier_kind, identifier_value, details)
        SELECT id, created_at, created_at, customer_id, id, 'identifier', 'observed', sender_kind, sender_value, '{{}}'
        FROM interaction""",
}
