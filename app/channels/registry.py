"""All adapters by provider name."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from app.channels import chat, email, fax, sms, voice, web
from app.channels.base import Adapter

_ALL = (*sms.ADAPTERS, *email.ADAPTERS, *chat.ADAPTERS, *voice.ADAPTERS, *fax.ADAPTERS, *web.ADAPTERS)

if twice := [provider for provider, times in Counter(adapter.provider for adapter in _ALL).items() if times > 1]:
    raise RuntimeError(f"Two adapters of one name: {', '.join(twice)}")

ADAPTERS: Mapping[str, Adapter] = MappingProxyType({adapter.provider: adapter for adapter in _ALL})
