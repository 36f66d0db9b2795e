"""Steps and what they build on."""

import pytest

from aigc_core.cli import ci
from aigc_core.judge.steps import STEPS, whole


def test_the_command_knows_the_steps():
    assert tuple(STEPS) == ci._STEPS


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ((), tuple(STEPS)),
        (("licence",), ("licence",)),
        (("golden",), ("weights", "samples", "golden")),
        (("metrics", "manifest"), ("manifest", "weights", "samples", "metrics")),
        (("conformance",), ("weights", "conformance")),
    ],
)
def test_what_a_step_builds_on_is_done_too(wanted, found):
    assert whole(wanted) == found
