"""Makes any text storable: PostgreSQL holds neither NUL nor a lone surrogate, and JSON may carry both."""

from typing import Any


def clean(text: str) -> str:
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # Through UTF-16, so that two halves which do belong together become the character they mean.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def clean_json(value: Any) -> Any:
    """A cleaned copy of a JSON value. A loop, not a recursion: whoever sends JSON chooses how deep it is."""
    if isinstance(value, str):
        return clean(value)
    root: list[Any] = [value]
    containers: list[dict[str, Any] | list[Any]] = [root]
    while containers:
        container = containers.pop()
        for key, item in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(item, str):
                container[key] = clean(item)  # type: ignore[index]
            elif isinstance(item, dict | list | tuple):
                container[key] = copy = _copy(item)  # type: ignore[index]
                containers.append(copy)
    return root[0]


def _copy(container: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> dict[str, Any] | list[Any]:
    if isinstance(container, dict):
        return {clean(key) if isinstance(key, str) else key: item for key, item in container.items()}
    return list(container)
