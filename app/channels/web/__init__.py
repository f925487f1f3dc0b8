"""Web sites."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.web.form import WebForm

ADAPTERS: Sequence[Adapter] = (WebForm(),)
