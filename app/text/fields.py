"""Field types for text that people and programs send: cleaned of what PostgreSQL cannot hold, never refused for it."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from app.config import Region as Region
from app.text.cleaning import clean, clean_json


def _trimmed(value: Any) -> Any:
    """Before any length is checked: blanks are no name."""
    return clean(value).strip() if isinstance(value, str) else clean_json(value)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity, though Python's reader lets them pass."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinite numbers are not JSON")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _finite(part)
    return value


Text = Annotated[str, BeforeValidator(clean_json)]
ShortText = Annotated[str, BeforeValidator(_trimmed), StringConstraints(max_length=500)]
Typed = Annotated[str, BeforeValidator(clean_json), StringConstraints(max_length=200)]
"""What somebody types into a search box."""
Address = Annotated[str, BeforeValidator(clean_json), StringConstraints(max_length=500)]
"""An identifier as people write it; not stripped: a leading space may be a plus that a URL lost."""
JsonObject = Annotated[dict[str, Any], BeforeValidator(clean_json), AfterValidator(_finite)]
