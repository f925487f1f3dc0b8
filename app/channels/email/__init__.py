"""Electronic mail."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.email.mailgun import Mailgun
from app.channels.email.postmark import Postmark

ADAPTERS: Sequence[Adapter] = (Mailgun(), Postmark())
