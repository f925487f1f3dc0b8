"""README tells of the providers what the adapters say of themselves."""

from pathlib import Path

from app.channels.matrix import matrix
from app.channels.registry import ADAPTERS

README = Path(__file__).parents[2] / "README.md"


def test_readme_has_the_matrix_of_the_adapters() -> None:
    assert matrix() in README.read_text("utf-8"), "put the output of `onefile providers` into README"


def test_every_adapter_says_what_it_cannot_do() -> None:
    silent = [name for name, adapter in ADAPTERS.items() if not adapter.limits]
    assert silent == []
