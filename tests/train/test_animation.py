"""``train --gif``: the sheets of each sample interval as one GIF, at every checkpoint, whole after a resumption."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from aigc_core.errors import WrongUse
from aigc_core.train.animation import FRAMES, animate, check, thinned


def frames(path):
    with Image.open(path) as image:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]


def sheet(folder, step, size=(6, 5), mode="RGB"):
    (folder / "samples").mkdir(exist_ok=True)
    path = folder / "samples" / f"step-{step:08}.png"
    Image.new(mode, size, step % 256 if mode == "L" else (step % 256, 0, 0)).save(path)
    return path


def shown(folder):
    return [int(frame[0, 0, 0]) for frame in frames(folder / "samples.gif")]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_sheets_come_in_order_up_to_the_step(tmp_path, mode):
    for step in (50, 200, 100, 150):
        sheet(tmp_path, step, mode=mode)
    (tmp_path / "samples" / "step-00000075.txt").write_text("a text")
    assert animate(tmp_path, 150) == tmp_path / "samples.gif"
    assert shown(tmp_path) == [50, 100, 150]


def test_without_a_sheet_there_is_none(tmp_path):
    assert animate(tmp_path, 100) is None
    assert not list(tmp_path.iterdir())


def test_sheets_of_another_size_are_left_out(tmp_path):
    sheet(tmp_path, 10, (9, 9))
    sheet(tmp_path, 20)
    sheet(tmp_path, 30)
    animate(tmp_path, 30)
    assert shown(tmp_path) == [20, 30]


def test_of_many_some_are_taken_evenly(tmp_path):
    paths = [Path(str(number)) for number in range(1, 1002)]
    found = [int(path.name) for path in thinned(paths, 11)]
    assert found == [1, *range(101, 1002, 100)]
    assert thinned(paths[:11], 11) == paths[:11]
    for step in range(1, FRAMES + 40):
        sheet(tmp_path, step)
    animate(tmp_path, 10**6)
    assert len(frames(tmp_path / "samples.gif")) == FRAMES


def test_a_training_writes_it_at_each_checkpoint(training, loop, tmp_path):
    made = training("dcgan-digits", "budget.steps=6", "samples.every=2", "samples.count=4", "checkpoint.every=4")
    around = loop(made, tmp_path)
    around.gif, seen = True, {}
    around.start()
    assert not (tmp_path / "samples.gif").exists()
    save = around.save

    def saved():
        save()
        seen[made.step] = len(frames(tmp_path / "samples.gif"))

    around.save = saved
    around.run()
    assert seen == {4: 2, 6: 3}
    sheets = [np.asarray(Image.open(path).convert("RGB")) for path in sorted((tmp_path / "samples").iterdir())]
    assert np.array_equal(np.stack(frames(tmp_path / "samples.gif")), np.stack(sheets))


def test_a_gif_that_cannot_be_written_is_a_warning(training, loop, tmp_path):
    (tmp_path / "samples.gif").mkdir()
    around = loop(training("dcgan-digits", "budget.steps=2", "samples.every=1", "samples.count=4"), tmp_path)
    around.gif = True
    around.start()
    assert around.run()
    assert any("The GIF of the samples could not be written" in text for text in around.watch.said)


def test_what_makes_no_sheets_is_refused(small):
    check(small("dcgan-digits", "samples.every=5"))
    with pytest.raises(WrongUse, match="looks at no samples, so there is nothing to animate"):
        check(small("dcgan-digits"))
    with pytest.raises(WrongUse, match="char-shakespeare makes texts, of which there is no GIF"):
        check(small("char-shakespeare", "samples.every=5"))


def test_runs_of_before_there_was_one_are_taken_up(tmp_path, small):
    from aigc_core.train.begin import Asked, keep, taken_up

    keep(tmp_path, small("dcgan-digits"), Asked(None, gif=True))
    assert taken_up(str(tmp_path), [])[2].gif
    kept = json.loads((tmp_path / "run.json").read_text())
    del kept["gif"]
    (tmp_path / "run.json").write_text(json.dumps(kept))
    assert not taken_up(str(tmp_path), [])[2].gif


def test_a_run_that_was_killed_has_every_sheet_all_the_same(zoo, tiny, tmp_path):
    changes = ["--set", "samples.every=2", "--set", "checkpoint.every=4", "--set", "samples.count=4"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = zoo("train", tiny("gan"), "--out", whole, "--gif", *changes)
    assert done.returncode == 0, done.stderr
    assert len(frames(whole / "samples.gif")) == 6
    done = zoo("train", tiny("gan"), "--out", broken, "--gif", *changes, kill=("sample", 40))
    assert done.returncode < 0
    done = zoo("train", "--resume", broken)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.stack(frames(broken / "samples.gif")), np.stack(frames(whole / "samples.gif")))


def test_the_command_refuses_what_cannot_be_animated_before_any_work(zoo, tiny, tmp_path):
    done = zoo("train", tiny("text"), "--out", tmp_path / "a", "--gif")
    assert done.returncode == 2
    assert "makes texts, of which there is no GIF" in done.stderr
    assert not (tmp_path / "a").exists()
