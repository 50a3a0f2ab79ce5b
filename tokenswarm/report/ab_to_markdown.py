"""An A/B comparison as Markdown, for a pull request's comment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tokenswarm.report.ab import AbResult
from tokenswarm.report.figures import moment
from tokenswarm.report.markdown import code, table, text

_MARKS: Final = {
    "regressed": "❌",
    "equivalent": "✅",
    "improved": "✅",
    "inconclusive": "❔",
    "interrupted": "❔",
}


def render(result: AbResult) -> str:
    """The whole of it."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: AbResult) -> Iterator[str]:
    yield f"# {_MARKS[result.outcome]} {text(result.profile)}: B against A"
    yield ""
    yield f"**{text(result.sentence)}**"
    yield ""
    yield f"A is {text(result.a.shown)}, B is {text(result.b.shown)}; {result.pairs} pairs of runs count."
    if result.rows:
        yield ""
        yield from _figures(result)
        yield ""
        yield (
            "Changes are means over pairs of runs, with Student's 95% interval; p is corrected after Holm."
            " *Detectable* is the least worsening that would be called a regression four times in five."
        )
    if result.notes:
        yield ""
        yield from (f"- {text(note)}" for note in result.notes)
    yield ""
    yield "<details><summary>Runs</summary>"
    yield ""
    yield from _legs(result)
    yield ""
    yield "</details>"
    yield ""
    yield f"{code(result.command)} · {text(moment(result.started_at))} · {text(result.tool)}"


def _figures(result: AbResult) -> Iterator[str]:
    heads = ("", "Figure", "A", "B", "Change", "95% interval", "p", "Margin", "Detectable")
    rows = [
        (
            f"{_MARKS[row.word]} {row.word}",
            code(str(row.key)),
            row.a_text,
            row.b_text,
            row.change_text(row.answer.mean),
            row.interval_text,
            row.p_text,
            row.margin_text,
            row.detectable_text,
        )
        for row in result.rows
    ]
    yield from table(heads, rows, "llrrrrrrr", is_escaped=(1,))


def _legs(result: AbResult) -> Iterator[str]:
    names = [str(row.key) for row in result.rows]
    rows = [
        (
            str(leg.pair),
            leg.side.upper(),
            leg.folder,
            leg.outcome or "–",
            *(row.text_of(leg.figures.get(str(row.key))) for row in result.rows),
        )
        for leg in result.legs
    ]
    heads = ("Pair", "Side", "Run", "Its verdict", *names)
    yield from table(heads, rows, "llll" + "r" * len(names))
