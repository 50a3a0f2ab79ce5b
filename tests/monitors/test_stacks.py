"""Profilers' output, from bytes to stacks and to a flame graph."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from tokenswarm.monitors.stacks import folded, parse_folded, parse_perf_script
from tokenswarm.report.flame_graph import flame_graph

PERF = b"""\
python 19814 27008.505773:          1 cycles:
\tffffffff814ddd4c task_init+0xc ([kernel.kallsyms])
\t    7fb2252f2ad7 [unknown] (/usr/lib/libpython3.so.1.0)
\t    7fb2252f2ad7 std::map<int, long>::find(int const&)+0x1f (/opt/my gateway/bin (deleted))

node worker 77/78 [001] 27008.6:   250000 cpu-clock:pppH:
\t    55aa main+0x10 (/bin/node)

not a sample at all
"""


def test_perf_is_read_from_the_outside_in() -> None:
    """Commands with blanks, C++ names, deleted files; a frame without a symbol is its library's."""
    assert parse_perf_script(PERF) == Counter(
        {
            ("python", "std::map<int, long>::find(int const&)", "[libpython3.so.1.0]", "task_init"): 1,
            ("node worker", "main"): 1,
        }
    )


def test_a_command_line_never_reaches_a_file() -> None:
    """py-spy writes all of it, and people pass keys in it."""
    raw = b'process 7:"/bin/python app.py --key sk-12; \\"34";run (app.py:3) 5\nrubbish\n'
    stacks = parse_folded(raw)
    assert stacks == Counter({("process 7", "run (app.py:3)"): 5})
    assert parse_folded(folded(stacks).encode()) == stacks


def test_frames_are_as_wide_as_their_share() -> None:
    """A quarter of the samples is a quarter of the width; names from the target are escaped."""
    drawing = flame_graph({("a", "<script>&"): 3, ("a",): 9}, "Flame <graph>", "12 samples")
    root = ET.fromstring(drawing)
    widths = {
        str(group[0].text).partition(":")[0]: float(group[1].attrib["width"])
        for group in root.iter("{http://www.w3.org/2000/svg}g")
    }
    assert widths == {"all": 1200.0, "a": 1200.0, "<script>&": 300.0}
    assert "<script" not in drawing


def test_no_sample_is_said() -> None:
    """An idle target has no stacks."""
    assert "no sample was taken" in flame_graph({}, "t", "s")
