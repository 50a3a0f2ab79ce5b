"""A target: where to aim, in which dialect, and where its key comes from. Never the key itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tokenswarm.profile.address import (
    KEY_PLACEHOLDER,
    SECRET_NAME,
    checked_admin_url,
    checked_path,
    checked_url,
    env_name,
)
from tokenswarm.profile.models import MOST_MODELS, AskedModel, ModelName, shown_models
from tokenswarm.profile.monitor import MonitorSection
from tokenswarm.profile.prices import Prices
from tokenswarm.profile.references import REFERENCE, fill, has_default
from tokenswarm.profile.signals import Gateway, Signal
from tokenswarm.profile.socket_messages import SocketSection
from tokenswarm.profile.values import Block, Document, Flag, Name, problem
from tokenswarm.profile.yaml_tree import Path
from tokenswarm.wire.gateway_signals import AUTO
from tokenswarm.wire.socket_dialect import SOCKET_DIALECTS

DEFAULT_DIALECT: Final = "openai-chat"
DEFAULT_KEY_ENV: Final = "TOKENSWARM_API_KEY"
MODEL_ENV: Final = "TOKENSWARM_MODEL"
# Values of these keep their ${NAME}, so that no secret reaches a run folder.
VERBATIM: Final = frozenset({"headers", "key_env", "token_env", "password_env"})

_SCHEME_WORD: Final = re.compile(r"(?:[A-Za-z]+ )?")
# Written where a key would be pasted in.
_PASTED: Final = ("key", "api_key", "apikey", "access_key", "token", "secret", "password", "authorization")


class Tls(Block):
    """How to trust an https target, and how to show who we are. Paths are relative to the target's file."""

    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    verify: Flag = True

    @model_validator(mode="after")
    def _makes_sense(self) -> Tls:
        if self.client_key is not None and self.client_cert is None:
            raise problem("client_key needs client_cert beside it")
        if not self.verify and self.ca_file is not None:
            raise problem("verify: false ignores ca_file; take one of them away")
        return self


class Aim(Block):
    """Where calls go and what they need to be let in: of a target, and of the provider behind it."""

    url: Annotated[str, AfterValidator(checked_url)]
    path: Annotated[str, AfterValidator(checked_path)] | None = Field(
        default=None, description="instead of the dialect's own path; {key} stands for the key"
    )
    key_env: Annotated[str, BeforeValidator(env_name)] = Field(
        default=DEFAULT_KEY_ENV, description="NAME of the environment variable that holds the key"
    )
    key_in: Literal["bearer", "x-api-key", "api-key", "path"] | None = Field(
        default=None, description="how the key is sent; as the dialect has it unless this says otherwise"
    )
    headers: dict[str, str] = Field(default_factory=dict)
    tls: Tls = Tls()
    gzip: Flag = Field(default=False, description="ask for compressed answers")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        has_place = KEY_PLACEHOLDER in self.url + (self.path or "")
        if has_place != (self.key_in == "path"):
            raise problem(f"key_in: path and {KEY_PLACEHOLDER} in path or url belong together")
        if self.url.startswith(("http://", "ws://")) and self.tls != Tls():
            raise problem(f"tls does nothing for an {self.url.partition(':')[0]}:// url")
        return self


class Provider(Aim):
    """The provider behind a gateway, for calls that go past it; what is left out is the target's own."""

    dialect: str | None = None
    model: Annotated[str, Field(min_length=1)] | None = None


class Target(Document, Aim):
    """What `profiles/targets/NAME.yaml` says, or a URL on the command line."""

    name: Annotated[str, Field(min_length=1, max_length=300)]
    dialect: str = DEFAULT_DIALECT
    model: ModelName | None = None
    models: list[AskedModel] = Field(
        default_factory=list, max_length=MOST_MODELS, description="several, by weight, instead of one `model`"
    )
    prices: Prices | None = Field(default=None, description="per million tokens")
    provider: Provider | None = Field(default=None, description="the provider itself, for the paired arm")
    admin_urls: dict[Name, Annotated[str, AfterValidator(checked_admin_url)]] = Field(
        default_factory=dict, description="name → where a profile's actions post what has `to: NAME`"
    )
    websocket: SocketSection = Field(
        default=SocketSection(), description="keep-alive; and what the messages of dialect websocket mean"
    )
    gateway: Gateway = Field(
        default=AUTO, description="a preset that knows what its answers say of cache, provider and limits"
    )
    monitor: MonitorSection = Field(
        default=MonitorSection(), description="what is read of it while a run goes"
    )
    signals: list[Signal] = Field(default_factory=list, description="rules that go before the preset's")

    @property
    def direct(self) -> Target | None:
        """The provider as a target of its own; None if it isn't named."""
        provider = self.provider
        if provider is None:
            return None
        dialect = provider.dialect or self.dialect
        return Target(
            name=f"the provider of {self.name}"[:300],
            dialect=dialect,
            model=provider.model or self.model,
            models=[] if provider.model else self.models,
            prices=self.prices,
            websocket=self.websocket if dialect == self.dialect else SocketSection(),
            **{name: getattr(provider, name) for name in Aim.model_fields},
        )

    @model_validator(mode="after")
    def _asks_for_something(self) -> Target:
        if (self.model is None) == (not self.models):
            raise problem("need either model or models: one name, or several with their weights")
        names = [model.name for model in self.models]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise problem(f"models: {twice} stands twice; keep one")
        if len(names) > 1 and self.is_socket:
            raise problem(f"dialect {self.dialect} holds one connection for one model: name one `model`")
        return self

    @property
    def asked(self) -> tuple[AskedModel, ...]:
        """The models that calls ask for, at least one."""
        return tuple(self.models) if self.model is None else (AskedModel(name=self.model),)

    @property
    def shown_model(self) -> str:
        """All of them, for people."""
        return shown_models(self.asked)

    @model_validator(mode="after")
    def _speaks_as_it_says(self) -> Target:
        if not self.is_socket:
            if self.url.startswith(("ws://", "wss://")):
                raise problem(
                    f"a WebSocket's url, and dialect {self.dialect} is HTTP: "
                    f"write http:// or https://, or take one of {', '.join(SOCKET_DIALECTS)}"
                )
            if self.websocket != SocketSection():
                raise problem(f"websocket says nothing to dialect {self.dialect}")
        elif self.websocket.has_messages and self.dialect != "websocket":
            raise problem(f"dialect {self.dialect} has its own messages: only websocket.ping may stand here")
        return self

    @property
    def is_socket(self) -> bool:
        """Whether its dialect is spoken over a WebSocket; every answer is a stream then."""
        return self.dialect in SOCKET_DIALECTS

    def key(self, environ: Mapping[str, str]) -> str | None:
        """The key, if the environment has one."""
        return environ.get(self.key_env) or None

    def sent_headers(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Extra headers with their secrets in; ValueError if the environment lacks one."""
        return {name: fill(value, environ) for name, value in self.headers.items()}


def aims_in(data: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Where aims stand in a target's raw and perhaps malformed YAML: its own, and its provider's."""
    yield (), data
    provider = data.get("provider")
    if isinstance(provider, dict):
        yield ("provider",), provider


def check_secrets(data: Any) -> Iterator[tuple[Path, str]]:
    """Secrets written into the file. No message shows a value."""
    for place, aim in aims_in(data):
        yield from ((place + path, said) for path, said in _secrets_in(aim))


def _secrets_in(data: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    for key in data:
        if key.lower().replace("-", "_") in _PASTED:
            yield (
                (key,),
                "a key never stands in a file: put it into the environment, and its NAME into key_env",
            )
    headers = data.get("headers")
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if not SECRET_NAME.search(name) or not isinstance(value, str):
            continue
        if not REFERENCE.search(value) or not _SCHEME_WORD.fullmatch(REFERENCE.sub("", value)):
            yield ("headers", name), "looks like a secret: take all of it from the environment, ${NAME}"
        elif has_default(value):
            yield ("headers", name), "looks like a secret: no default for it in the file, write ${NAME}"
