"""Compressed answers: inflated as they come, counted as they came, and wrong ones found."""

from __future__ import annotations

import gzip
import zlib
from threading import Event

import pytest

from .answers import ANSWER, CHUNKED, chunks, whole


@pytest.mark.parametrize("encoding", [b"gzip", b"X-GZIP"])
def test_gzip_body_is_inflated(serve, connect, ask, encoding):
    """A compressed body means what it meant before."""
    seen = []
    body = gzip.compress(ANSWER)
    server = serve(
        lambda peer: (seen.append(peer.request()), peer.send(whole(body, b"content-encoding: " + encoding)))
    )
    record = ask(connect(server.url, accept_gzip=True))
    assert (record.outcome, record.output_chars) == ("success", 9)
    assert b"accept-encoding: gzip\r\n" in seen[0]


def test_gzip_stream_is_inflated_as_it_arrives(serve, connect, ask):
    """The first chunk is timed although the stream is cut before its end."""
    squeeze = zlib.compressobj(wbits=31)
    first = squeeze.compress(b"text:hello\n") + squeeze.flush(zlib.Z_SYNC_FLUSH)
    head = CHUNKED + b"content-encoding: gzip\r\n\r\n"
    record = ask(
        connect(serve(lambda peer: (peer.request(), peer.send(head + chunks(first)))).url, accept_gzip=True)
    )
    assert (record.outcome, record.chunks) == ("truncated", 1)


def test_a_compressed_body_is_counted_as_it_came_and_as_it_is(serve, connect, ask):
    """Both sizes of the body, head and framing left out; a plain body has neither."""
    body = gzip.compress(ANSWER * 20)
    server = serve(
        lambda peer: (
            peer.request(),
            peer.send(whole(body, b"content-encoding: gzip")),
            peer.request(),
            peer.send(whole()),
        )
    )
    connection = connect(server.url, accept_gzip=True)
    packed, plain = ask(connection, stream=False), ask(connection, stream=False)
    assert (packed.encoded_bytes, packed.decoded_bytes) == (len(body), len(ANSWER) * 20)
    assert (plain.encoded_bytes, plain.decoded_bytes) == (None, None)
    assert (packed.is_compression_asked, plain.is_compression_asked) == (True, True)


def test_gzip_members_follow_one_another(serve, connect, ask):
    """A proxy that compresses piece by piece sends several; all of them are the body."""
    cut = ANSWER.index(b"text: you")
    body = gzip.compress(ANSWER[:cut]) + gzip.compress(ANSWER[cut:])
    for split in (len(body), 30, len(gzip.compress(ANSWER[:cut]))):
        head = CHUNKED + b"content-encoding: gzip\r\n\r\n"
        answer = head + chunks(body[:split], body[split:]).replace(b"0\r\n\r\n", b"") + b"0\r\n\r\n"
        server = serve(lambda peer, answer=answer: (peer.request(), peer.send(answer)))
        record = ask(connect(server.url, accept_gzip=True))
        assert (record.outcome, record.output_chars) == ("success", 9), split


def test_gzip_without_its_end_is_malformed(serve, connect, ask):
    """As many bytes as were announced, but the checksum that proves them is missing."""
    body = gzip.compress(b"text:hello\n")[:-8]
    server = serve(lambda peer: (peer.request(), peer.send(whole(body, b"content-encoding: gzip"))))
    record = ask(connect(server.url, accept_gzip=True))
    assert record.outcome == "malformed"
    assert "checksum" in record.detail


def test_each_flushed_chunk_of_a_gzip_stream_is_seen_when_it_comes(serve, connect, ask):
    """The server sends the second chunk when the first was decoded: a client that waits gets none."""
    squeeze, seen = zlib.compressobj(wbits=31), Event()
    first = squeeze.compress(b"text:hello\n") + squeeze.flush(zlib.Z_SYNC_FLUSH)
    rest = squeeze.compress(b"text: you\nfinish:stop\ndone\n") + squeeze.flush()

    def script(peer):
        peer.request()
        peer.send(CHUNKED + b"content-encoding: gzip\r\n\r\n" + chunks(first))
        assert seen.wait(10)
        peer.send(chunks(rest) + b"0\r\n\r\n")

    record = ask(connect(serve(script).url, accept_gzip=True), seen=seen)
    assert (record.outcome, len(record.content_at_s), record.chunks_together) == ("success", 2, 0)


def test_unknown_encoding_is_malformed(serve, connect, ask):
    """Bytes that nobody asked for can't be read, and the record names them."""
    server = serve(lambda peer: (peer.request(), peer.send(whole(b"??", b"content-encoding: br"))))
    record = ask(connect(server.url))
    assert record.outcome == "malformed"
    assert "'br'" in record.detail


def test_broken_gzip_is_malformed(serve, connect, ask):
    """A body that is not what its header says fails the call, not the run."""
    server = serve(lambda peer: (peer.request(), peer.send(whole(b"not gzip", b"content-encoding: gzip"))))
    assert ask(connect(server.url)).outcome == "malformed"


def test_inflated_body_over_the_limit_is_malformed(serve, connect, ask):
    """Nor with a small body that inflates to a large one."""
    bomb = whole(gzip.compress(b"\n" * 1_000_000), b"content-encoding: gzip")
    record = ask(connect(serve(lambda peer: (peer.request(), peer.send(bomb))).url, max_body_bytes=100_000))
    assert record.outcome == "malformed"
    assert "inflated" in record.detail
