"""JSON Web Tokens (RFC 7519) signed with a shared secret, as some providers prove their webhooks.

PyJWT checks the signature alone: times are measured against the request, not against a clock.
"""

import hashlib
from datetime import datetime
from typing import Any

from jwt import PyJWS, PyJWTError
from jwt.algorithms import HMACAlgorithm

from app.channels import documents, signatures
from app.channels.base import Refused, Unreadable
from app.channels.documents import Document


class _Hmac(HMACAlgorithm):
    """How long a secret is, the provider decides: Vonage gives out 16 letters."""

    def check_key_length(self, key: bytes) -> str | None:
        return None


def _library() -> PyJWS:
    library = PyJWS(algorithms=[])
    for name, hash_algorithm in (("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
        library.register_algorithm(name, _Hmac(hash_algorithm))
    return library


_LIBRARY = _library()


def claims(token: str, secret: str, *algorithms: str) -> Document:
    """What a token claims, if the secret signed it."""
    try:
        return documents.read(_LIBRARY.decode(token, secret, algorithms=algorithms))
    except (PyJWTError, Unreadable, UnicodeError, RecursionError) as error:
        raise Refused("token missing or wrong") from error


def cover(claimed: Document, claim: str, content: bytes) -> None:
    """The claim must be the hex SHA-256 of the content."""
    if not signatures.same(str(claimed.get(claim, "")).lower(), hashlib.sha256(content).hexdigest()):
        raise Refused(f"the token has another {claim}")


def issued_by(claimed: Document, issuer: str) -> None:
    if claimed.get("iss") != issuer:
        raise Refused("the token has another issuer")


def age_s(claimed: Document, claim: str, received_at: datetime) -> float:
    """How long before the request the time in the claim was; negative for a time to come."""
    seconds: Any = claimed.get(claim)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise Refused(f"the token has no {claim}")
    return received_at.timestamp() - seconds
