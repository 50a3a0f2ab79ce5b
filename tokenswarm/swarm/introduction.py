"""What a node of a run says of itself, and why a master can't take a worker.

Every worker draws the same arrivals from the same seed and the master adds up what they measured: that is
only right where all of them run the same code on the same numpy.
"""

from __future__ import annotations

import hashlib
import platform
import re
import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

import tokenswarm

REFUSED: Final = "tokenswarm_refused"  # the master's answer to a worker that it can't take
_DIGITS: Final = 12
_LONGEST: Final = 200
_UNFIT: Final = re.compile(r"[^ -~]")


class _Matter(NamedTuple):
    """A field in which master and worker must agree."""

    field: str
    what: str
    mend: str


_MATTERS: Final = (
    _Matter("tokenswarm", "tokenswarm", "install the same version on both"),
    _Matter("locust", "Locust", "install the same version on both, as requirements.lock says"),
    _Matter("numpy", "numpy", "install the same version on both, as requirements.lock says"),
    _Matter("code", "tokenswarm's source", "install the same release or commit on both"),
    _Matter("scenario", "the scenario", "start the worker with the master's scenario (--scenario NAME)"),
    _Matter("locustfile", "the scenario's locustfile", "copy the master's to the worker"),
)
_PROFILE: Final = _Matter(
    "profile", "the profile", "start the worker without a profile: the master sends it its own"
)


@dataclass(frozen=True, slots=True)
class Introduction:
    """Versions, short hashes and names; "" for what a node doesn't have or doesn't say."""

    tokenswarm: str = ""
    locust: str = ""
    numpy: str = ""
    python: str = ""
    code: str = ""
    scenario: str = ""
    locustfile: str = ""
    profile: str = ""  # a worker's only if it was started with one of its own
    host: str = ""

    @classmethod
    def own(cls, scenario: str, locustfiles: Iterable[str], profile: str = "") -> Introduction:
        """This process's; `profile` is the hash of the file."""
        return cls(
            tokenswarm=tokenswarm.__version__,
            locust=version("locust"),
            numpy=np.__version__,
            python=platform.python_version(),
            code=_hash_of(_source()),
            scenario=scenario,
            locustfile=_hash_of(Path(file) for file in sorted(locustfiles)),
            profile=profile[:_DIGITS],
            host=socket.gethostname()[:_LONGEST],
        )

    def with_profile(self, profile: str) -> Introduction:
        """The same with a profile, by the hash of its file."""
        return replace(self, profile=profile[:_DIGITS])

    def to_wire(self) -> dict[str, str]:
        """Plain types."""
        return asdict(self)

    @classmethod
    def from_wire(cls, data: Any) -> Introduction:
        """Whatever a peer sent: texts are cut and made harmless, and what isn't known is left out.

        Another version's introduction must still be understood well enough to be refused with its name.
        """
        if isinstance(data, str):  # plain Locust says its version and nothing else
            return cls(locust=_harmless(data))
        if not isinstance(data, dict):
            return cls()
        names = (field.name for field in fields(cls))
        return cls(**{name: _harmless(data[name]) for name in names if isinstance(data.get(name), str)})


def differences(master: Introduction, worker: Introduction) -> str:
    """Why they can't work together, with what each has and the mend; "" if they can."""
    matters: tuple[_Matter, ...] = _MATTERS
    if worker.tokenswarm != master.tokenswarm:
        # All else follows from that.
        matters = _MATTERS[:1]
    elif worker.profile:
        matters = (*_MATTERS, _PROFILE)
    return "; ".join(
        f"{matter.what} is {theirs or 'none'} on the worker and {ours or 'none'} on the master: {matter.mend}"
        for matter in matters
        if (theirs := getattr(worker, matter.field)) != (ours := getattr(master, matter.field))
    )


def _source() -> Iterable[Path]:
    folder = Path(tokenswarm.__file__).parent
    return sorted(file for kind in ("*.py", "*.yaml") for file in folder.rglob(kind))


def _hash_of(files: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for file in files:
        # A checkout on another system may have other line ends.
        text = file.read_bytes().replace(b"\r\n", b"\n")
        found.update(b"%s %d\n" % (file.name.encode(), len(text)))
        found.update(text)
    return found.hexdigest()[:_DIGITS]


def _harmless(text: str) -> str:
    return _UNFIT.sub("?", text[:_LONGEST])
