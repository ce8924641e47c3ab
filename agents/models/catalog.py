"""The configured models, by alias."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.request import getproxies

from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from agents.errors import ModelRefused, UnknownModel
from agents.models.base import Model
from agents.models.foreign import ForeignModel
from agents.models.openai import OpenAIModel
from config.settings import ModelSettings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

OFFLINE = "offline"


def open_session() -> ClientSession:
    """Return the HTTP session that all models share: no limit on connections, no cookies. Close it at the end."""
    connector = TCPConnector(limit=0, keepalive_timeout=60, ttl_dns_cache=60)
    # With trust_env aiohttp looks for proxies and reads ~/.netrc at every request: only where there is a proxy.
    return ClientSession(connector=connector, cookie_jar=DummyCookieJar(), trust_env=bool(getproxies()))


class Models:
    """The models of `parley.yaml`. Each is built when first used, once."""

    def __init__(self, settings: Mapping[str, ModelSettings], session: ClientSession) -> None:
        self._settings = dict(settings)
        self._session = session
        self._built: dict[str, Model] = {}
        self._chats: dict[str, BaseChatModel] = {}

    def settings(self, alias: str) -> ModelSettings:
        """Return a model's settings.

        Raises:
            UnknownModel: no model of that alias is configured.
        """
        try:
            return self._settings[alias]
        except KeyError:
            known = ", ".join(sorted(self._settings)) or "none"
            raise UnknownModel(f"no model `{alias}` is configured (there are: {known})") from None

    def chain(self, alias: str) -> tuple[str, ...]:
        """Return the alias and its fallbacks in the order in which they are tried, each once."""
        return tuple(dict.fromkeys((alias, *self.settings(alias).fallbacks)))

    def is_offline(self, alias: str) -> bool:
        """Return whether no language model stands behind an alias.

        True for the provider `offline`, and for OpenAI's own endpoint without a key: it would refuse every call.
        """
        settings = self.settings(alias)
        keyless = settings.api_key is None and settings.base_url is None and not settings.headers
        return settings.provider == OFFLINE or (settings.provider == "openai" and keyless)

    def model(self, alias: str) -> Model:
        """Return a model.

        Raises:
            UnknownModel: no model of that alias is configured.
            ModelRefused: it cannot be built; the message says what to install or change.
        """
        if alias not in self._built:
            self._built[alias] = self._build(alias)
        return self._built[alias]

    def chat(self, alias: str) -> BaseChatModel:
        """Return a model as a LangChain chat model; raises like `model`."""
        if alias not in self._chats:
            from agents.models.chat import ChatModel

            model = self.model(alias)
            self._chats[alias] = model.chat if isinstance(model, ForeignModel) else ChatModel(backend=model)
        return self._chats[alias]

    def _build(self, alias: str) -> Model:
        settings = self.settings(alias)
        if self.is_offline(alias):
            raise ModelRefused(f"model `{alias}` is offline: no language model is configured", alias=alias)
        if settings.provider == "openai":
            return OpenAIModel(alias, settings, self._session)
        return ForeignModel(alias, settings)
