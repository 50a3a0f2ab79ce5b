"""L2: requests that are alike, in memory and in a real Redis, and Redis gone."""

from __future__ import annotations

from typing import Any

import pytest

Stage = Any
Tools = Any
Redis = Any

QUESTION = "What is the capital of France, and how many people live there?"
ALIKE = "what is the capital of France, and how many people live there"
OTHER = "Write a function in Python that sorts a list of numbers."


def start(stage: Stage, kind: str, request: pytest.FixtureRequest, **options: Any) -> Any:
    """A gateway with this kind of L2."""
    where = {"redis": request.getfixturevalue("redis").url} if kind == "redis" else {"l2": True}
    return stage.gateway(stage.calm, **where, **options)


@pytest.mark.parametrize("kind", ["memory", "redis"])
class TestBothKinds:
    """What L2 does wherever it lives."""

    @pytest.mark.parametrize(
        "path", ["/v1/chat/completions", "/v1/messages", "/v1/completions", "/v1/responses"]
    )
    def test_what_is_alike_is_answered_alike(
        self, stage: Stage, tools: Tools, request: pytest.FixtureRequest, kind: str, path: str
    ) -> None:
        """With the stored answer, streamed or not; what differs in more than its text is another request."""
        gateway = start(stage, kind, request, style="llm-edge-agent")

        def tier(prompt: str, **more: Any) -> str | None:
            answer = tools.ask(gateway.url, prompt, path=path, **more)
            assert answer.status == 200
            return answer.tier  # type: ignore[no-any-return]  # the fixture's own class

        for stream in (False, True):
            assert tier(QUESTION, stream=stream) is None
            tools.until(lambda stream=stream: tier(ALIKE, stream=stream) == "l2")
            assert tier(OTHER, stream=stream) is None
            assert tier(ALIKE, stream=stream, model="another") is None
            assert tier(ALIKE, stream=stream, temperature=1) is None

    def test_the_similarity_is_told_and_can_be_asked_for(
        self, stage: Stage, tools: Tools, request: pytest.FixtureRequest, kind: str
    ) -> None:
        """At 0.999 only the same text, but for case, is alike."""
        gateway = start(stage, kind, request, l2_similarity=0.999, style="apisix")
        tools.ask(gateway.url, QUESTION)
        answer = tools.until(
            lambda: (
                (hit := tools.ask(gateway.url, QUESTION.upper())).headers["x-ai-cache-status"] == "HIT"
                and hit
            )
        )
        assert float(answer.headers["x-ai-cache-similarity"]) > 0.999
        assert tools.ask(gateway.url, ALIKE).headers["x-ai-cache-status"] == "MISS"

    def test_entries_expire(
        self, stage: Stage, tools: Tools, request: pytest.FixtureRequest, kind: str
    ) -> None:
        """After their time to live the provider is asked again."""
        gateway = start(stage, kind, request, l2_ttl=0.3)
        tools.until(lambda: tools.ask(gateway.url, QUESTION).tier == "l2")
        tools.until(lambda: tools.ask(gateway.url, QUESTION).tier is None)

    def test_no_more_than_size_are_kept(
        self, stage: Stage, tools: Tools, request: pytest.FixtureRequest, kind: str
    ) -> None:
        """The oldest goes."""
        gateway = start(stage, kind, request, l2_size=2)
        words = ("elephants walk slowly", "submarines dive deep", "violins play loud")
        for word in words:
            tools.ask(gateway.url, word)
            tools.until(lambda word=word: tools.ask(gateway.url, word).tier == "l2")
        assert tools.ask(gateway.url, words[1]).tier == "l2"
        assert tools.ask(gateway.url, words[0]).tier is None

    def test_pictures_and_vectors_are_never_alike(
        self, stage: Stage, tools: Tools, request: pytest.FixtureRequest, kind: str
    ) -> None:
        """Text says nothing of a picture, and another text's embedding would be wrong."""
        gateway = start(stage, kind, request)
        picture = [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": "data:,"}}]
        for _ in range(3):
            answer = tools.ask(gateway.url, messages=[{"role": "user", "content": picture}])
            assert (answer.status, answer.tier) == (200, None)
            assert tools.ask(gateway.url, QUESTION, path="/v1/embeddings").tier is None

    def test_a_hit_is_found_sooner_the_next_time(
        self, stage: Stage, tools: Tools, request: pytest.FixtureRequest, kind: str
    ) -> None:
        """Promoted into L1; emptying both makes it a miss."""
        gateway = start(stage, kind, request, l1_ttl=600.0)
        tools.ask(gateway.url, QUESTION)
        tiers = [tools.until(lambda: tools.ask(gateway.url, ALIKE).tier)]
        tiers.append(tools.ask(gateway.url, ALIKE).tier)
        tools.admin(gateway.url, {"flush": True})
        tiers.append(tools.ask(gateway.url, QUESTION).tier)
        assert tiers == ["l2", "l1", None] or tiers == ["l1", "l1", None]


class TestRedis:
    """A real server."""

    def test_gateways_share_it_and_a_restarted_one_finds_it_full(
        self, stage: Stage, tools: Tools, redis: Redis
    ) -> None:
        """What one stored the others find, also those that start later."""
        one, other = (stage.gateway(stage.calm, redis=redis.url) for _ in range(2))
        tools.ask(one.url, QUESTION)
        tools.until(lambda: tools.ask(other.url, ALIKE).tier == "l2")
        later = stage.gateway(stage.calm, redis=redis.url)
        answer = tools.ask(later.url, ALIKE)
        assert (answer.tier, answer.json["id"]) == ("l2", tools.ask(one.url, QUESTION).json["id"])
        assert later.counters().misses == 0

    def test_an_outage_is_misses_and_counted_and_ends_when_redis_is_back(
        self, stage: Stage, tools: Tools, redis: Redis
    ) -> None:
        """Calls are answered all the while; back and empty, it fills again."""
        gateway = stage.gateway(stage.calm, redis=redis.url)
        tools.until(lambda: tools.ask(gateway.url, QUESTION).tier == "l2")
        redis.stop()
        answers = [tools.ask(gateway.url, QUESTION) for _ in range(5)]
        assert [(answer.status, answer.tier) for answer in answers] == [(200, None)] * 5
        assert gateway.counters().l2_errors >= 5
        redis.start()
        tools.until(lambda: tools.ask(gateway.url, QUESTION).tier == "l2")

    def test_a_gateway_starts_without_it(self, stage: Stage, tools: Tools, redis: Redis) -> None:
        """And uses it once it is there."""
        redis.stop()
        gateway = stage.gateway(stage.calm, redis=redis.url)
        assert tools.ask(gateway.url, QUESTION).status == 200
        redis.start()
        tools.until(lambda: tools.ask(gateway.url, QUESTION).tier == "l2")

    def test_what_others_wrote_there_is_skipped_and_counted(
        self, stage: Stage, tools: Tools, redis: Redis
    ) -> None:
        """Foreign entries in the index, and rubbish in place of answers."""
        index = "tokenswarm:mock-gateway:l2:index"
        redis.command("XADD", index, "*", "hello", "world")
        redis.command("XADD", index, "*", "scope", "x", "name", "y", "vector", "z")
        gateway = stage.gateway(stage.calm, redis=redis.url)
        tools.until(lambda: tools.ask(gateway.url, QUESTION).tier == "l2")
        assert gateway.counters().l2_errors == 2
        keys = redis.command("KEYS", "*:answer:*").split(b"\r\n")[2::2]
        for key in keys:
            redis.command("SET", key.decode(), "rubbish")
        assert tools.ask(gateway.url, QUESTION).status == 200
        assert gateway.counters().l2_errors > 2
