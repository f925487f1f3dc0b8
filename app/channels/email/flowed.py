"""Flowed text (RFC 3676): lines that a mail program broke softly are one paragraph again."""

_SIGNATURE = "-- "


def unflow(text: str, *, delsp: bool) -> str:
    """`delsp`: the space before a soft break is not part of the text."""
    paragraphs: list[list[str]] = []
    open_depth = None
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        flows = content.endswith(" ") and content != _SIGNATURE
        piece = content[:-1] if flows and delsp else content
        if open_depth == depth and content != _SIGNATURE:
            paragraphs[-1].append(piece)
        else:
            paragraphs.append([">" * depth + " " if depth else "", piece])
        open_depth = depth if flows else None
    return "\n".join("".join(pieces) for pieces in paragraphs)
