"""The schema of the process: `parley.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)

from config.assistant import Name, Section


def _blank_is_none(value: object) -> object:
    return None if value == "" else value


def _number_is_text(value: object) -> object:
    """Ids of Telegram are numbers; people write them without quotes."""
    return str(value) if type(value) is int else value


def _down_to_the_chat(name: str) -> str:
    """Refuse what would never match: a limit that is written wrongly must not look like one."""
    if sum(1 for part in name.split(":")[:3] if part.strip()) < 3:
        raise ValueError("a conversation is named platform:account:chat, as `/status` shows it there")
    return name.strip()


ConversationName = Annotated[str, AfterValidator(_down_to_the_chat)]
OptionalText = Annotated[str | None, BeforeValidator(_blank_is_none)]
"""An unset environment variable interpolates to an empty text: it means "not given"."""
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_blank_is_none)]
OptionalNumber = Annotated[float | None, BeforeValidator(_blank_is_none)]


class HttpSettings(Section):
    """Where the web chat, the API and webhooks listen."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: OptionalText = Field(None, description="The address platforms reach this server at, for webhooks.")
    body_max_bytes: int = Field(1_000_000, ge=1000, description="Larger requests are refused.")


class RedisSettings(Section):
    """The store: an embedded Valkey by default."""

    url: OptionalText = Field(
        None,
        description="redis://, rediss:// or unix:// address; empty starts an embedded Valkey in data_dir.",
    )
    partitions: int = Field(
        1, ge=1, le=256, description="Hash slots to spread conversations over; 1 is right for a single server."
    )
    prefix: str = Field("parley", description="Prefix of every key.")
    fsync: Literal["everysec", "always"] = Field(
        "everysec", description="Embedded Valkey: `always` also survives a power cut, at the price of speed."
    )
    timeout_s: float = Field(5, gt=0, description="How long a command may take.")

    @field_serializer("url", when_used="json")
    def _hide_password(self, url: str | None) -> str | None:
        """`parley config show` prints this."""
        return url and re.sub(r"(?<=://).*(?=@)", "**********", url)


class ModelSettings(Section):
    """One language model, under its alias."""

    provider: str = Field(
        "openai",
        description="`openai` for every OpenAI-compatible endpoint, `offline`, a provider of LangChain's "
        "init_chat_model, or `auto`: `openai` where a key or an address is given, otherwise `offline`.",
    )
    model: str = Field("gpt-4o-mini", description="The provider's name of the model.")
    base_url: OptionalText = Field(None, description="The endpoint, for example https://api.deepseek.com/v1.")
    api_key: OptionalSecret = Field(None, description="The key; write ${VARIABLE}, never the key itself.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="More HTTP headers (Azure: api-key).")
    query: dict[str, str] = Field(default_factory=dict, description="More query parameters (Azure: api-version).")
    temperature: OptionalNumber = Field(None, ge=0, le=2, description="Empty: the provider's default.")
    top_p: OptionalNumber = Field(None, gt=0, le=1, description="Empty: the provider's default.")
    max_tokens: int | None = Field(None, ge=1, description="Longest answer in tokens.")
    timeout_s: float = Field(60, gt=0, description="Longest silence of the endpoint before a retry.")
    retries: int = Field(2, ge=0, le=10, description="Tries after the first, while nothing was shown yet.")
    fallbacks: tuple[str, ...] = Field((), description="Aliases tried in order when this one fails.")
    context_tokens: int = Field(
        32000, ge=1000, description="What the model can read; longer agent runs are summarised."
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Further fields of the request.")

    @model_validator(mode="before")
    @classmethod
    def _choose_provider(cls, data: Any) -> Any:
        """Nothing but this validator ever sees `auto`."""
        if not isinstance(data, dict) or data.get("provider") != "auto":
            return data
        return {**data, "provider": "openai" if data.get("api_key") or data.get("base_url") else "offline"}


class WebSettings(Section):
    """The chat page at `/`."""

    enabled: bool = Field(True, description="Serve the chat page.")
    assistant: str | None = Field(None, description="The assistant that answers; by default `default_assistant`.")


class TelegramSettings(Section):
    """One Telegram bot, under the account's name. It is on when it has a token."""

    token: OptionalSecret = Field(None, description="The bot's token from @BotFather; write ${VARIABLE}.")
    api_base: OptionalText = Field(None, description="A self-hosted Bot API server.")
    mode: Literal["polling", "webhook"] = Field("polling", description="How updates arrive.")
    secret_token: OptionalSecret = Field(
        None, description="webhook: what Telegram must send along; by default derived from the token."
    )
    groups: Literal["mentions", "all", "off"] = Field(
        "mentions", description="mentions: answer in groups when mentioned, replied to or commanded."
    )
    group_memory: Literal["shared", "member"] = Field(
        "shared", description="shared: one conversation per group or topic; member: one per person in it."
    )
    assistant: str | None = Field(None, description="The assistant that answers; by default `default_assistant`.")
    streaming: bool = Field(True, description="Show the answer while it is written.")

    @property
    def enabled(self) -> bool:
        """True where the account has a token."""
        return self.token is not None


class ChannelSettings(Section):
    """The platforms, each with its accounts."""

    web: WebSettings = WebSettings()
    telegram: dict[Name, TelegramSettings] = Field(default_factory=dict, description="Bots by account name.")

    plugins: dict[Name, dict[Name, dict[str, Any]]] = Field(
        default_factory=dict,
        description="Accounts of platforms whose channel is installed as a package (entry point parley.channels).",
    )

    def accounts(self) -> Iterator[tuple[str, str, Any]]:
        """Yield platform, account name and settings of every account on a platform that is on."""
        for account, settings in self.telegram.items():
            if settings.enabled:
                yield "telegram", account, settings
        for platform, accounts in self.plugins.items():
            for account, options in accounts.items():
                yield platform, account, options

    def assistant_of(self, channel: str, account: str) -> str | None:
        """Return the assistant that an account names, or None where the default one answers."""
        if channel == "web":
            return self.web.assistant
        for platform, name, settings in self.accounts():
            if (platform, name) == (channel, account):
                return settings.get("assistant") if isinstance(settings, dict) else settings.assistant
        return None


class Owner(Section):
    """A person with every right, by the platform's id."""

    channel: str = Field(description="For example telegram.")
    account: str = Field("default", description="The account's name in `channels`.")
    user: Annotated[str, BeforeValidator(_number_is_text)] = Field(
        description="The platform's user id, never a display name."
    )


class Person(Section):
    """A person with roles, by the platform's id; `/whoami` shows both."""

    channel: str = Field(description="For example telegram, web, or api.")
    account: str = Field("default", description="The account's name in `channels`.")
    user: Annotated[str, BeforeValidator(_number_is_text)] = Field(
        description="The platform's user id, never a display name; for channel api the name of the key."
    )
    roles: tuple[str, ...] = Field(
        description="What they may see (the `roles` of knowledge) and do: admin looks after the knowledge bases."
    )

    @field_validator("roles")
    @classmethod
    def _plain_names(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        """An owner has rights beyond every role: who is one is written in one place only."""
        if "owner" in roles:
            raise ValueError("owners are named under `owners`")
        if not all(role.strip() == role != "" for role in roles):
            raise ValueError("a role is a name without spaces around it")
        return roles


class ConversationLimits(Section):
    """Bounds of the durable path."""

    lane_depth: int = Field(
        50, ge=1, description="Messages that may wait in one conversation; more get a polite refusal."
    )
    attempts: int = Field(4, ge=1, description="Runs of one message before it is failed and dead-lettered.")
    lease_s: float = Field(
        15, ge=0.5, description="How long a worker may be silent before its conversation is taken over."
    )
    concurrency: int = Field(100, ge=1, description="Conversations that one worker answers side by side.")
    deduplicate_hours: float = Field(48, gt=0, description="How long a message id is remembered.")
    delivery_attempts: int = Field(6, ge=1, description="Tries to deliver one part before it is dead-lettered.")
    drain_s: float = Field(20, ge=0, description="SIGTERM: how long running turns may finish.")
    attachment_max_bytes: int = Field(20_000_000, ge=1000, description="Larger attachments are not fetched.")


class EmbeddingSettings(Section):
    """How texts become vectors. Another model embeds everything again, beside the old vectors, and then takes over."""

    provider: Literal["offline", "openai"] = Field(
        "offline", description="offline: a model that comes along. openai: any OpenAI-compatible endpoint."
    )
    model: str = Field("text-embedding-3-small", description="openai: the endpoint's name of the model.")
    base_url: OptionalText = Field(None, description="openai: the endpoint, for example https://api.openai.com/v1.")
    api_key: OptionalSecret = Field(None, description="openai: the key; write ${VARIABLE}, never the key itself.")
    dimensions: int | None = Field(None, ge=8, le=8192, description="openai: ask for vectors of this length.")
    batch: int = Field(64, ge=1, le=2048, description="openai: texts in one request.")
    timeout_s: float = Field(30, gt=0, description="openai: how long a request may take.")
    retries: int = Field(3, ge=0, le=10, description="openai: tries after the first.")


class RerankSettings(Section):
    """What puts passages into the best order after the search; off without a url and without a provider's name."""

    provider: str = Field(
        "endpoint",
        description="endpoint: the address in `url`. Otherwise the name of an installed one (entry point "
        "parley.rerankers), which runs in this process.",
    )
    url: OptionalText = Field(None, description="The whole address, for example https://api.jina.ai/v1/rerank.")
    model: str = Field("", description="The endpoint's name of the model.")
    api_key: OptionalSecret = Field(None, description="The key; write ${VARIABLE}, never the key itself.")
    candidates: int = Field(20, ge=2, le=100, description="How many passages it is given.")
    timeout_s: float = Field(5, gt=0, description="After that the passages keep their order.")


class ChromaSettings(Section):
    """Where vectors are searched: inside this process, or on a Chroma server that several processes share."""

    url: OptionalText = Field(
        None, description="A server started with `chroma run`; empty: inside this process, in data_dir."
    )
    token: OptionalSecret = Field(None, description="Sent as a bearer token.")
    timeout_s: float = Field(10, gt=0, description="How long a request may take.")


class WebSource(Section):
    """Documents from the web. Addresses inside the own network are refused unless `fetch_networks` names them."""

    url: str = Field(description="An http or https address.")
    kind: Literal["page", "sitemap", "crawl", "feed"] = Field(
        "page", description="page: this one. sitemap, feed: what it lists. crawl: what it links to, on the same host."
    )
    depth: int = Field(2, ge=0, le=10, description="crawl: how many links away from the first page.")
    pages: int = Field(200, ge=1, le=20000, description="At most so many pages.")
    include: tuple[str, ...] = Field(
        (), description="Only addresses that match one of these patterns (`*` is any text)."
    )
    exclude: tuple[str, ...] = Field((), description="No addresses that match one of these patterns.")
    delay_s: float = Field(0.5, ge=0, le=60, description="Pause between two requests to the same host.")


class DocumentRule(Section):
    """What holds for the documents whose path or address matches."""

    match: str = Field(description="A pattern, for example `*/hr/*`.")
    roles: tuple[str, ...] = Field((), description="Only people with one of these roles may see them.")
    conversations: tuple[ConversationName, ...] = Field(
        (), description="They may be seen in these conversations only (see the base's own)."
    )
    tags: tuple[str, ...] = Field((), description="Tags for filtering.")


class KnowledgeBase(Section):
    """One knowledge base: where its documents come from, and who may see them."""

    sources: tuple[str, ...] = Field((), description="Files and folders, relative to the file that names them.")
    web: tuple[WebSource, ...] = Field((), description="Pages, sitemaps, sites and feeds.")
    fetch_networks: tuple[str, ...] = Field(
        (), description="Networks of your own that `web` may reach, for example 10.1.0.0/16."
    )
    roles: tuple[str, ...] = Field((), description="Only people with one of these roles may see the base.")
    conversations: tuple[ConversationName, ...] = Field(
        (),
        description="The base may be seen in these conversations only: what `/status` shows there, or its beginning "
        "down to the chat, for example `telegram:default:-100123` for a group with all its topics.",
    )
    rules: tuple[DocumentRule, ...] = Field((), description="Limits and tags for some of the documents.")
    sync_minutes: float = Field(0, ge=0, description="Look for changes this often; 0: at the start and when asked.")
    revisions: int = Field(20, ge=1, le=1000, description="How many revisions can be rolled back to.")
    description: str = Field("", description="One line, for people.")
    link: str = Field(
        "",
        pattern=r"^$|^https?://\S*\{document\}\S*$",
        description="Where people can read a document of `sources`: an address with {document} in it, its path. "
        "Citations link there.",
    )
    threshold: float = Field(0.266, ge=0, le=1, description="Passages that score lower count as not found.")
    chunk_characters: int = Field(700, ge=100, le=8000, description="How long a chunk may be.")
    around: int = Field(
        0, ge=0, le=5, description="So many chunks of the same section before and after a hit are given along with it."
    )


class LogSettings(Section):
    """Logging."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")
    format: Literal["auto", "text", "json"] = Field("auto", description="auto: text on a terminal, else JSON lines.")


class Settings(Section):
    """The whole of `parley.yaml`."""

    http: HttpSettings = HttpSettings()
    redis: RedisSettings = RedisSettings()
    data_dir: Path = Field(
        Path("./data"), description="The folder that Parley writes to, relative to the working folder."
    )
    models: dict[Name, ModelSettings] = Field(default_factory=dict, description="Language models by alias.")
    channels: ChannelSettings = ChannelSettings()
    default_assistant: str | None = Field(
        None, description="Who answers unless something else says; by default the first."
    )
    embeddings: EmbeddingSettings = EmbeddingSettings()
    rerank: RerankSettings = RerankSettings()
    chroma: ChromaSettings = ChromaSettings()
    knowledge: dict[Name, KnowledgeBase] = Field(default_factory=dict, description="Knowledge bases by name.")
    owners: tuple[Owner, ...] = Field(
        (), description="People who may do everything, besides those who used a claim code."
    )
    people: tuple[Person, ...] = Field((), description="People with roles. Nobody has another role, not even an owner.")
    limits: ConversationLimits = ConversationLimits()
    log: LogSettings = LogSettings()
