"""Electronic mail."""

from collections.abc import Sequence

from app.channels.base import Adapter
from app.channels.email.amazon_ses import AmazonSes
from app.channels.email.brevo import Brevo
from app.channels.email.mailgun import Mailgun
from app.channels.email.mailjet import Mailjet
from app.channels.email.mandrill import Mandrill
from app.channels.email.postmark import Postmark
from app.channels.email.raw_mime import RawMime
from app.channels.email.resend import Resend
from app.channels.email.sendgrid import SendGrid

ADAPTERS: Sequence[Adapter] = (
    Mailgun(),
    Postmark(),
    AmazonSes(),
    SendGrid(),
    Mandrill(),
    Mailjet(),
    Brevo(),
    Resend(),
    RawMime(),
)
