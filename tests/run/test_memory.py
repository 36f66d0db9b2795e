"""However many images are made, no more memory is used: the peak of fresh processes that make 1,000 and 10,000."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from aigc_core.cli import outcome
code = outcome(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def peak(count, output, *words):
    command = [sys.executable, "-c", SCRIPT, "run", "dcgan-fashion", "-n", str(count), "-o", output, "-q", *words]
    done = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("output", ["all/", "all.npy", "all.safetensors"])
def test_ten_thousand_take_what_one_thousand_do(tmp_path, output):
    few, many = (peak(count, f"{tmp_path}/{count}-{output}", "--batch-size", "16") for count in (1000, 10_000))
    assert many - few < 15_000, f"{few:,} and {many:,} KiB"


@pytest.mark.slow
def test_a_sheet_takes_its_pixels_more(tmp_path):
    few, many = (
        peak(count, f"{tmp_path}/{count}.png", "--save-latent", f"{tmp_path}/z.npy") for count in (1000, 10_000)
    )
    pixels = 10_000 * 30 * 30 / 1024
    assert many - few < 15_000 + 3 * pixels, f"{few:,} and {many:,} KiB"
