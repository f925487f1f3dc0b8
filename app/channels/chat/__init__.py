"""Messengers."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.chat.telegram import Telegram
from app.channels.chat.twilio_whatsapp import TwilioWhatsApp
from app.channels.chat.vonage_messages import VonageMessages
from app.channels.chat.whatsapp_cloud import WhatsAppCloud

ADAPTERS: Sequence[Adapter] = (WhatsAppCloud(), Telegram(), TwilioWhatsApp(), VonageMessages())
