"""How requests to Amazon's APIs are signed: AWS Signature Version 4."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsKey:
    key_id: str
    secret: str


def signed_headers(key: AwsKey, url: str, *, region: str, service: str, at: datetime) -> Mapping[str, str]:
    """Of a GET ("Signature Calculations for the Authorization Header"), for 15 minutes around `at`. Path and query of
    the URL must be in their canonical form."""
    parts, moment = urlsplit(url), at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    empty = hashlib.sha256(b"").hexdigest()
    shown = {"x-amz-content-sha256": empty, "x-amz-date": moment}
    signed = sorted({**shown, "host": parts.netloc}.items())
    names = ";".join(name for name, _ in signed)
    lines = [f"{name}:{value}\n" for name, value in signed]
    canonical = "\n".join(["GET", parts.path or "/", parts.query, "".join(lines), names, empty])
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signing_key = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.new(signing_key, to_sign.encode(), "sha256").hexdigest()
    authorization = f"{_ALGORITHM} Credential={key.key_id}/{scope},SignedHeaders={names},Signature={signature}"
    return {**shown, "authorization": authorization}
