"""Web sites, and programs of all kinds that call by webhook."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.web.aws_sns import AwsSns
from app.channels.web.cloudevents import CloudEvents
from app.channels.web.form import WebForm
from app.channels.web.standard_webhooks import StandardWebhooks

ADAPTERS: Sequence[Adapter] = (WebForm(), CloudEvents(), StandardWebhooks(), AwsSns())
