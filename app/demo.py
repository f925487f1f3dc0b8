def play(host: str, port: int, *, leave: bool) -> None:
    """Replaced by helper."""
