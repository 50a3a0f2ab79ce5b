"""How every chart looks: fonts, colours from the palette, axes and legend."""

from __future__ import annotations

from typing import Any, Final

from bokeh.models import BasicTicker, NumeralTickFormatter
from bokeh.models.annotations import Label

from tokenswarm.report.palette import PALETTE

FONT: Final = "system-ui, sans-serif"
_SMALL: Final = "11px"
ROOM_ABOVE: Final = 1.18  # of the highest value: labels stand there


def light(name: str) -> str:
    """The palette's colour; the page exchanges it for the dark one where that is wanted."""
    return PALETTE[name].light


def style_frame(drawn: Any) -> None:
    """Title, background, grid and axes; the formatter of the x-axis is the chart's own."""
    drawn.background_fill_color = drawn.border_fill_color = drawn.outline_line_color = None
    drawn.title.text_font, drawn.title.text_font_size = FONT, "13px"
    drawn.title.text_font_style, drawn.title.text_color = "bold", light("ink")
    drawn.xgrid.grid_line_color = None
    drawn.ygrid.grid_line_color = light("grid")
    drawn.yaxis[0].ticker = BasicTicker(desired_num_ticks=5)
    drawn.yaxis[0].formatter = NumeralTickFormatter(format="0,0.[00]")
    for axis in drawn.axis:
        axis.axis_line_color = axis.major_tick_line_color = light("line")
        axis.minor_tick_line_color = None
        axis.major_label_text_font, axis.major_label_text_font_size = FONT, _SMALL
        axis.major_label_text_color = light("muted")


def style_legend(drawn: Any) -> Any:
    """The legend, below the chart; a click hides a line."""
    legend = drawn.legend[0]
    drawn.add_layout(legend, "below")
    legend.update(
        orientation="horizontal",
        click_policy="hide",
        location="left",
        background_fill_color=None,
        border_line_color=None,
        label_text_font=FONT,
        label_text_font_size="12px",
        label_text_color=light("ink"),
        inactive_fill_alpha=0.0,
        glyph_width=18,
        spacing=14,
        padding=2,
        margin=2,
    )
    return legend


def label(text: str, colour: str, **place: Any) -> Label:
    """Small words inside a chart, at the right end of where they stand unless `place` says otherwise."""
    return Label(
        **{
            "text": text,
            "text_align": "right",
            "text_font": FONT,
            "text_font_size": _SMALL,
            "text_color": colour,
            "background_fill_color": light("surface"),
            "background_fill_alpha": 0.75,
            **place,
        }
    )
