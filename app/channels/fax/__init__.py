"""Fax."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.fax.documo import DocumoFax
from app.channels.fax.sinch import SinchFax
from app.channels.fax.telnyx import TelnyxFax

ADAPTERS: Sequence[Adapter] = (TelnyxFax(), SinchFax(), DocumoFax())
