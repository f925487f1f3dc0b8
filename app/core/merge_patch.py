"""JSON merge patch (RFC 7396)."""

from collections.abc import Mapping
from typing import Any


def merged(target: Any, patch: Mapping[str, Any] | None) -> dict[str, Any]:
    """`target` with `patch` applied: null removes a key or empties all, objects merge, everything else replaces."""
    if patch is None:
        return {}
    result: dict[str, Any] = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            result[key] = merged(result.get(key), value)
        else:
            result[key] = value
    return result
