"""What the demo prints around the customer file: the story line by line, and how to go on."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from io import TextIOWrapper
from typing import Any
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from app.demo.providers import Source
from app.demo.story import PHONE, Scene
from app.demo.typesetting import borderless, isolated, spoken

_COLUMNS = (8, 8, 18, 3, 4)
_GIST = 38
_WIDE = 122
"""From here on there is room for what the words mean."""
_STYLES = {2: "green", 4: "red", 5: "red"}


def open_console() -> Console:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal of another alphabet gets question marks, no traceback
    return Console(highlight=False)


def welcome(console: Console) -> None:
    console.print()
    console.print("[bold]Onefile[/bold]  every message, one customer file")
    console.print()
    console.print("Maryam has ordered a lamp in Tehran. Whichever way she turns to the shop, it ends up in one file.")


def remark(console: Console, text: str) -> None:
    console.print(text, style="yellow")


def sources(console: Console, described: Iterable[Mapping[str, Any]], connected: Mapping[str, Source]) -> None:
    providers = {each["name"]: each for each in described}
    table = borderless()
    for name, source in connected.items():
        provider = providers[source.provider]
        scheme = next(iter(provider["schemes"])).replace("_", " ")
        table.add_row(provider["title"], Text(f"/v1/ingest/{name}", "dim"), Text(f"proven by {scheme}", "dim"))
    console.print()
    console.print("Six providers are connected, with secrets made a moment ago:")
    console.print(Padding(table, (0, 0, 0, 2)))


def heading(console: Console, *, known: bool) -> None:
    if known:
        remark(console, "Her file is there already, from an earlier run. It grows.")
    console.print()
    _columns(console, [Text(name) for name in ("time", "channel", "from", "", "  ms")], "what it says", "", "dim")


def line(console: Console, scene: Scene, sent_at: datetime, response: httpx.Response, milliseconds: float) -> None:
    status = response.status_code
    as_expected = status == scene.expected
    cells = [
        Text(f"{sent_at:%H:%M:%S}", "dim"),
        Text(spoken(scene.channel), "cyan"),
        Text(scene.sender),
        Text(str(status), _STYLES.get(status // 100, "")),
        Text(f"{milliseconds:.0f}".rjust(4), "dim"),
    ]
    _columns(console, cells, scene.words, scene.gist, "", aside=scene.aside)
    if not as_expected:
        console.print(f"  expected {scene.expected}, got: {response.text}", style="red", markup=False)


def strangers(console: Console, customers: Sequence[Mapping[str, Any]]) -> None:
    console.print()
    console.print("Two others wrote meanwhile. They have files of their own:", style="dim")
    for customer in customers:
        addresses = ", ".join(f"{each['kind']} {each['value']}" for each in customer["identifiers"])
        console.print(Text(f"  {addresses}  {isolated(customer['display_name'] or '')}", "dim"))


def next_steps(console: Console, address: str, key: str, form: Source, whereabouts: str) -> None:
    steps = {
        "Try every call; the key goes into Authorize:": f"{address}/docs",
        "Ask for her file, as a telephone exchange would:": f"curl -H 'Authorization: Bearer {key}' "
        f"'{address}/v1/lookup?phone={quote(PHONE)}'",
        "Write to the shop yourself:": f"curl -d phone=09121234567 -d 'message=Hello' '{address}{form.post()['url']}'",
    }
    console.print()
    console.rule(style="dim")
    for title, what in steps.items():
        console.print(title, style="bold")
        console.print(f"  {what}", markup=False, soft_wrap=True)  # to be copied in one piece
    console.print("The key works until you press Ctrl-C. The data stay in:", style="bold")
    console.print(f"  {whereabouts}", markup=False, soft_wrap=True)


def farewell(console: Console) -> None:
    console.print()
    console.print("Stopped. `onefile serve` serves the same data; `onefile keys create NAME` makes a key that stays.")


def afterwards(console: Console, whereabouts: str) -> None:
    console.print()
    console.print(f"The data are in {whereabouts}.", markup=False, soft_wrap=True)
    console.print("`onefile demo` without --exit goes on serving, with the documentation at /docs.")


def _columns(console: Console, cells: Sequence[Text], words: str, gist: str, style: str, *, aside: str = "") -> None:
    """One line: what is short and reads to the right first, the words last and cut to what is left."""
    row = Text(style=style, no_wrap=True)
    for cell, width in zip(cells, _COLUMNS, strict=True):
        cell.truncate(width, overflow="ellipsis", pad=True)
        row.append_text(cell).append("  ")
    if console.width >= _WIDE:
        row.append(gist.ljust(_GIST), "dim").append("  ")
    if aside:
        row.append(f"{aside}: ", "yellow")
    said = Text(words)
    said.truncate(max(console.width - row.cell_len, 10), overflow="ellipsis")
    console.print(row.append(isolated(said.plain)), soft_wrap=True)
