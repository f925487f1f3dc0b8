"""Short messages."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.sms.kavenegar import Kavenegar
from app.channels.sms.twilio import TwilioSms

ADAPTERS: Sequence[Adapter] = (TwilioSms(), Kavenegar())
