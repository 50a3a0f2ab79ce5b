"""The written prompts by size class, read from the YAML files beside this module (or in a folder).

A folder holds `slots.yaml` (slot name → values) and, for each size class, `NAME.yaml`: language → domain →
list of prompts. A prompt is a text, or `ask:` and `code:` which are sent with a blank line between them.
Whatever is drawn for the slots, and with the longest reference in front, a prompt keeps to its class:
that is checked here for all variations, by the estimate of tokens.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import yaml

from tokenswarm.errors import ConfigurationError
from tokenswarm.prompts.template import Template, parse_template
from tokenswarm.prompts.variation import heaviest_opening

LANGUAGES: Final = ("english", "python", "javascript")
DOMAINS: Final = ("technical", "conversational", "analytical")

# The C reader is ten times faster, and not built everywhere.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class SizeClass:
    """How many tokens a prompt of this class has, both ends included."""

    name: str
    min_tokens: int
    max_tokens: int


SIZE_CLASSES: Final = {
    size.name: size
    for size in (SizeClass("short", 10, 50), SizeClass("medium", 50, 150), SizeClass("long", 150, 500))
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One written prompt of the corpus."""

    template: Template
    size_class: str
    language: str
    domain: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """All entries, by size class."""

    entries: Mapping[str, tuple[Entry, ...]]

    def of(self, size_class: str) -> tuple[Entry, ...]:
        """Raises ConfigurationError for a class that isn't there."""
        try:
            return self.entries[size_class]
        except KeyError:
            known = ", ".join(self.entries)
            raise ConfigurationError(f"prompts: no size class {size_class!r}; use {known}") from None


def load_corpus(folder: Traversable | None = None) -> Corpus:
    """The corpus of the package, or that of a folder with files of the same form.

    Raises ConfigurationError with every problem of every file.
    """
    folder = folder or files("tokenswarm.prompts")
    problems: list[str] = []
    slots = _read_slots(folder, problems)
    entries = {
        size.name: tuple(_read_entries(folder, size, slots, problems)) for size in SIZE_CLASSES.values()
    }
    if not problems:
        problems = [f"{name}.yaml: no prompts in it" for name, found in entries.items() if not found]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return Corpus(entries)


def _read_yaml(folder: Traversable, name: str, problems: list[str]) -> Mapping[object, object]:
    try:
        content = yaml.load(folder.joinpath(name).read_text("utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{name}: can't be read: {error}")
        return {}
    except yaml.YAMLError as error:
        problems.append(f"{name}: not valid YAML: {error}")
        return {}
    if not isinstance(content, Mapping) or not content:
        problems.append(f"{name}: got {type(content).__name__}, need a mapping with something in it")
        return {}
    return content


def _read_slots(folder: Traversable, problems: list[str]) -> dict[str, Sequence[str]]:
    slots: dict[str, Sequence[str]] = {}
    for name, values in _read_yaml(folder, "slots.yaml", problems).items():
        if not isinstance(values, list) or not values or not all(isinstance(v, str) and v for v in values):
            problems.append(f"slots.yaml {name}: need a list of texts; quote numbers")
        elif len({(v[0].isdigit(), v[0].isupper()) for v in values}) > 1:
            problems.append(
                f"slots.yaml {name}: values must all start with a digit, a capital or a small letter"
            )
        else:
            slots[str(name)] = values
    return slots


def _read_entries(
    folder: Traversable, size: SizeClass, slots: Mapping[str, Sequence[str]], problems: list[str]
) -> Iterator[Entry]:
    name, opening = f"{size.name}.yaml", heaviest_opening()
    for language, domains in _read_yaml(folder, name, problems).items():
        if language not in LANGUAGES or not isinstance(domains, Mapping):
            problems.append(f"{name} {language}: need one of {', '.join(LANGUAGES)}, each with its domains")
            continue
        for domain, prompts in domains.items():
            if domain not in DOMAINS or not isinstance(prompts, list):
                problems.append(
                    f"{name} {language}.{domain}: need one of {', '.join(DOMAINS)}, each with a list"
                )
                continue
            for i, prompt in enumerate(prompts):
                try:
                    template = parse_template(_text(prompt), slots)
                    _check_size(template, size, opening)
                except ConfigurationError as error:
                    problems.append(f"{name} {language}.{domain}[{i}]: {error}")
                else:
                    yield Entry(template, size.name, language, domain)


def _text(prompt: object) -> str:
    match prompt:
        case str():
            return prompt.strip()
        case {"ask": str(ask), "code": str(code), **rest} if not rest:
            return f"{ask.strip()}\n\n{code.rstrip()}"
    raise ConfigurationError("need a text, or a mapping of `ask` and `code` (quote a text that holds ': ')")


def _check_size(template: Template, size: SizeClass, opening: float) -> None:
    """`opening` is the weight that a reference may add; the bare text must be long enough without it."""
    lightest, heaviest = round(template.lightest), round(template.heaviest + opening)
    if lightest < size.min_tokens or heaviest > size.max_tokens:
        raise ConfigurationError(
            f"{lightest} to {heaviest} tokens, need {size.min_tokens} to {size.max_tokens}: "
            f"{template.text[:60]!r}"
        )
