"""The doctor's findings as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokenswarm.doctor.row import Chapter, Row, State


def page_of(chapters: Sequence[Chapter]) -> str:
    """All of it, and how many warnings and faults there are."""
    rows = [row for chapter in chapters for row in chapter.rows]
    width = max((len(row.name) for row in rows), default=0)
    lines = [line for chapter in chapters for line in _lines(chapter, width)]
    return "\n".join([*lines, _end(rows)])


def has_fault(chapters: Sequence[Chapter]) -> bool:
    return any(row.state is State.FAULT for chapter in chapters for row in chapter.rows)


def _lines(chapter: Chapter, width: int) -> Iterator[str]:
    if not chapter.rows:
        return
    yield chapter.title
    longest = max(map(len, State))
    for row in chapter.rows:
        head = f"  {row.state:<{longest}}  {row.name:<{width}}  "
        yield _within(head, row.found)
        if row.mend:
            yield _within(" " * len(head), f"→ {row.mend}")
    yield ""


def _within(head: str, text: str) -> str:
    """What has several lines keeps them, each under the first."""
    return head + ("\n" + " " * len(head)).join(line.strip() for line in text.splitlines())


def _end(rows: Sequence[Row]) -> str:
    warnings, faults = (sum(row.state is state for row in rows) for state in (State.WARNING, State.FAULT))
    said = [_many(faults, "fault"), _many(warnings, "warning")]
    return f"{', '.join(said)} in {len(rows)} checks"


def _many(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"
