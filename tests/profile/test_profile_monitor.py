"""A target's `monitor:` section: what is read from it, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenswarm.errors import ConfigurationError, ProfileError
from tokenswarm.monitors.of_target import spec_of
from tokenswarm.monitors.spec import PageValue, ProcessSpec, Spec
from tokenswarm.profile.load import load_target
from tokenswarm.profile.monitor import ProcessSection, process_named
from tokenswarm.profile.places import SearchPath
from tokenswarm.profile.resolve import Names, resolve
from tokenswarm.profile.target import Target

WHOLE = """\
gateway: litellm
key_env: LITELLM_MASTER_KEY
monitor:
  process: gunicorn
  prometheus:
    - {url: /metrics, values: {target_queue: my_queue, target_wait_ms: {metric: my_wait, unit: us}}}
    - {url: "http://node:9100/metrics", preset: none, token_env: NODE_TOKEN,
       values: {target_cache_hits: {metric: hits_total, labels: {tier: l1}}}}
  log: {file: logs/app.log, values: {target_logged_ms: 'ms=(\\d+)', target_errors_total: ERROR}}
  redis: {url: "redis://r:6379/1", password_env: REDIS_PASSWORD, values: {target_lag: repl_backlog_size}}
"""


def read(folder: Path, text: str) -> Target:
    (folder / "mine.yaml").write_text(f"url: http://h:4000/v1\nmodel: m\n{text}", encoding="utf-8")
    return load_target("mine.yaml", SearchPath.of(folder), {})


def test_a_whole_section_becomes_what_is_read(tmp_path: Path) -> None:
    """Paths are on the target and bring its key; presets add what nobody named."""
    target = read(tmp_path, WHOLE)
    spec = spec_of(target)
    own, node = spec.pages
    assert spec.process == ProcessSpec(name="gunicorn")
    assert (own.url, own.token_env, own.wanted) == (
        "http://h:4000/metrics",
        "LITELLM_MASTER_KEY",
        ("target_queue", "target_wait_ms"),
    )
    assert own.values["target_wait_ms"] == (PageValue("my_wait", {}, 1e-6),)
    assert own.values["target_requests"][0].metric == "litellm_proxy_total_requests_metric_total"
    # What the process itself shows, and what another page is named for, isn't taken from this one.
    assert not {"target_memory", "target_cores", "target_cache_hits"} & own.values.keys()
    assert node.values == {"target_cache_hits": (PageValue("hits_total", {"tier": "l1"}),)}
    assert node.token_env == "NODE_TOKEN"
    (log,) = spec.logs
    assert Path(log.file) == tmp_path / "logs" / "app.log"
    assert [value.factor for value in log.values.values()] == [1e-3, 1.0]
    assert spec.redis is not None
    assert spec.redis.values["redis_memory"] == "used_memory"
    assert {"target_lag", "redis_hit_rate", "target_cpu", "target_logged_ms"} <= target.monitor.figures(
        "none"
    )
    assert Spec.from_plain(spec.to_plain()) == spec
    assert spec_of(Target.from_resolved(target.resolved())) == spec


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("process: {pid: 1, name: x}", "process: need either pid or name"),
        ("process: {pid: 0}", "process.pid: got 0"),
        ("prometheus: {url: 'http://u:p@h/m'}", "no user or password in a URL; put it into the environment"),
        ("prometheus: {url: 'http://u:p@h/m'}", "and its NAME into token_env"),
        ("prometheus: {url: '/m?token=abc'}", "the query's token looks like a secret; put it into the"),
        ("prometheus: {url: '/m?token={key}'}", "and its NAME into token_env"),
        ("prometheus: {url: 'ws://h/m'}", "need http://… or https://…"),
        ("prometheus: {url: /m, token_env: sk-123}", "need the NAME of an environment variable"),
        ("prometheus: {url: /m, preset: litelm}", "did you mean litellm?"),
        ("prometheus: {url: /m, values: {latency: x}}", "got latency, need one of target_memory"),
        ("prometheus: {url: /m, values: {target_cache_hit_rate: x}}", "name those"),
        ("prometheus: {url: /m, values: {target_latency: my_latency}}", "my_latency doesn't say its unit"),
        ("prometheus: {url: /m, values: {target_queue: {metric: q, unit: s}}}", "unit is for times"),
        ("log: {file: f, values: {target_x_ms: '(('}}", "no regular expression"),
        ("log: {file: f, values: {target_x_ms: 'ms'}}", "ms has no group"),
        ("log: {file: f, values: {}}", "log"),
        ("redis: {url: 'redis://:secret@h/0'}", "no password in a URL"),
        ("redis: {url: 'http://h'}", "need redis://HOST:PORT/DB"),
        ("redis: {url: 'redis://h', values: {target_x_ms: y}}", "INFO has no single times"),
        (
            "{process: 5, prometheus: {url: /m, values: {target_cpu: x}}}",
            "target_cpu is given by two monitors",
        ),
        (
            "prometheus: {url: /m, values: {target_requests_total: x}}",
            "mine.yaml:3 monitor: target_requests_total and target_requests would both be tokenswarm_",
        ),
        (
            "prometheus: {url: /m, values: {target_requests_total: x}}",
            "for Prometheus; name one of them otherwise, such as target_own_requests_total",
        ),
        (
            "log: {file: f, values: {target_memory_bytes: '(1)'}}",
            "target_memory_bytes and target_memory would",
        ),
        (
            "log: {file: f, values: {target_x_ms: '(1)', target_x_ms_seconds: '(1)'}}",
            "target_x_ms_seconds and target_x_ms would both be tokenswarm_target_x_ms_seconds_bucket",
        ),
        ("redis: {url: 'redis://h', values: {target_latency_seconds_count: y}}", "and target_latency would"),
    ],
)
def test_what_can_not_work_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """Before any load, and no message shows a secret."""
    section = f"monitor:\n  {text}\n" if not text.startswith("{") else f"monitor: {text}\n"
    with pytest.raises(ProfileError) as raised:
        read(tmp_path, section)
    assert problem in str(raised.value)
    assert "secret" not in str(raised.value).replace("looks like a secret", "")
    assert "sk-123" not in str(raised.value)


@pytest.mark.parametrize(
    ("line", "names", "problem"),
    [
        (
            "target_memory: max < 1GB",
            Names("p", "mine.yaml"),
            "no monitor of target mine gives target_memory",
        ),
        ("target_memory: max < 1GB", Names("p", "mine.yaml", process=ProcessSection(pid=1)), ""),
        ("target_memory: {threshold: max < 1GB, if_measured: true}", Names("p", "mine.yaml"), ""),
        ("target_cpu: avg < 50", Names("p", "mine.yaml"), "write 50% or 100%"),
        ("target_quue: max < 5", Names("p", "mine.yaml"), "did you mean target_queue?"),
    ],
)
def test_a_line_needs_a_monitor(tmp_path: Path, line: str, names: Names, problem: str) -> None:
    """A line that nobody will ever have a figure for is found before the load, not after it."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "p.yaml").write_text(
        f"stages: [{{name: hold, duration: 1s, users: 1}}]\nthresholds:\n  {line}\n"
    )
    (tmp_path / "profiles" / "targets").mkdir()
    (tmp_path / "profiles" / "targets" / "mine.yaml").write_text(
        "url: http://h\nmodel: m\n"
        "monitor: {prometheus: {url: /metrics, preset: none, values: {target_queue: q}}}\n"
    )
    places = SearchPath.of(tmp_path)
    names = Names(names.profile, "mine", process=names.process)
    if not problem:
        resolve(names, places, {})
        return
    with pytest.raises(ConfigurationError) as raised:
        resolve(names, places, {})
    assert problem in str(raised.value)


def test_a_process_is_named_in_one_way() -> None:
    """By id or by name, or not at all."""
    assert process_named(None, None) is None
    assert process_named(7, None) == ProcessSection(pid=7)
    with pytest.raises(ConfigurationError, match="take one of them"):
        process_named(7, "x")
