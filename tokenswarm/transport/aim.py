"""From a target file and a profile's timeouts to an endpoint, with the key from the environment."""

from __future__ import annotations

from collections.abc import Mapping

from tokenswarm.errors import ConfigurationError
from tokenswarm.profile.schema import Timeouts as ProfileTimeouts
from tokenswarm.profile.target import Target
from tokenswarm.transport.endpoint import Endpoint, Timeouts
from tokenswarm.wire.dialect import DIALECTS


def endpoint_of(target: Target, timeouts: ProfileTimeouts, environ: Mapping[str, str]) -> Endpoint:
    """The endpoint; ConfigurationError if a secret that the target names isn't in the environment."""
    try:
        headers = target.sent_headers(environ)
    except ValueError as error:
        raise ConfigurationError(f"target {target.name}: headers: {error}") from None
    return Endpoint.build(
        target.url,
        key=target.key(environ),
        key_sent_as=target.key_in or _key_in(target.dialect),
        headers=headers,
        ca_file=target.tls.ca_file,
        client_cert=target.tls.client_cert,
        client_key=target.tls.client_key,
        insecure=not target.tls.verify,
        timeouts=Timeouts(
            connect_s=timeouts.connect_s,
            first_token_s=timeouts.first_token_s,
            idle_s=timeouts.idle_s,
            total_s=timeouts.total_s,
        ),
        accept_gzip=target.gzip,
    )


def _key_in(dialect: str) -> str:
    spoken = DIALECTS.get(dialect)
    return "bearer" if spoken is None else spoken.key_in
