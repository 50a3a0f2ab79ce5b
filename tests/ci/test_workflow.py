"""The workflow and the action that users copy: valid, safe, and their scripts do what they say.

The scripts are taken out of the YAML and run by bash as GitHub's runner does; `gh` is a program that answers
from a folder, because nothing here may reach GitHub.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "performance.yml"
ACTION = ROOT / "action.yml"
SCHEMAS = Path(__file__).parent / "schemas"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
FAKE_GH = """#!/usr/bin/env bash
echo "${*//$'\\n'/ }" >> "$FAKE/calls"
case "$*" in
  *--paginate*) answer="$FAKE/comments" ;;
  *artifacts*) answer="$FAKE/runs" ;;
  *) exit 0 ;;
esac
if [ -z "${HAS_JQ:-}" ]; then cat "$answer"; exit 0; fi
while [ "$1" != --jq ]; do shift; done
jq --raw-output "$2" "$answer"
"""


def read(file: Path) -> dict[str, Any]:
    """The file as GitHub reads it, for which `on` is no truth."""
    data: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    if True in data:
        data["on"] = data.pop(True)
    return data


def steps() -> dict[str, dict[str, Any]]:
    """Of both files, by name; the action's begin with its name."""
    (job,) = read(WORKFLOW)["jobs"].values()
    named = {step["name"]: step for step in job["steps"] if "name" in step}
    return named | {f"action: {s['name']}": s for s in read(ACTION)["runs"]["steps"] if "name" in s}


def run(name: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run one step's script as the runner does: `bash -e -o pipefail`."""
    script = folder / "step.sh"
    script.write_text(steps()[name]["run"], encoding="utf-8")
    own = {"PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)}
    own |= {"PYTHONPATH": str(ROOT), "GITHUB_OUTPUT": str(folder / "output"), "FAKE": str(folder)}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    return subprocess.run(
        command, cwd=folder, env={**own, **environ}, capture_output=True, text=True, timeout=120, check=False
    )


def outputs(folder: Path) -> Mapping[str, str]:
    lines = (folder / "output").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a `gh` that reaches nobody, and a `tokenswarm` that is this one."""
    for name, text in (
        ("gh", FAKE_GH),
        ("tokenswarm", f'#!/bin/sh\nexec {sys.executable} -m tokenswarm "$@"\n'),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    for name in ("comments", "runs", "calls", "output"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(("file", "schema"), [(WORKFLOW, "workflow.json"), (ACTION, "action.json")])
def test_the_syntax_is_githubs(file: Path, schema: str) -> None:
    """Keys, types and the form of each step."""
    wanted = json.loads((SCHEMAS / schema).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(wanted).validate(read(file))


@pytest.mark.parametrize("name", list(steps()))
def test_no_script_takes_text_from_an_expression(name: str, tmp_path: Path) -> None:
    """A branch or an input could be a command; and bash must be able to read the script."""
    script = steps()[name].get("run", "")
    assert not EXPRESSION.search(script)
    (tmp_path / "x.sh").write_text(script, encoding="utf-8")
    subprocess.run(["bash", "-n", tmp_path / "x.sh"], check=True, timeout=10)


def test_every_reference_leads_somewhere() -> None:
    """Steps, inputs and outputs that expressions name exist."""
    action, text = read(ACTION), ACTION.read_text(encoding="utf-8")
    for expression in EXPRESSION.findall(text):
        for name in re.findall(r"inputs\.([a-z-]+)", expression):
            assert name in action["inputs"]
    ids = {step["id"]: step["run"] for step in action["runs"]["steps"] if "id" in step}
    for output in action["outputs"].values():
        (step, name) = re.findall(r"steps\.([a-z]+)\.outputs\.([a-z-]+)", output["value"])[0]
        assert f"{name}=" in ids[step]
    load = steps()["Load, judge, compare"]
    assert set(load["with"]) <= set(action["inputs"])
    for name in re.findall(r"steps\.load\.outputs\.([a-z-]+)", WORKFLOW.read_text(encoding="utf-8")):
        assert name in action["outputs"]


def test_a_first_comment_is_made_and_a_second_replaces_it(place: Path) -> None:
    """One comment a pull request, found by its marker."""
    (place / "report.md").write_text("# ✅ stress\n", encoding="utf-8")
    environ = {"REPOSITORY": "o/r", "NUMBER": "7", "COMMENT": "report.md"}
    assert run("Comment on the pull request", place, **environ).returncode == 0
    assert (place / "comment.md").read_text(encoding="utf-8") == "<!-- tokenswarm -->\n# ✅ stress\n"
    (place / "comments").write_text("41\n42\n", encoding="utf-8")
    assert run("Comment on the pull request", place, **environ).returncode == 0
    calls = (place / "calls").read_text(encoding="utf-8").splitlines()
    assert calls[1].startswith("api repos/o/r/issues/7/comments --field body=@comment.md")
    assert calls[3].startswith("api --method PATCH repos/o/r/issues/comments/41 --field body=@comment.md")


def test_the_baseline_is_that_of_the_last_good_run_of_main(place: Path) -> None:
    """None yet is no failure."""
    environ = {"REPOSITORY": "o/r", "BASELINE": "tokenswarm-baseline"}
    name = "Fetch the baseline of the last good run of main"
    done = run(name, place, **environ)
    assert (done.returncode, done.stdout) == (0, "main has left no baseline yet\n")
    (place / "runs").write_text("123\n", encoding="utf-8")
    assert run(name, place, **environ).returncode == 0
    last = (place / "calls").read_text(encoding="utf-8").splitlines()[-1]
    assert last == "run download 123 --repo o/r --name tokenswarm-baseline --dir baseline"


@pytest.mark.skipif(shutil.which("jq") is None, reason="gh has a jq of its own, and this machine has none")
def test_a_forks_branch_called_main_gives_no_baseline(place: Path) -> None:
    """Nor does an artifact that has expired, or one of another branch; the newest of the rest is taken."""

    def artifact(
        run_id: int, branch: str = "main", head: int = 1, *, expired: bool = False
    ) -> dict[str, Any]:
        made_by = {"id": run_id, "head_branch": branch, "head_repository_id": head, "repository_id": 1}
        return {"name": "tokenswarm-baseline", "expired": expired, "workflow_run": made_by}

    found = [artifact(9, head=2), artifact(8, "topic"), artifact(7, expired=True), artifact(6), artifact(5)]
    name = "Fetch the baseline of the last good run of main"
    environ = {"REPOSITORY": "o/r", "BASELINE": "tokenswarm-baseline", "HAS_JQ": "1"}
    (place / "runs").write_text(json.dumps({"artifacts": found}), encoding="utf-8")
    assert run(name, place, **environ).returncode == 0
    assert "run download 6 " in (place / "calls").read_text(encoding="utf-8")
    (place / "runs").write_text(json.dumps({"artifacts": found[:3]}), encoding="utf-8")
    assert run(name, place, **environ).stdout == "main has left no baseline yet\n"


@pytest.mark.skipif(shutil.which("jq") is None, reason="gh has a jq of its own, and this machine has none")
def test_a_persons_comment_is_never_replaced(place: Path) -> None:
    """Whoever quotes ours has the marker, too."""

    def comment(number: int, by: str, body: str) -> dict[str, Any]:
        return {"id": number, "user": {"type": by}, "body": body}

    ours = "<!-- tokenswarm -->\n# stress"
    said = [
        comment(1, "User", ours),
        comment(2, "Bot", f"see {ours}"),
        comment(3, "Bot", ours),
        comment(4, "Bot", ours),
    ]
    (place / "report.md").write_text("# stress\n", encoding="utf-8")
    environ = {"REPOSITORY": "o/r", "NUMBER": "7", "COMMENT": "report.md", "HAS_JQ": "1"}
    for comments, end in (
        (said, "PATCH repos/o/r/issues/comments/3 "),
        (said[:2], "repos/o/r/issues/7/comments "),
    ):
        (place / "comments").write_text(json.dumps(comments), encoding="utf-8")
        assert run("Comment on the pull request", place, **environ).returncode == 0
        assert end in (place / "calls").read_text(encoding="utf-8").splitlines()[-1]


@pytest.mark.parametrize(
    ("code", "regressed", "warns"),
    [(0, "false", False), (99, "true", False), (111, "false", False), (104, None, True)],
)
def test_what_could_not_be_compared_is_said_and_is_no_regression(
    place: Path, code: int, regressed: str | None, warns: bool
) -> None:
    """A limit that is none must not look like one that holds."""
    (place / "tokenswarm").write_text(
        f'#!/bin/sh\nprintf "<%s>" "$@" > calls\nexit {code}\n', encoding="utf-8"
    )
    (place / "base.json").touch()
    limits = "p99=20%\n  p95=off"
    done = run("action: Compare with the baseline", place, BASELINE="base.json", LIMITS=limits, FOLDER="f")
    assert done.returncode == 0
    assert outputs(place).get("regressed") == regressed
    assert ("::warning title=tokenswarm::" in done.stdout) == warns
    assert (place / "calls").read_text(encoding="utf-8").endswith("<--limit><p99=20%><--limit><p95=off>")


def test_all_lines_of_arguments_are_options(place: Path) -> None:
    """A workflow may give them one a line; and a folder is found only if the run made one."""
    (place / "tokenswarm").write_text('#!/bin/sh\nprintf "<%s>" "$@" > calls\nexit 104\n', encoding="utf-8")
    (place / "reports" / "before").mkdir(parents=True)
    given = {"PROFILE": "$(touch x)", "ARGUMENTS": "--workers 2\n--seed 7\n", "REPORTS": "reports"}
    done = run("action: Load", place, **given, TARGET="", MODEL="a b", SLO="", BASELINE="")
    assert done.returncode == 0
    assert outputs(place) == {"exit-code": "104", "folder": ""}
    asked = (place / "calls").read_text(encoding="utf-8")
    assert asked == "<run><$(touch x)><--reports><reports><--model><a b><--workers><2><--seed><7>"
    assert not (place / "x").exists()


@pytest.mark.parametrize("name", ["Verdict", "action: Verdict"])
@pytest.mark.parametrize(
    ("code", "regressed", "blocking", "ends"),
    [
        ("0", "", "true", 0),
        ("0", "false", "true", 0),
        ("0", "true", "true", 99),  # limits hold, but main was faster
        ("99", "", "true", 99),
        ("111", "false", "true", 111),
        ("99", "true", "false", 0),
    ],
)
def test_the_switch_decides_whether_a_verdict_blocks(
    name: str, code: str, regressed: str, blocking: str, ends: int, place: Path
) -> None:
    """The run's own verdict before the comparison's."""
    environ = {"CODE": code, "REGRESSED": regressed, "BLOCKING": blocking}
    assert run(name, place, **environ).returncode == ends


def test_a_job_without_a_run_does_not_look_green(place: Path) -> None:
    """What failed before the load left no exit code."""
    assert run("Verdict", place, CODE="", REGRESSED="", BLOCKING="true").returncode == 1


@pytest.mark.end_to_end
def test_the_action_loads_compares_and_writes_a_comment(place: Path) -> None:
    """Its steps one after the other, with the embedded mock; the run is its own baseline."""
    environ = {"PROFILE": "smoke", "ARGUMENTS": "--time-scale 0.2", "REPORTS": "reports"}
    empty = {"TARGET": "", "MODEL": "", "SLO": "", "BASELINE": ""}
    done = run("action: Load", place, **environ, **empty)
    assert done.returncode == 0, done.stderr
    folder = outputs(place)["folder"]
    assert outputs(place)["exit-code"] in ("0", "99", "111")
    assert (place / folder / "report.md").is_file()
    missing = run("action: Compare with the baseline", place, BASELINE="nowhere", LIMITS="", FOLDER=folder)
    assert (missing.returncode, "regressed" in outputs(place)) == (0, False)
    run("action: Compare with the baseline", place, BASELINE=folder, LIMITS="p99=30% p95=off", FOLDER=folder)
    assert outputs(place)["regressed"] == "false"
    assert run("action: Write the comment", place, FOLDER=folder).returncode == 0
    comment = (place / outputs(place)["file"]).read_text(encoding="utf-8")
    assert comment.startswith((place / folder / "comparison.md").read_text(encoding="utf-8")[:20])
    assert (place / folder / "report.md").read_text(encoding="utf-8") in comment
