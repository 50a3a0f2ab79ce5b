"""The meter of garbage collection."""

from __future__ import annotations

import gc

from tokenswarm.swarm.garbage import GarbageMeter


def test_every_collection_is_timed_once_until_the_meter_is_stopped() -> None:
    """Two collections on demand are two pauses at least; none is told twice, none after the stop."""
    meter = GarbageMeter()
    try:
        gc.collect()
        gc.collect()
        pauses_s = meter.take()
        assert len(pauses_s) >= 2
        assert all(0 < pause_s < 60 for pause_s in pauses_s)
    finally:
        meter.stop()
    meter.take()
    gc.collect()
    assert meter.take() == []
    meter.stop()
