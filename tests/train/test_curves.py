"""``aigc-zoo curves``: what it reads, draws and says, and what it does with logs that are not as they should be."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys

import click.testing
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aigc_core.cli import outcome
from aigc_core.train.curves.logs import Curve, Histogram, labels, read, shared
from aigc_core.train.curves.terminal import plot

needs_matplotlib = pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="matplotlib is missing")


def plain(number, text):
    return text


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Write a run's folder; losses are given as {name: {step: value}}."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def make(name, losses, speeds=(), finished=False, rest=""):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        by_step = {}
        for loss, values in losses.items():
            for step, value in values.items():
                by_step.setdefault(step, {})[loss] = value
        lines = [json.dumps({"step": step, "losses": values}) + "\n" for step, values in sorted(by_step.items())]
        (folder / "losses.jsonl").write_text("".join(lines) + rest, encoding="utf-8")
        events = [{"step": i, "time": 0, "seconds": i, "steps_per_second": speed} for i, speed in enumerate(speeds)]
        if speeds:
            (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        if finished:
            (folder / "record.json").write_text("{}")
        return name

    return make


@pytest.fixture
def curves(capsys):
    def call(*arguments):
        code = outcome(["curves", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


FALLING = {step: 2.0 - step / 100 for step in range(10, 101, 10)}


class TestTable:
    def test_a_row_for_each_run_and_loss(self, make, curves):
        validation = {50: 0.9, 80: 0.4, 100: 0.6}
        make(
            "one",
            {"g/loss": FALLING, "validation/g/loss": validation},
            speeds=[1.0, 40.0, 41.0, 42.0, 900.0],
            finished=True,
        )
        make("two", {"g/loss": dict.fromkeys(FALLING, 3), "validation/g/loss": validation})
        code, out, err = curves("one", "two")
        assert code == 0
        assert [line.split("\t") for line in out.splitlines() if "\t" in line] == [
            ["one", "complete", "100", "41", "g/loss", "1", "-"],
            ["one", "complete", "100", "41", "validation/g/loss", "0.6", "0.4 at step 80"],
            ["two", "unfinished", "100", "-", "g/loss", "3", "-"],
            ["two", "unfinished", "100", "-", "validation/g/loss", "0.6", "0.4 at step 80"],
        ]
        assert "best: a selection on validation" in err

    def test_the_least_training_loss_is_no_best(self, make, curves):
        make("one", {"g/loss": FALLING, "validation/accuracy": FALLING})
        _, out, err = curves("one")
        assert all(line.endswith("\t-") for line in out.splitlines() if "\t" in line)
        assert "selection" not in err

    def test_only_what_all_runs_have_is_drawn(self, make, curves):
        make("one", {"g/loss": FALLING, "g/kl": FALLING})
        make("two", {"g/loss": FALLING, "d/loss": FALLING})
        code, out, err = curves("one", "two")
        assert code == 0
        assert "g/kl" not in out
        assert "Not drawn, for not every run has them: g/kl, d/loss.\n" in err
        code, out, err = curves("one", "two", "--only", "g/loss")
        assert "Not drawn" not in err

    def test_a_run_given_twice_is_drawn_once(self, make, curves, tmp_path):
        make("one", {"g/loss": FALLING})
        _, out, _ = curves("one", "one/", str(tmp_path / "one"))
        assert out.count("unfinished") == 1

    def test_runs_of_one_name_are_told_apart_by_their_paths(self, make):
        runs = [read(make(name, {"g/loss": FALLING})) for name in ("a/run", "b/run", "c")]
        assert labels(runs) == ["a/run", "b/run", "c"]


class TestBadInput:
    def test_no_such_folder(self, make, curves):
        assert curves("nowhere") == (2, "", "aigc-zoo: There is no folder nowhere.\n")

    def test_a_folder_that_is_no_run(self, make, curves, tmp_path):
        (tmp_path / "empty").mkdir()
        assert curves("empty") == (2, "", "aigc-zoo: empty is no folder of a run: it has no losses.jsonl.\n")

    def test_no_folder_at_all_and_a_file(self, make, curves, tmp_path):
        assert curves()[0] == 2
        (tmp_path / "file").write_text("")
        code, _, err = curves("file")
        assert code == 2
        assert "'file' is a file" in err

    @pytest.mark.parametrize("text", ["", "\n", '{"step": 1, "los'])
    def test_nothing_logged_yet(self, make, curves, text):
        make("young", {}, rest=text)
        code, out, err = curves("young")
        assert (code, out) == (3, "")
        assert err == ("aigc-zoo: young has logged no losses yet. Look again when it has trained for longer.\n")

    def test_a_half_written_last_line_is_left_out_with_a_word(self, make, curves):
        make("one", {"g/loss": FALLING}, rest='{"step": 110, "losses": {"g/lo')
        code, out, err = curves("one")
        assert code == 0
        assert "\t100\t" in out
        assert f"{os.path.join('one', 'losses.jsonl')}: its last line is half-written and was left out.\n" in err

    @pytest.mark.parametrize(
        "line",
        [
            "nonsense",
            '{"step": 1}',
            '{"step": "1", "losses": {}}',
            '{"step": 1, "losses": {"x": "0.5"}}',
            '{"step": 1, "losses": {"x": true}}',
            '{"step": 1, "losses": {"x": [1]}}',
            '{"step": -4, "losses": {"x": 1}}',
            '{"step": 1e3, "losses": {"x": 1}}',
            f'{{"step": {10**400}, "losses": {{"x": 1}}}}',
            "[" * 100_000,
            "\x00",
            "[]",
        ],
    )
    def test_a_line_that_is_no_line_of_the_log_is_named(self, make, curves, line):
        make("one", {"g/loss": {1: 0.5}}, rest=line + "\n")
        code, out, err = curves("one")
        assert (code, out) == (2, "")
        assert err == f"aigc-zoo: {os.path.join('one', 'losses.jsonl')}, line 2, is no line of a log of losses.\n"

    def test_two_runs_with_no_loss_in_common(self, make, curves):
        make("one", {"g/loss": FALLING})
        make("two", {"decoder/loss": FALLING})
        code, out, err = curves("one", "two")
        assert (code, out) == (2, "")
        assert err == (
            "aigc-zoo: The runs have no loss in common: one has g/loss; two has decoder/loss. Draw each by itself.\n"
        )

    def test_a_loss_that_a_run_lacks(self, make, curves):
        make("one", {"generator/loss": FALLING})
        code, _, err = curves("one", "--only", "generator/lossy")
        assert code == 2
        assert err == (
            "aigc-zoo: one has no loss generator/lossy. Did you mean generator/loss? It has generator/loss.\n"
        )

    def test_events_that_make_no_sense_cost_the_speed_alone(self, make, curves):
        make("one", {"g/loss": FALLING})
        with open("one/events.jsonl", "w") as stream:
            stream.write(
                '{"text": "a warning"}\nnonsense\n7\n{"steps_per_second": "fast"}\n{"steps_per_second": 0}\n{"st'
            )
        code, out, _ = curves("one")
        assert code == 0
        assert "\t100\t-\tg/loss\t" in out

    def test_control_characters_do_not_reach_the_terminal(self, make, curves):
        make("one", {"g\x1b[31m\x9b/loss": FALLING})
        code, out, err = curves("one")
        assert code == 0
        assert "\x1b" not in out + err
        assert "\x9b" not in out + err


GAPS = {**FALLING, 30: math.nan, 40: math.inf, 60: None, 70: -math.inf, 80: 10**400}


class TestNotFinite:
    def test_gaps_are_said_in_words(self, make, curves):
        make("one", {"g/loss": GAPS, "d/loss": FALLING | {50: math.nan}})
        code, _, err = curves("one")
        assert code == 0
        assert "one: g/loss is not finite 5 times, first at step 30; there is a gap in its curve.\n" in err
        assert "one: d/loss is not finite at step 50; there is a gap in its curve.\n" in err

    def test_a_loss_that_ends_so_and_one_that_never_was_finite(self, make, curves):
        make("one", {"g/loss": FALLING | {100: math.nan}, "d/loss": dict.fromkeys(FALLING, math.nan)})
        code, out, _ = curves("one")
        assert code == 0
        assert "\tg/loss\tnot finite\t-" in out
        assert "(no finite value to draw)" in out

    def test_the_best_is_finite(self):
        assert Curve([1, 2, 3], [math.nan, 2.0, 5.0]).best() == (2, 2.0)
        assert Curve([1], [math.nan]).best() is None


class TestTerminalPlot:
    @staticmethod
    def dots(lines):
        """Every dot of a plot's braille as (row, column), from the code points' definition in Unicode."""
        found = set()
        for row, line in enumerate(lines):
            for column, sign in enumerate(line[13:]):
                if 0x2800 <= ord(sign) <= 0x28FF:
                    for dot in range(8):
                        if ord(sign) - 0x2800 >> dot & 1:
                            down, right = (dot % 3, dot // 3) if dot < 6 else (3, dot - 6)
                            found.add((4 * row + down, 2 * column + right))
        return found

    def test_a_line_goes_from_corner_to_corner(self):
        lines = plot([Curve([0, 100], [1.0, 0.0])], 60, 12, plain)
        dots = self.dots(lines[:10])
        assert {(0, 0), (39, 93)} <= dots
        assert all(abs(row - column * 39 / 93) <= 1 for row, column in dots)
        assert {column for _, column in dots} == set(range(94))
        assert lines[0].startswith("          1 ┤")
        assert lines[9].startswith("          0 ┤")
        assert lines[11].strip().startswith("0 ")
        assert lines[11].endswith("100 steps")

    def test_a_gap_is_not_bridged(self):
        steps = list(range(101))
        whole = self.dots(plot([Curve(steps, [0.5] * 101)], 60, 12, plain))
        holed = self.dots(plot([Curve(steps, [math.nan if 40 < s < 60 else 0.5 for s in steps])], 60, 12, plain))
        missing = {column for _, column in whole} - {column for _, column in holed}
        assert missing == set(range(min(missing), max(missing) + 1))
        assert len(missing) == pytest.approx(0.19 * 94, abs=2)

    def test_a_single_value_is_a_dot(self):
        assert len(self.dots(plot([Curve([7], [0.5])], 60, 12, plain))) == 1
        assert len(self.dots(plot([Curve([1, 2, 3], [math.nan, 0.5, math.nan])], 60, 12, plain))) == 1

    def test_two_runs_are_told_apart_by_letters(self):
        steps = list(range(100))
        lines = plot([Curve(steps, [1.0] * 100), Curve(steps, [0.0] * 100)], 80, 12, plain)
        assert set("AB") & set(lines[0]) == {"A"}
        assert set("AB") & set(lines[9]) == {"B"}
        short = plot([Curve(steps, [1.0] * 100), Curve([40], [0.0])], 80, 12, plain)
        assert set("AB") & set(short[9]) == {"B"}  # however short
        alone = plot([Curve(steps, [1.0] * 100)], 80, 12, plain)
        assert not set("AB") & set("".join(alone))

    @given(
        st.lists(
            st.lists(st.tuples(st.integers(0, 10**9), st.floats(width=64)), min_size=1, max_size=8),
            min_size=1,
            max_size=4,
        ),
        st.integers(40, 120),
    )
    def test_whatever_the_values_it_fits(self, runs, width):
        found = [sorted(dict(run).items()) for run in runs]
        curves = [Curve([s for s, _ in run], [v if math.isfinite(v) else math.nan for _, v in run]) for run in found]
        lines = plot(curves, width, 12, plain)
        assert len(lines) in (1, 12)
        assert all(len(line) <= width for line in lines)


class TestColours:
    def test_none_where_nobody_looks(self, make, curves):
        make("one", {"g/loss": FALLING})
        make("two", {"g/loss": FALLING})
        assert "\x1b" not in curves("one", "two")[1]

    def test_a_colour_for_each_run_on_a_terminal(self, make, capsys, monkeypatch):
        make("one", {"g/loss": FALLING})
        make("two", {"g/loss": FALLING})
        monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert outcome(["curves", "one", "two"]) == 0
        drawn = capsys.readouterr().out
        assert "\x1b[36m" in drawn
        assert "\x1b[33m" in drawn
        monkeypatch.setenv("NO_COLOR", "1")
        assert outcome(["curves", "one", "two"]) == 0
        assert "\x1b" not in capsys.readouterr().out


@needs_matplotlib
class TestPicture:
    def test_a_panel_for_each_loss(self, make, curves):
        make("one", {"g/loss": FALLING, "d/loss": FALLING})
        make("two", {"g/loss": FALLING, "d/loss": FALLING})
        code, _, err = curves("one", "two", "--output", "made.png")
        assert code == 0
        assert err.endswith("Wrote made.png.\n")
        with Image.open("made.png") as image:
            assert image.format == "PNG"
            two = image.size
            colours = {tuple(colour) for colour in np.asarray(image.convert("RGB")).reshape(-1, 3)}
        assert {(0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00)} <= colours
        assert curves("one", "two", "--output", "made.png", "--only", "g/loss")[0] == 0
        with Image.open("made.png") as image:
            assert image.size[0] < two[0]

    def test_equal_logs_give_equal_bytes(self, make, curves):
        make("one", {"g/loss": FALLING})
        for name in ("a.png", "b.png"):
            assert curves("one", "-o", name)[0] == 0
        with open("a.png", "rb") as a, open("b.png", "rb") as b:
            assert a.read() == b.read()

    @pytest.mark.parametrize("name", ["_hidden", "a$b$", "$\\frac$", "图像", "x" * 120])
    def test_any_folder_s_name_stands_in_the_legend(self, make, curves, name):
        make(name, {"g/$loss": FALLING})
        make("two", {"g/$loss": FALLING})
        assert curves(name, "two", "-o", "made.png")[0] == 0
        assert curves(name, "-o", "made.png")[0] == 0

    def test_many_runs_and_values_that_are_not_finite(self, make, curves):
        for number in range(16):
            make(f"run-{number}", {"g/loss": GAPS, "d/loss": dict.fromkeys(FALLING, math.nan)})
        assert curves(*(f"run-{number}" for number in range(16)), "-o", "made.png")[0] == 0

    def test_gaps_are_gaps(self, make, curves):
        """A level line, in the upper half of the picture and with a hole in the middle: that column has no colour."""
        steps = range(10, 1010, 10)
        make("one", {"g/loss": {step: math.nan if 400 < step < 600 else 1.0 for step in steps}})
        assert curves("one", "-o", "made.png")[0] == 0
        with Image.open("made.png") as image:
            blue = (np.asarray(image.convert("RGB")) == (0x00, 0x72, 0xB2)).all(-1).any(0)
        drawn = np.flatnonzero(blue)
        assert not blue[drawn[0] : drawn[-1]].all()
        assert not blue[(drawn[0] + drawn[-1]) // 2]

    def test_another_ending_is_refused(self, make, curves):
        make("one", {"g/loss": FALLING})
        assert curves("one", "-o", "made.jpg") == (
            2,
            "",
            "aigc-zoo: made.jpg is no name of a PNG file. Try: made.png\n",
        )

    def test_where_nothing_can_be_written(self, make, curves):
        make("one", {"g/loss": FALLING})
        code, out, err = curves("one", "-o", "nowhere/made.png")
        assert code == 2
        assert "g/loss" in out
        assert "Cannot write " in err
        assert "no such file or directory" in err

    def test_a_failure_leaves_the_old_picture(self, make, curves, tmp_path, monkeypatch):
        from matplotlib.figure import Figure

        make("one", {"g/loss": FALLING})
        (tmp_path / "made.png").write_bytes(b"old")

        def fail(self, stream, **settings):
            stream.write(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Figure, "savefig", fail)
        code, _, err = curves("one", "-o", "made.png")
        assert code == 3
        assert "No space left for" in err
        assert (tmp_path / "made.png").read_bytes() == b"old"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["made.png", "one"]


def test_without_matplotlib_the_terminal_still_draws(make, curves, monkeypatch, tmp_path):
    make("one", {"g/loss": FALLING})
    for module in [module for module in sys.modules if module.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert curves("one")[0] == 0
    code, out, err = curves("one", "-o", "made.png")
    assert code == 3
    assert "└" in out
    assert err.splitlines()[-1] == (
        'aigc-zoo: made.png was not written: there is no matplotlib here. Try: pip install "aigc-core[curves]"'
    )
    assert not (tmp_path / "made.png").exists()


def test_a_log_that_took_steps_up_again_tells_them_once(make):
    rest = '{"step": 90, "losses": {"g/loss": 7}}\n'
    curve = read(make("one", {"g/loss": FALLING}, rest=rest)).curves["g/loss"]
    assert curve.steps == list(FALLING)
    assert curve.values[-2:] == [7.0, 1.0]


def test_validation_has_a_line_of_its_own_at_the_same_step(make):
    rest = '{"step": 100, "losses": {"validation/g/loss": 7}}\n'
    curves = read(make("one", {"g/loss": FALLING}, rest=rest)).curves
    assert curves["g/loss"] == Curve(list(FALLING), list(FALLING.values()))
    assert curves["validation/g/loss"] == Curve([100], [7.0])


def test_shared_keeps_the_order_of_the_log(make):
    runs = [read(make(name, {"b": FALLING, "a": FALLING, "c": FALLING})) for name in ("one", "two")]
    assert shared(runs) == ["b", "a", "c"]
    assert shared(runs, ("c", "b")) == ["b", "c"]


def test_drawing_in_the_terminal_imports_nothing_heavy(make, tmp_path):
    make("one", {"g/loss": FALLING})
    script = (
        "import sys\nfrom aigc_core.cli import outcome\noutcome(['curves', 'one'])\n"
        "assert not {'torch', 'numpy', 'matplotlib', 'PIL', 'pluggy'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, env=environment)


def test_where_there_is_no_braille_the_table_is_still_printed(make):
    make("one", {"g/loss": FALLING})
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "aigc_core", "curves", "one"]
    done = subprocess.run(command, check=True, capture_output=True, env=environment)
    assert done.stdout == b"one\tunfinished\t100\t-\tg/loss\t1\t-\n"
    assert done.stderr.startswith(b"Not drawn here: there is no braille in iso8859-1; --output makes a picture.")


def test_the_help_says_what_it_does():
    from aigc_core.cli.curves import command

    done = click.testing.CliRunner().invoke(command, ["--help"])
    assert done.exit_code == 0
    assert "Draw the losses of the runs" in done.output


# --- diagnostics ---

SAMPLE = {"edges": [-1.0, 0.0, 1.0, 2.0], "counts": [3, 0, 5]}


def shows(folder, *events):
    """Add what a trainer showed to a run's folder: (step, values, histograms)."""
    lines = [{"kind": "train-diagnostics", "step": step, "values": a, "histograms": b} for step, a, b in events]
    with open(os.path.join(folder, "events.jsonl"), "a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)


def test_diagnostics_are_curves_and_histograms(make):
    make("a", {"loss": {10: 1.0, 20: 0.5}}, speeds=[5.0])
    shows("a", (10, {"norm": 3.0, "nan": None}, {"logits": SAMPLE}), (20, {"norm": 2.0}, {"logits": SAMPLE}))
    run = read("a")
    assert list(run.curves) == ["loss", "diagnostics/norm", "diagnostics/nan"]
    assert run.curves["diagnostics/norm"] == Curve([10, 20], [3.0, 2.0])
    assert [each.step for each in run.histograms["diagnostics/logits"]] == [10, 20]
    assert run.speed == 5.0


def test_what_a_killed_run_told_of_steps_that_are_made_again_counts_once(make):
    make("a", {"loss": {10: 1.0, 20: 0.5}})
    shows("a", *((step, {"norm": 1.0}, {}) for step in (10, 20, 30)), (20, {"norm": 2.0}, {}))
    assert read("a").curves["diagnostics/norm"] == Curve([10, 20], [1.0, 2.0])


@pytest.mark.parametrize(
    "event",
    [
        (10, None, None),
        (10, {"a": "b"}, {"c": 1}),
        (10, {"a": [1]}, {"c": {"edges": [0, 1], "counts": []}}),
        (10, {}, {"c": {"edges": [1, 0], "counts": [2]}}),
        (10, {}, {"c": {"edges": [0, None], "counts": [2]}}),
        (10, {}, {"c": {"edges": [0, "1"], "counts": [2]}}),
        (10, {}, {"c": {"edges": [0, 1], "counts": [0]}}),
        (10, {}, {"c": {"edges": [0, 1], "counts": [-1]}}),
        (10, {}, {"c": {"edges": [0, 1], "counts": [1.5]}}),
        ("10", {"a": 1.0}, {}),
        ([1], {"a": 1.0}, {}),
        (-1, {"a": 1.0}, {}),
    ],
    ids=str,
)
def test_what_is_no_diagnostics_is_left_out(make, event):
    make("a", {"loss": {10: 1.0}})
    shows("a", event)
    run = read("a")
    assert (list(run.curves), run.histograms) == (["loss"], {})


@given(st.lists(st.integers(0, 20), min_size=1, max_size=9).filter(any), st.floats(0, 1))
def test_a_quantile_has_that_part_below_it(counts, part):
    edges = [float(edge) for edge in range(len(counts) + 1)]
    found = Histogram(0, edges, counts).quantile(part)
    below = sum(count * min(max(found - edge, 0), 1) for edge, count in zip(edges, counts, strict=False))
    assert below == pytest.approx(part * sum(counts), abs=1e-6)


def test_they_are_drawn_in_the_terminal(make, curves):
    make("a", {"loss": {10: 1.0, 20: 0.5}})
    shows("a", (10, {"norm": 3.0}, {"logits": SAMPLE}), (20, {"norm": 2.0}, {"logits": SAMPLE}))
    code, out, _ = curves("a")
    assert code == 0
    assert "diagnostics/norm" in out
    assert "diagnostics/logits, at the last step\n         -1 ▕▅ █▏ 2\n" in out
    code, out, _ = curves("a", "--only", "diagnostics/logits")
    assert (code, out) == (0, "diagnostics/logits, at the last step\n         -1 ▕▅ █▏ 2\n")
    code, _, err = curves("a", "--only", "diagnostics/logit")
    assert (code, "Did you mean diagnostics/logits?" in err) == (2, True)
    make("b", {"loss": {10: 1.0}})
    assert "Not drawn, for not every run has them: diagnostics/norm." in curves("a", "b")[2]


@needs_matplotlib
def test_a_picture_has_a_panel_for_each(make, curves):
    for name in "ab":
        make(name, {"loss": {10: 1.0, 20: 0.5}})
    assert curves("a", "b", "-o", "plain.png")[0] == 0
    for name in "ab":
        shows(name, *((step, {"norm": 3.0}, {"logits": SAMPLE}) for step in (10, 20)))
    assert curves("a", "b", "-o", "all.png")[0] == 0
    with Image.open("plain.png") as one, Image.open("all.png") as other:
        assert other.size[1] > one.size[1]
