"""Messengers."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.chat.whatsapp_cloud import WhatsAppCloud

ADAPTERS: Sequence[Adapter] = (WhatsAppCloud(),)
