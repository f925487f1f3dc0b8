"""Short messages."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.sms.aws_sns import AwsSnsSms
from app.channels.sms.infobip import Infobip
from app.channels.sms.kavenegar import Kavenegar
from app.channels.sms.messagebird import MessageBird
from app.channels.sms.panel_push import Ghasedak, Melipayamak
from app.channels.sms.plivo import Plivo
from app.channels.sms.sinch import SinchSms
from app.channels.sms.telnyx import TelnyxSms
from app.channels.sms.twilio import TwilioSms
from app.channels.sms.vonage_sms import VonageSms

ADAPTERS: Sequence[Adapter] = (
    TwilioSms(),
    Kavenegar(),
    AwsSnsSms(),
    VonageSms(),
    Plivo(),
    TelnyxSms(),
    MessageBird(),
    Infobip(),
    SinchSms(),
    Melipayamak(),
    Ghasedak(),
)
