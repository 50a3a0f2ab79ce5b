"""The doctor's round: machine, target, what stands beside them."""

from __future__ import annotations

from tokenswarm.doctor.machine import machine_rows
from tokenswarm.doctor.machine_probe import look_at_machine
from tokenswarm.doctor.row import Chapter
from tokenswarm.doctor.surroundings import surrounding_rows
from tokenswarm.doctor.surroundings_probe import look_around
from tokenswarm.doctor.target import target_rows
from tokenswarm.doctor.target_probe import look_at_target


def examine(target: str | None, model: str | None) -> list[Chapter]:
    """All chapters; a few seconds, a few calls, no load, and no file is written."""
    return [
        Chapter("This machine", machine_rows(look_at_machine())),
        Chapter("Target", target_rows(look_at_target(target, model))),
        Chapter("Beside it", surrounding_rows(look_around())),
    ]
