"""Telephone calls."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.voice.telnyx import TelnyxVoice
from app.channels.voice.twilio import TwilioVoice

ADAPTERS: Sequence[Adapter] = (TwilioVoice(), TelnyxVoice())
