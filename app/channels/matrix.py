"""What every provider can do, as the table README shows."""

from app.channels.base import Adapter
from app.channels.registry import ADAPTERS

_HEAD = "| provider | channel | proven by | body proven | delivers | media from |\n|---|---|---|---|---|---|"


def matrix() -> str:
    """Markdown, a line a provider, by channel and name."""
    adapters = sorted(ADAPTERS.values(), key=lambda adapter: (adapter.channel, adapter.provider))
    return "\n".join([_HEAD, *map(_row, adapters)])


def _row(adapter: Adapter) -> str:
    schemes = ", ".join(
        f"`{scheme}` ({', '.join(names)})" if names else f"`{scheme}`" for scheme, names in adapter.schemes.items()
    )
    cells = (
        f"`{adapter.provider}`",
        adapter.channel,
        schemes,
        "yes" if adapter.body_signed else "no",
        ", ".join(adapter.delivers),
        ", ".join(host.removeprefix(".") for host in adapter.media_hosts) or "–",
    )
    return f"| {' | '.join(cells)} |"
