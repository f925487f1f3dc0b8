import base64
from dataclasses import replace

import pytest

from app.channels import signatures
from app.channels.base import Refused, SourceConfig, WebhookRequest
from tests.channels.samples import sample

# Published in the tests of Twilio's own libraries.
TOKEN, SIGNATURE = "12345", "RSOYDt4T1cUTdK1PDd93/VVr8B8="
SIGNED_WITH_PORT = "kvajT1Ptam85bY51eRf/AJRuM3w="


@pytest.fixture
def call() -> WebhookRequest:
    return sample("twilio_sms", "published_vector").request()


def with_signature(request: WebhookRequest, signature: str, url: str) -> WebhookRequest:
    return replace(request, url=url, headers={**request.headers, "x-twilio-signature": signature})


@pytest.mark.parametrize("signature", [SIGNATURE, SIGNED_WITH_PORT])
@pytest.mark.parametrize("host", ["mycompany.com", "mycompany.com:443"])
def test_twilio_signs_the_standard_port_or_leaves_it_out(call: WebhookRequest, signature: str, host: str) -> None:
    url = f"https://{host}/myapp.php?foo=1&bar=2"

    signatures.twilio(TOKEN, with_signature(call, signature, url))


@pytest.mark.parametrize("host", ["mycompany.com:80", "mycompany.com:8443", "mycompany.com:x", "[mycompany.com"])
def test_twilio_signs_no_other_port(call: WebhookRequest, host: str) -> None:
    url = f"https://{host}/myapp.php?foo=1&bar=2"

    with pytest.raises((Refused, ValueError)):
        signatures.twilio(TOKEN, with_signature(call, SIGNATURE, url))


def test_a_query_that_is_not_in_the_signed_url_is_refused(call: WebhookRequest) -> None:
    with pytest.raises(Refused):
        signatures.twilio(TOKEN, replace(call, query=b"Body=forged"))


def test_another_json_body_than_the_signed_hash_is_refused() -> None:
    request = sample("twilio_sms", "published_vector_json").request()

    with pytest.raises(Refused):
        signatures.twilio(TOKEN, replace(request, body=request.body + b" "))


@pytest.mark.parametrize("given", [None, "", "é", "\ud83d", "00", "sha256="])
def test_junk_is_no_signature(given: str | None) -> None:
    with pytest.raises(Refused):
        signatures.hmac_hex("secret", b"body", given)
    with pytest.raises(Refused):
        signatures.hmac_base64("secret", [b"body"], given)


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Bearer YTpi", "basic YTpj", "YTpi"])
def test_only_the_right_basic_credentials_pass(call: WebhookRequest, header: str) -> None:
    with pytest.raises(Refused):
        signatures.basic(replace(call, headers={"authorization": header}), "a", "b")


def test_basic_credentials_may_have_any_letters(call: WebhookRequest) -> None:
    encoded = base64.b64encode("نام:گذر:واژه".encode()).decode()

    signatures.basic(replace(call, headers={"authorization": f"basic {encoded}"}), "نام", "گذر:واژه")


@pytest.mark.parametrize("timestamp", ["", "soon", "1e5", "9" * 5_000, "-1", "1461261330.5"])
def test_a_timestamp_is_recent_or_refused(call: WebhookRequest, timestamp: str) -> None:
    with pytest.raises(Refused):
        signatures.fresh(timestamp, call, SourceConfig("sample"), 60)
