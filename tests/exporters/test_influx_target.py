"""The address of an InfluxDB: both versions', and what is wrong with others."""

from __future__ import annotations

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.exporters.influx_target import InfluxTarget


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8086",
        "http://127.0.0.1:8086",
        "http://127.0.0.1:8086/write",
        "http://127.0.0.1:8086/api/v2/write?org=o",
        "ftp://127.0.0.1/write?db=x",
        "rubbish",
        "http:///write?db=x",
        "http://127.0.0.1:port/write?db=x",
        "http://127.0.0.1:70000/write?db=x",
        "http://[::1/write?db=x",
        "http://127.0.0.1:8086/write?db=",
    ],
)
def test_an_address_that_nothing_can_be_written_to_is_refused(url: str) -> None:
    """With both forms that would do."""
    with pytest.raises(ConfigurationError, match=r"write\?db=NAME .version 1., or"):
        InfluxTarget.read(url, {})


@pytest.mark.parametrize("url", ["http://me:secret@h:8086/write?db=x", "http://h/write?db=x&u=me&p=secret"])
def test_a_secret_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    """It would stand in the process list; the message must not carry it on."""
    with pytest.raises(ConfigurationError, match="INFLUX_TOKEN") as refused:
        InfluxTarget.read(url, {})
    assert "secret" not in str(refused.value)


def test_secrets_come_from_the_environment() -> None:
    """A token for version 2, or for 1 a user and a password; the token goes first."""
    url = "http://h:8086/write?db=x"
    own = {"INFLUX_USER": "me", "INFLUX_PASSWORD": "word"}
    assert InfluxTarget.read(url, own).user == ("me", "word")
    both = InfluxTarget.read(url, {**own, "INFLUX_TOKEN": "t"})
    assert (both.user, both.headers["Authorization"]) == (None, "Token t")


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_another_precision_than_ours_is_refused(unit: str) -> None:
    """Nanoseconds read as seconds are no time at all."""
    url = f"http://h/api/v2/write?org=o&bucket=b&precision={unit}"
    with pytest.raises(ConfigurationError, match=f"precision={unit}, but points have nanoseconds"):
        InfluxTarget.read(url, {})
    assert InfluxTarget.read(url.replace(f"={unit}", "=ns"), {}).shown == 'bucket "b" of org "o"'


def test_an_organization_may_be_named_by_its_id() -> None:
    """As version 2's own page gives it; a database is version 1's."""
    v2 = InfluxTarget.read("http://h/api/v2/write?orgID=0a1b&bucket=b", {})
    assert (v2.shown, v2.right.partition(",")[0]) == ('bucket "b" of org "0a1b"', "set INFLUX_TOKEN")
    assert InfluxTarget.read("http://h/write?db=x", {"INFLUX_TOKEN": "t"}).shown == 'database "x"'
