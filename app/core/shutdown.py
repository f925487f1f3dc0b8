"""Learning early that the process is asked to stop: servers first wait for their requests, then end the lifespan."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def when_asked_to_stop(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` in the loop when a signal to stop comes, then whoever handled it before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(act)
        before[number](number, frame)

    handled = [number for number in _SIGNALS if callable(before[number])]  # else nobody ends the lifespan at all
    for number in handled:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in handled:
            if signal.getsignal(number) is handle:
                signal.signal(number, before[number])
