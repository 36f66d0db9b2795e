"""A judge that is told to stop ends every sandbox, keeps what is done, and leaves nothing."""

import os
import signal
import subprocess
import sys
import time


def test_a_signal_ends_every_sandbox(toy_zoo, site, tmp_path):
    toy_zoo({"hang-1": "hang", "hang-2": "hang"})
    (tmp_path / "tmp").mkdir()
    own = {"PYTHONPATH": str(site.packages), "AIGC_ZOO_HOME": str(site.home), "TMPDIR": str(tmp_path / "tmp")}
    command = [sys.executable, "-m", "aigc_core", "ci", "hang-1", "hang-2", "--workers", "2", "--step", "samples"]
    running = subprocess.Popen(command, env={**os.environ, **own}, stderr=subprocess.PIPE, text=True)
    while len([*(tmp_path / "tmp").glob("aigc-judge-*/out/said.json")]) < 2:
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate()
    assert running.returncode == 130
    assert "interrupted" in said
    assert [*(tmp_path / "tmp").iterdir()] == []
    kept = site.home / "cache" / "judged"
    assert not kept.exists() or not [*kept.iterdir()]
