"""Orders: what they are, where they stand, and what is said of wrong ones."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tokenswarm.errors import ConfigurationError
from tokenswarm.mock.command import gateway, provider
from tokenswarm.mock.distribution import Fixed
from tokenswarm.mock.options import MockOptions, arguments_of
from tokenswarm.mock.orders import ORDERS, Orders, read_orders, split_model
from tokenswarm.mock.proxy.options import GatewayOptions
from tokenswarm.mock.server import default_orders

BASE = Orders(ttft=Fixed(50), itl=Fixed(5), tokens=Fixed(20))
DOCS = Path(__file__).parents[2] / "docs" / "mock.md"


def test_the_table_and_the_orders_name_the_same_keys() -> None:
    """A row without a field would be read and forgotten; a field without a row could never be ordered."""
    assert set(ORDERS) == {field.name for field in fields(Orders)}


def test_every_order_is_documented() -> None:
    """The table in docs/mock.md has a row for each key."""
    text = DOCS.read_text(encoding="utf-8")
    assert [key for key in ORDERS if f"| `{key}` |" not in text] == []


def test_a_model_name_carries_orders_behind_semicolons() -> None:
    """What precedes the first semicolon is a name; empty parts are no orders."""
    assert split_model("openai/mock;ttft=5; tokens = 3;;tool") == [
        ("ttft", "5"),
        ("tokens", "3"),
        ("tool", ""),
    ]
    assert split_model("gpt=4") == []


def test_later_orders_outrank_the_base() -> None:
    """What isn't ordered keeps the base's value."""
    orders = read_orders([("tokens", "3"), ("gzip", "1")], BASE, "here")
    assert (orders.tokens, orders.gzip, orders.ttft) == (Fixed(3), True, Fixed(50))


def test_a_status_alone_means_every_call() -> None:
    """`status` without `error_rate` overrides a server-wide share."""
    base = read_orders([("error_rate", "5%")], BASE, "here")
    assert base.error_rate == 0.05
    assert read_orders([("status", "429")], base, "here").error_rate == 1
    assert read_orders([("status", "429"), ("error_rate", "0.5")], base, "here").error_rate == 0.5


def test_all_problems_are_told_at_once_with_what_is_allowed() -> None:
    """One message names each wrong order and the way out."""
    with pytest.raises(ConfigurationError) as caught:
        read_orders([("tokns", "3"), ("cut", "-1"), ("tool", "yes")], BASE, "in the model name")
    message = str(caught.value)
    assert "in the model name: unknown order 'tokns', allowed are ttft, itl, tokens" in message
    assert "order cut: got '-1', need a whole number of content chunks, 0 … 16384" in message
    assert "order tool: got 'yes', need 0 or 1" in message


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("status", "200"),
        ("status", "600"),
        ("error_rate", "101%"),
        ("error_rate", "%"),
        ("burst", "0"),
        ("chunk_tokens", "0"),
        ("stall", "nan"),
        ("retry_after", "0.5"),
        ("tokens", "p5"),
        ("usage", ""),
    ],
)
def test_a_value_out_of_range_is_refused(key: str, text: str) -> None:
    """Each kind of value has its bounds."""
    with pytest.raises(ConfigurationError, match=f"order {key}: got '{text}', need "):
        read_orders([(key, text)], BASE, "here")


def read_back(command: Any, kind: Any, arguments: list[str]) -> Any:
    """The options that the command makes of these arguments."""
    given = command.make_context("mock", arguments).params
    return kind(**{field.name: given[field.name] for field in fields(kind)})


def test_the_command_lines_have_the_defaults_of_the_options() -> None:
    """The same defaults stand in two places, because help texts must not import the servers."""
    assert read_back(provider, MockOptions, []) == MockOptions(port=8000)
    assert read_back(gateway, MockOptions, []) == MockOptions(port=8000)
    upstreams = ("http://a", "http://b=x@m")
    arguments = ["--upstream", upstreams[0], "--upstream", upstreams[1]]
    assert read_back(gateway, GatewayOptions, arguments) == GatewayOptions(upstreams, port=8000)


@pytest.mark.parametrize("command", [provider, gateway])
def test_arguments_give_the_options_back(command: Any) -> None:
    """What a parent hands to the child is what the child gets."""
    options = MockOptions(
        port=7,
        seed=3,
        error_rate="5%",
        orders=("gzip=1", "crlf=1"),
        truth_log=Path("a b.jsonl"),
        api_key_env="KEY",
        admin_port=0,
        stop_with_stdin=True,
    )
    assert read_back(command, MockOptions, arguments_of(options)) == options


def test_arguments_give_a_proxying_gateways_options_back() -> None:
    """All kinds of values."""
    options = GatewayOptions(
        ("http://a=x", "http://b"), l1_ttl=0.5, l2=True, l2_size=7, overhead="lognormal:15:0.2", admin_port=0
    )
    assert read_back(gateway, GatewayOptions, arguments_of(options)) == options


def test_server_options_become_default_orders() -> None:
    """--error-rate fails with --error-status; --order reaches the rest."""
    orders = default_orders(MockOptions(ttft="9", error_rate="5%", error_status=503, orders=("burst=4",)))
    assert (orders.ttft, orders.status, orders.error_rate, orders.burst) == (Fixed(9), 503, 0.05, 4)


def test_status_and_error_rate_exclude_each_other() -> None:
    """A server can't fail all calls and a share of them."""
    with pytest.raises(ConfigurationError, match="give one of the two"):
        default_orders(MockOptions(status=500, error_rate="5%"))
