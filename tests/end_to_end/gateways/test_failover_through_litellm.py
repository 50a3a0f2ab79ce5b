"""A provider fails and comes back behind LiteLLM: who answered when is what the providers' logs say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.mock.process import MockProcess

from .conftest import LITELLM_KEY

pytestmark = pytest.mark.end_to_end
WITHIN_S = 0.5


def rows_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_litellms_fallback_and_return_are_timed_as_the_providers_saw_them(
    litellm: str,
    providers: tuple[MockProcess, MockProcess],
    provider_logs: tuple[Path, Path],
    tokenswarm: Callable,
    tmp_path: Path,
) -> None:
    """The profile posts to the primary by name; no call is lost, for LiteLLM asks the secondary instead."""
    primary, secondary = providers
    target = tmp_path / "gateway.yaml"
    target.write_text(
        f"{{name: gateway, url: '{litellm}', model: primary, key_env: PROXY_KEY, gateway: litellm,"
        f" admin_urls: {{primary: '{primary.url}'}}}}\n"
    )
    profile = tmp_path / "fallback.yaml"
    profile.write_text(
        "stages: [{name: hold, duration: 6s, users: 3}]\n"
        "think_time: 30ms\n"
        "actions:\n"
        '  - {at: hold+2s, name: 503s, to: primary, post: /admin, body: {mode: "503"}}\n'
        "  - {at: hold+4s, name: end of 503s, to: primary, post: /admin, body: {down: false}}\n"
        "thresholds: {error_rate: '< 1%', failover_time: 'max < 2s', return_time: 'max < 2s'}\n"
    )
    done = tokenswarm(*("run", str(profile), "--target", str(target)), environ={"PROXY_KEY": LITELLM_KEY})
    assert done.code == 0, done.out + done.err
    fault, end = json.loads((done.folder / "summary.json").read_text())["actions"]
    assert (fault["lost"], end["lost"]) == (0, 0)
    assert fault["usual_provider"] == primary.url.removeprefix("http://")

    primary_log, secondary_log = map(rows_of, provider_logs)
    fault_at, end_at = [row["at"] for row in primary_log if row.get("event") == "admin"][-2:]
    first = min(_ends(secondary_log, fault_at))
    back = min(_ends(primary_log, end_at))
    assert abs(fault["failover_s"] - (first - fault_at)) <= WITHIN_S, fault
    assert abs(end["return_s"] - (back - end_at)) <= WITHIN_S, end
    # What the phases say of each is what they counted: all were asked of the primary first.
    shares = {phase["name"]: phase["providers"] for phase in fault["phases"]}
    assert shares["before"] == {fault["usual_provider"]: 1.0}
    assert secondary.url.removeprefix("http://") in shares["during"]


def _ends(log: list[dict[str, Any]], since: float) -> list[float]:
    """When answers of that log ended well, of calls that came after that time; on the wall's clock."""
    return [
        row["received_at"] + row["total_ms"] / 1000
        for row in log
        if row.get("status") == 200 and row["received_at"] >= since
    ]
