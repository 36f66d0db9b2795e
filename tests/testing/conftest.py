"""Lets the tests of the kit build plugins into a fake site, and judge them there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

Findings = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Findings]:
    """Return what builds plugins with ``make(folder)``, judges them in one process, and returns their findings."""

    def judge(make: Callable[[Path], Iterable[str]], letters: str = "MCSNOWLTXPAR") -> Findings:
        root = tmp_path_factory.mktemp("judged")
        site = root / "site"
        site.mkdir()
        names = list(make(site))
        own = {"PYTHONPATH": str(site), "AIGC_ZOO_HOME": str(root / "home"), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, str(HERE / "judging.py"), letters, *names],
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: Findings = json.loads(done.stdout.strip().splitlines()[-1])
        return found

    return judge
