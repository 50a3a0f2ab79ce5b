"""Which models a target is asked for: one, or several by weight.

On the command line and in TOKENSWARM_MODEL several are written as `NAME=WEIGHT,NAME=WEIGHT`; the last `=`
of each is the one before its weight. Without a comma all of it is one model's name, whatever it holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from tokenswarm.errors import ConfigurationError
from tokenswarm.profile.prices import Prices
from tokenswarm.profile.values import Block

# Each is a row of reports, a label of every series, and two prebuilt requests.
MOST_MODELS: Final = 16

ModelName = Annotated[str, Field(min_length=1, max_length=200)]


class AskedModel(Block):
    """One model, and how often it is asked for beside the others."""

    name: ModelName
    weight: Annotated[float, Field(strict=True, gt=0, le=1e6)] = 1
    provider: Annotated[str, Field(max_length=80)] = Field(
        default="", description="who serves it, where the gateway doesn't say"
    )
    prices: Prices | None = Field(default=None, description="instead of the target's")


def given_models(text: str) -> dict[str, Any]:
    """What `--model` stands for in a target's file: `model`, or `models`; ConfigurationError."""
    if "," not in text:
        return {"model": text, "models": []}
    rows = [_weighted(part.strip(), text) for part in text.split(",")]
    names = [row["name"] for row in rows]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"--model: got {text}, which names a model twice")
    if len(rows) > MOST_MODELS:
        raise ConfigurationError(f"--model: got {len(rows)} models, need at most {MOST_MODELS}")
    return {"model": None, "models": rows}


def shown_models(models: Sequence[AskedModel]) -> str:
    """`gpt-4o-mini`, or `a 75%, b 25%`."""
    if len(models) == 1:
        return models[0].name
    whole = sum(model.weight for model in models)
    return ", ".join(f"{model.name} {model.weight / whole * 100:.3g}%" for model in models)


def weights_of(models: Sequence[AskedModel]) -> Mapping[str, float]:
    """Name → weight."""
    return {model.name: model.weight for model in models}


def _weighted(part: str, text: str) -> dict[str, Any]:
    name, equals, weight = part.rpartition("=")
    try:
        number = float(weight)
    except ValueError:
        number = math.nan
    if not equals or not name or not (0 < number <= 1e6):
        raise ConfigurationError(
            f"--model: got {text}, need one model, or NAME=WEIGHT,NAME=WEIGHT with weights above 0,"
            " such as a=3,b=1"
        )
    return {"name": name, "weight": number}
