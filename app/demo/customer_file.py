"""The customer file for a person to read: who this is, where to reach them, what they said, newest first."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.demo.typesetting import Words, borderless, isolated, spoken

File = Mapping[str, Any]


def show(console: Console, file: File) -> None:
    zone = ZoneInfo(file["customer"]["time_zone"] or "UTC")
    console.print()
    console.print(_header(file["customer"], zone))
    for title, content in _sections(file, zone):
        console.print()
        console.print(title, style="bold")
        console.print(Padding(content, (0, 0, 0, 2)))


def _header(customer: Mapping[str, Any], zone: ZoneInfo) -> Panel:
    first, last = (_moment(customer[name], zone) for name in ("first_contact_at", "last_contact_at"))
    facts = (
        f"{customer['status']} {customer['kind']}, language {customer['language'] or 'unknown'}, times of {zone.key}",
        f"first contact {first}, last {last}",
    )
    return Panel(
        "\n".join(facts),
        box=box.HORIZONTALS,
        title=Text(isolated(customer["display_name"] or "no name yet"), "bold"),
        title_align="left",
        padding=(0, 2),
    )


def _sections(file: File, zone: ZoneInfo) -> Iterable[tuple[str, RenderableType]]:
    yield "Reached at", _identifiers(file["customer"]["identifiers"], zone)
    by_day = groupby(file["recent_interactions"], lambda touch: _at(touch["occurred_at"], zone).date())
    today = datetime.now(zone).date()
    for day, touches in by_day:
        yield f"{'Today, ' if day == today else ''}{day:%A %d %B}", _timeline(touches, zone)
    counts = file["channels"].values()
    older = sum(each["inbound"] + each["outbound"] for each in counts) - len(file["recent_interactions"])
    if older:
        yield "Earlier", Text(f"{older} more in her timeline")
    yield "Channels", _channels(file["channels"])
    yield "Open conversations", _conversations(file, zone)
    pairs = file["suggested_duplicates"]
    found = f"{len(pairs)} waiting for somebody to judge" if pairs else "none: nothing suggests a second file of hers"
    yield "Possible duplicates", Text(found)


def _identifiers(identifiers: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> Table:
    table = borderless()
    for each in identifiers:
        table.add_row(
            Text(each["kind"], "cyan"),
            Text(each["value"]),
            Text(each["confidence"], "dim"),
            Text(f"since {_moment(each['first_seen_at'], zone)}", "dim"),
            Text(f"written {isolated(each['raw'])}" if each["raw"] not in (None, each["value"]) else "", "dim"),
        )
    return table


def _timeline(touches: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> Table:
    table = borderless()
    for touch in touches:
        subject = [Words(touch["subject"], "bold")] if touch["subject"] else []
        circumstances = [Words(told, "dim") for told in _circumstances(touch)]
        table.add_row(
            Text(f"{_at(touch['occurred_at'], zone):%H:%M}"),
            Text(spoken(touch["channel"]), "cyan"),
            Text("in", "green") if touch["direction"] == "inbound" else Text("out", "magenta"),
            Group(*subject, Words(touch["reply_text"]), *circumstances),
        )
    return table


def _circumstances(touch: Mapping[str, Any]) -> Iterable[str]:
    if touch["duration_s"]:
        minutes, seconds = divmod(touch["duration_s"], 60)
        yield f"{minutes} min {seconds} s with {touch['agent']}"
    elif touch["agent"]:
        yield f"by {touch['agent']}"
    if touch["location"]:
        yield str(touch["location"])


def _channels(channels: Mapping[str, Mapping[str, int]]) -> Columns:
    counts = []
    for name, count in channels.items():
        ways = [f"{count[way]} {word}" for way, word in (("inbound", "in"), ("outbound", "out")) if count[way]]
        counts.append(Text.assemble((spoken(name), "cyan"), " ", ", ".join(ways)))
    return Columns(counts, padding=(0, 4))


def _conversations(file: File, zone: ZoneInfo) -> Table:
    """Those without a subject are known by what was said last."""
    last_words = {each["conversation_id"]: each["reply_text"] for each in reversed(file["recent_interactions"])}
    table = borderless()
    for each in file["conversations"]:
        first, last = _moment(each["first_at"], zone), _moment(each["last_at"], zone)
        table.add_row(
            Text(spoken(each["channel"]), "cyan"),
            Text(first if first == last else f"{first} to {last}", "dim"),
            Words(each["subject"] or last_words.get(each["id"], "")),
        )
    return table


def _at(moment: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(moment).astimezone(zone)


def _moment(moment: str, zone: ZoneInfo) -> str:
    """A time of today by the clock, any other with its day."""
    at = _at(moment, zone)
    return f"{at:%H:%M}" if at.date() == datetime.now(zone).date() else f"{at:%d %b %H:%M}"
