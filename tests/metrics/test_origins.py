"""Labels that a target words itself: where an answer came from."""

from __future__ import annotations

from tokenswarm.metrics.call import CallRecord
from tokenswarm.metrics.origins import MAX_MODELS, MAX_ORIGINS, NOWHERE, OTHER, Origin, Origins, label


def answered(cache: str = "", layer: str = "", provider: str = "") -> CallRecord:
    record = CallRecord(0.0)
    record.cache, record.cache_layer, record.provider = cache, layer, provider
    return record


def test_a_call_of_which_nothing_is_said_has_no_origin() -> None:
    """Most targets say nothing; their calls stay in one series."""
    assert Origins().of(answered()) is NOWHERE


def test_a_target_that_varies_its_providers_cannot_fill_memory() -> None:
    """Beyond the bound they are one, and those met before are still told apart."""
    origins = Origins()
    found = {origins.of(answered("miss", "", f"provider-{n}")) for n in range(MAX_ORIGINS * 3)}
    assert len(found) == MAX_ORIGINS + 1
    assert Origin("miss", "", OTHER) in found
    assert origins.of(answered("miss", "", "provider-1")).provider == "provider-1"


def test_hits_and_misses_are_told_apart_even_beyond_the_bound() -> None:
    """The hit rate must stay true, whatever else a target invents."""
    origins = Origins()
    for n in range(MAX_ORIGINS):
        origins.of(answered("miss", "", str(n)))
    assert origins.of(answered("hit", "L1", "new")) == Origin("hit", OTHER, OTHER)
    assert origins.of(answered("hit", "", "new")) == Origin("hit", "", OTHER)


def test_models_are_bounded_too() -> None:
    """A gateway that puts a number into each answer's model gets one row for the rest."""
    origins = Origins()
    assert len({origins.models.shown(f"m{n}") for n in range(MAX_MODELS * 2)}) == MAX_MODELS + 1


def test_a_label_is_one_short_printable_line() -> None:
    """Line breaks, control characters and pages of text don't reach a report."""
    assert label("  open\x1b[31mai\n eu ") == "open [31mai eu"
    assert len(label("x" * 10_000)) == 80
