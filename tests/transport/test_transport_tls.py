"""TLS with real certificates: who is trusted, what fails, and that a burst stays one read."""

from __future__ import annotations

import contextlib
import ssl

import pytest
import trustme

from tokenswarm.errors import ConfigurationError
from tokenswarm.transport.endpoint import Endpoint
from tokenswarm.wire.dialect import Request

BODY = b"text:hello\nfinish:stop\ndone\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def authority():
    """The CA that the good clients trust."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    """Its certificate, as a file."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def server_side(authority):
    """The server's context, with a certificate for 127.0.0.1 and gateway.test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "gateway.test").configure_cert(context)
    return context


def answers(times=1):
    return lambda peer: [(peer.request(), peer.send(ANSWER)) for _ in range(times)]


def test_trusted_certificate(serve, connect, ask, server_side, ca_file):
    """Two calls over one verified connection; its connect time holds the handshake."""
    server = serve(answers(2), tls=server_side)
    connection = connect(server.url, ca_file=ca_file)
    records = [ask(connection) for _ in range(2)]
    assert [record.outcome for record in records] == ["success", "success"]
    assert [record.is_reused for record in records] == [False, True]
    assert 0 < records[0].tls_s < records[0].connect_s
    assert records[1].tls_s is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_large_bodies_pass_both_ways(serve, connect, ask, server_side, ca_file, version):
    """Many records, either version."""
    server_side.minimum_version = server_side.maximum_version = version
    body = b"text:" + b"x" * 300_000 + b"\nfinish:stop\ndone\n"
    lengths = []

    def script(peer):
        lengths.append(len(peer.request()))
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    connection = connect(serve(script, tls=server_side).url, ca_file=ca_file)
    record = ask(connection, request=Request("/v1/lines", b"y" * 1_000_000))
    assert (record.outcome, record.output_chars) == ("success", 300_000)
    assert lengths[0] > 1_000_000


def test_records_that_arrive_together_are_one_read(serve, connect, ask, server_side, ca_file):
    """A burst over TLS is a burst: each record must not pass for a chunk of its own time."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def script(peer):
        # TLS by hand, so that three records leave in one segment.
        channel = server_side.wrap_bio(incoming, outgoing, server_side=True)

        def pump(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    peer.send(outgoing.read())
                    incoming.write(peer.sock.recv(65536))

        pump(channel.do_handshake)
        pump(lambda: channel.read(65536))
        for piece in (
            CHUNKED,
            b"7\r\ntext:a\n\r\n",
            b"7\r\ntext:b\n\r\n",
            b"11\r\nfinish:stop\ndone\n\r\n0\r\n\r\n",
        ):
            channel.write(piece)
        peer.send(outgoing.read())

    record = ask(connect(serve(script).url.replace("http", "https"), ca_file=ca_file))
    assert (record.outcome, record.chunks, record.chunks_together) == ("success", 2, 2)


def test_unknown_authority_fails_the_call(serve, connect, ask, server_side):
    """Verification is on by default."""
    record = ask(connect(serve(answers(), tls=server_side).url))
    assert record.outcome == "tls"
    assert "certificate not trusted" in record.detail


def test_insecure_switches_verification_off(serve, connect, ask, server_side):
    """Only when it is asked for."""
    assert ask(connect(serve(answers(), tls=server_side).url, insecure=True)).outcome == "success"


def test_wrong_name_fails_the_call(serve, connect, ask, server_side, ca_file):
    """A certificate for another host is not this host's."""
    server = serve(answers(), tls=server_side)
    record = ask(connect(server.url.replace("127.0.0.1", "localhost"), ca_file=ca_file))
    assert record.outcome == "tls"
    assert "localhost" in record.detail


def test_server_name_is_sent_and_verified(serve, connect, ask, server_side, ca_file):
    """For a gateway behind an address that its certificate doesn't name."""
    names = []
    server_side.sni_callback = lambda _sock, name, _context: names.append(name)
    server = serve(answers(), tls=server_side)
    assert ask(connect(server.url, ca_file=ca_file, server_name="gateway.test")).outcome == "success"
    assert names == ["gateway.test"]


def test_client_certificate(serve, connect, ask, authority, server_side, ca_file, tmp_path):
    """Shown when given."""
    authority.configure_trust(server_side)
    server_side.verify_mode = ssl.CERT_REQUIRED
    client = authority.issue_cert("client@example.org")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    client.cert_chain_pems[0].write_to_path(certificate)
    client.private_key_pem.write_to_path(key)
    server = serve(answers(), tls=server_side)
    connection = connect(server.url, ca_file=ca_file, client_cert=str(certificate), client_key=str(key))
    assert ask(connection).outcome == "success"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_missing_client_certificate_is_a_tls_failure(
    serve, connect, ask, authority, server_side, ca_file, version
):
    """With TLS 1.3 the server says so only after we think that the handshake is done."""
    server_side.minimum_version = server_side.maximum_version = version
    authority.configure_trust(server_side)
    server_side.verify_mode = ssl.CERT_REQUIRED
    record = ask(connect(serve(answers(), tls=server_side).url, ca_file=ca_file))
    assert record.outcome == "tls"
    assert not record.status


def test_plain_server_is_a_tls_failure(serve, connect, ask):
    """https:// to a port that speaks http://."""
    refusal = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    server = serve(lambda peer: (peer.sock.recv(65536), peer.send(refusal), peer.until_client_closes()))
    record = ask(connect(server.url.replace("http", "https")))
    assert record.outcome == "tls"


def test_stale_tls_connection_is_opened_once_more(serve, connect, ask, server_side, ca_file):
    """close_notify on an idle connection is no byte of an answer."""

    def says_goodbye(peer):
        peer.request()
        peer.send(ANSWER)
        with contextlib.suppress(OSError):  # the client closes without a goodbye of its own
            peer.sock.unwrap()

    server = serve(says_goodbye, answers(), tls=server_side)
    connection = connect(server.url, ca_file=ca_file)
    ask(connection)
    record = ask(connection)
    assert (record.outcome, record.reconnects) == ("success", 1)


@pytest.mark.parametrize("argument", ["ca_file", "client_cert"])
def test_unreadable_files_are_configuration_errors(argument, tmp_path):
    """Missing and wrong files are told apart, before any load."""
    missing = tmp_path / "none.pem"
    with pytest.raises(ConfigurationError, match=r"none\.pem.*No such file"):
        Endpoint.build("https://x.example", **{argument: str(missing)})
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    with pytest.raises(ConfigurationError, match=r"wrong\.pem.*PEM file"):
        Endpoint.build("https://x.example", **{argument: str(wrong)})


def test_client_key_without_its_certificate_is_a_configuration_error():
    """Half of a pair is a mistake."""
    with pytest.raises(ConfigurationError, match="give its client certificate"):
        Endpoint.build("https://x.example", client_key="client.key")
