"""What a reader sees of a mail's html, a line for a line; quoted mail is marked as in plain text."""

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser, LexborNode

from app.channels.email.markup import unreasonable, without_data

_LONGEST_UNREAD = 1_000_000
_TAG = re.compile(r"<[^<>]*+>")
_BLANK_LINES = re.compile(r"\n{3,}")
_UNSEEN = (
    "script, style, title, template, noscript, object, iframe, svg, [hidden], "
    '[style*="display:none" i], [style*="display: none" i], [style*="mso-hide:all" i]'
)
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre"})
_LINES = frozenset({"div", "li", "tr", "dt", "dd", "section", "article", "header", "footer", "center", "form", "hr"})
_CELLS = frozenset({"td", "th"})
_EDGES = _PARAGRAPHS | _LINES | _CELLS
_BULLET = "- "
_PICTURE_LETTERS = 8


def to_text(html: str) -> str:
    html = without_data(html)
    if unreasonable(html):
        return " ".join(unescape(_TAG.sub(" ", html[:_LONGEST_UNREAD])).split())
    tree, page = LexborHTMLParser(html), _Page()
    for unseen in tree.css(_UNSEEN):
        unseen.decompose()
    if tree.body is not None:
        _write(page, tree.body)
    return page.text()


def _write(page: "_Page", body: LexborNode) -> None:
    """A loop, not a recursion: whoever sends html chooses how deep it is."""
    ahead: list[LexborNode | str] = [body]
    while ahead:
        node = ahead.pop()
        if isinstance(node, str):
            page.leave(node)
            continue
        tag = node.tag
        if tag == "-text":
            page.write(node.text_content or "")
        elif tag == "br":
            page.break_line()
        elif tag == "img":
            page.draw(node.attributes.get("alt") or "")
        else:
            if tag in _EDGES:
                page.enter(tag)
                ahead.append(tag)
            children = list(node.iter(include_text=True))
            children.reverse()
            ahead += children


class _Page:
    """Lines in the making."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._spaced = True
        """Whether the next word needs no space before it."""
        self._quoted = 0
        self._verbatim = 0

    def text(self) -> str:
        self._end_line()
        return _BLANK_LINES.sub("\n\n", "\n".join(self._lines)).strip()

    def enter(self, tag: str) -> None:
        if tag in _CELLS:
            self.write(" ")
        elif self._line != [_BULLET]:
            # The first block of an item stands beside its bullet.
            self._end_line()
            self._set_off(tag)
        self._quoted += tag == "blockquote"
        self._verbatim += tag == "pre"
        if tag == "li":
            self._line = [_BULLET]

    def leave(self, tag: str) -> None:
        if tag in _CELLS:
            return
        self._end_line()
        self._quoted -= tag == "blockquote"
        self._verbatim -= tag == "pre"
        self._set_off(tag)

    def write(self, text: str) -> None:
        if self._verbatim:
            *lines, last = text.split("\n")
            for line in lines:
                self._line.append(line)
                self.break_line()
            self._line.append(last)
            return
        words = " ".join(text.split())
        if not self._spaced and (not words or text[0].isspace()):
            self._line.append(" ")
            self._spaced = True
        if words:
            self._line.append(f"{words} " if text[-1].isspace() else words)
            self._spaced = text[-1].isspace()

    def draw(self, letters: str) -> None:
        """A picture: many clients draw their emoji."""
        if not letters.isascii() and len(letters) <= _PICTURE_LETTERS:
            self.write(letters)

    def break_line(self) -> None:
        self._lines.append(f"{'> ' * self._quoted}{''.join(self._line)}".rstrip())
        self._line = []
        self._spaced = True

    def _set_off(self, tag: str) -> None:
        if tag in _PARAGRAPHS and self._lines and self._lines[-1].strip("> "):
            self._lines.append(("> " * self._quoted).rstrip())

    def _end_line(self) -> None:
        if self._line:
            self.break_line()
            if not self._lines[-1]:
                self._lines.pop()
