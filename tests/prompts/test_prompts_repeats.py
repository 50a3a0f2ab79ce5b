"""Which question comes next: by shares, by worker, by phase, and by what should be forgotten by now."""

from __future__ import annotations

from collections import Counter
from random import Random

from tokenswarm.metrics.call import EXACT, EXPIRED, UNIQUE, VARIED
from tokenswarm.prompts.mix import CallKind, call_mix
from tokenswarm.prompts.popularity import Part
from tokenswarm.prompts.questions import Ask, Questions
from tokenswarm.prompts.repeats import Phase, Pool, Repeats

KINDS = call_mix({"short": 50, "long": 50}, 0.5)
POOL = Pool("run/all", 30, {EXACT: 60, VARIED: 20, UNIQUE: 15, EXPIRED: 5}, zipf=1.0, ttl_s=10.0)


WHOLE = Part()


def repeats(part: Part = WHOLE, pool: Pool = POOL, direct: dict[CallKind, float] | None = None) -> Repeats:
    return Repeats(pool, part, KINDS, direct or {}, Random(f"1/{part.number}"))


def asks(source: Repeats, count: int, phase: Phase = Phase.TEST, at_s: float = 0.0) -> list[Ask]:
    found = [source.next(at_s, phase).ask for _ in range(count)]
    return [ask for ask in found if ask is not None]


def test_arms_have_their_shares() -> None:
    """Exactly, deck by deck; expired ones are unique as long as none is due."""
    assert Counter(ask.arm for ask in asks(repeats(), 100)) == {EXACT: 60, VARIED: 20, UNIQUE: 20}


def test_exact_repeats_are_the_same_request_and_varied_ones_never_are() -> None:
    """Over two workers, which share one pool: a question always has its kind of call, and its first text."""
    questions, texts = Questions(), {EXACT: Counter[str](), VARIED: Counter[str](), UNIQUE: Counter[str]()}
    kinds: dict[int, set[tuple[str, bool]]] = {}
    for source in (repeats(Part(0, 2)), repeats(Part(1, 2))):
        for _ in range(600):
            kind = source.next(0.0, Phase.TEST)
            assert kind.ask is not None
            texts[kind.ask.arm][questions.write(kind.ask, kind.prompt).text] += 1
            if kind.ask.arm != UNIQUE:
                kinds.setdefault(kind.ask.number, set()).add((kind.prompt, kind.stream))
    assert len(texts[EXACT]) == POOL.size
    assert max(texts[VARIED].values()) == max(texts[UNIQUE].values()) == 1
    assert not texts[EXACT].keys() & texts[VARIED].keys()
    assert all(len(found) == 1 for found in kinds.values())
    assert Counter(next(iter(found)) for found in kinds.values()).keys() == {
        (prompt, stream) for prompt in ("short", "long") for stream in (True, False)
    }


def test_a_warm_start_asks_each_question_once_before_anything_else() -> None:
    """Two workers together fill the cache with the whole pool."""
    sources = [repeats(Part(0, 2)), repeats(Part(1, 2))]
    filled = [ask for source in sources for ask in asks(source, POOL.size, Phase.FILL)]
    taken = sum(source.take_filled() for source in sources)
    first = [ask.number for ask in filled if ask.arm == EXACT and not ask.wording]
    assert taken == POOL.size
    assert set(first) == set(range(POOL.size))
    assert sum(source.take_filled() for source in sources) == 0


def test_a_cold_start_leaves_the_pool_alone_in_warm_ups() -> None:
    """Nothing of it may be in the cache when the first judged stage begins."""
    assert {ask.arm for ask in asks(repeats(), 100, Phase.UNSEEN)} == {UNIQUE}


def test_pools_of_two_runs_have_nothing_in_common() -> None:
    """A cold cache is cold though the run before has filled it."""
    one, other = (
        {ask.space for ask in asks(repeats(pool=Pool(f"{run}/all", 5, POOL.arms, ttl_s=1.0)), 50)}
        for run in ("a", "b")
    )
    assert not one & other


def test_what_was_stored_is_asked_again_when_its_time_is_over() -> None:
    """Not a moment before, once each, and with the same text."""
    source = repeats()
    stored = next(kind for kind in iter(lambda: source.next(0.0, Phase.TEST), None) if kind.ask.arm == UNIQUE)
    source.was_stored(stored, 100.0)
    assert not [ask for ask in asks(source, 200, at_s=110.0) if ask.arm == EXPIRED]
    (again,) = [ask for ask in asks(source, 200, at_s=112.0) if ask.arm == EXPIRED]
    assert again == stored.ask._replace(arm=EXPIRED)


def test_calls_past_the_gateway_are_new_and_of_no_arm() -> None:
    """The paired arm keeps its share; what it asks no cache has seen."""
    direct = {CallKind("short", stream=False, is_direct=True): 0.25}
    source = Repeats(POOL, Part(), {kind: 0.75 * share for kind, share in KINDS.items()}, direct, Random(1))
    kinds = [source.next(0.0, Phase.TEST) for _ in range(400)]
    past = [kind.ask for kind in kinds if kind.is_direct]
    assert len(past) == 100
    assert {ask.arm for ask in past if ask} == {""}
    assert len(set(past)) == len(past)
