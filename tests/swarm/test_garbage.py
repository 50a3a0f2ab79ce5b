"""The meter of garbage collection."""

from __future__ import annotations

import gc
import weakref

from tokenswarm.swarm.garbage import GarbageMeter, spare_what_is_loaded


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


class Knot:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.own = self


def test_what_is_loaded_is_spared_and_what_comes_later_is_not() -> None:
    """Nothing that is there is looked at again; what a run makes and drops is freed as ever."""
    before = weakref.ref(Knot())
    loaded = len(gc.get_objects())
    try:
        spare_what_is_loaded()
        assert before() is None  # garbage is not kept for good
        assert gc.get_freeze_count() > 0.9 * loaded
        assert len(gc.get_objects()) < 0.1 * loaded
        later = weakref.ref(Knot())
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
