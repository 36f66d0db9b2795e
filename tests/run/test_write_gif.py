"""An animated GIF, frame by frame: read back by PIL it is what went in."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageSequence

from aigc_core.errors import WrongUse
from aigc_core.run.write_gif import MILLISECONDS, write_gif

GREY = np.random.default_rng(0).integers(0, 256, (5, 9, 14, 1), np.uint8)


def written(frames, receipt=None):
    stream = io.BytesIO()
    assert write_gif(stream, iter(frames), receipt) == len(frames)
    return stream.getvalue()


def read(data):
    with Image.open(io.BytesIO(data)) as image:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]


def test_greys_come_back_as_they_went():
    assert np.array_equal(np.stack(read(written(GREY))), GREY.repeat(3, 3))


def test_colours_come_back_where_a_palette_holds_them_and_near_where_it_does_not():
    few = np.random.default_rng(1).integers(0, 2, (3, 8, 8, 3), np.uint8) * 200
    assert np.array_equal(np.stack(read(written(few))), few)
    ramp = np.stack(np.meshgrid(np.arange(64), np.arange(64), [0]), -1)[:, :, 0].astype(np.uint8) * 4
    apart = np.abs(read(written([ramp]))[0].astype(int) - ramp)
    assert apart.mean() < 8


def test_it_begins_again_for_ever_at_its_pace_and_says_how_it_was_made():
    with Image.open(io.BytesIO(written(GREY, {"text": "x" * 700}))) as image:
        assert (image.info["loop"], image.info["duration"], image.n_frames) == (0, MILLISECONDS, 5)
        assert image.info["comment"] == b'aigc-zoo{"text":"' + b"x" * 700 + b'"}'


def test_equal_frames_give_equal_bytes():
    assert written(GREY, {"a": 1}) == written(GREY, {"a": 1})


def test_frames_of_two_sizes_are_refused():
    with pytest.raises(WrongUse, match="A frame has 9 x 9 pixels, the first 14 x 9: a GIF has one size"):
        write_gif(io.BytesIO(), iter([GREY[0], GREY[0][:, :9]]))


def test_a_side_beyond_the_format_is_refused():
    with pytest.raises(WrongUse, match="A GIF of 70000 x 1 pixels cannot be: a side has at most 65,535"):
        write_gif(io.BytesIO(), iter([np.zeros((1, 70_000, 1), np.uint8)]))


def test_only_one_frame_is_held():
    def frames(count):
        for number in range(count):
            yield np.full((256, 256, 1), number % 256, np.uint8)

    class Nowhere(io.BytesIO):
        def write(self, data):
            return len(data)

    peaks = []
    for count in (4, 400):
        tracemalloc.start()
        write_gif(Nowhere(), frames(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000, "all frames are 26 MB"
