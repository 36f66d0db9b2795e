"""A Hub on loopback for every test of this folder, and a process that has no other Hub, cache or token."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = str(Path(__file__).parent)
# Both majors of the client give bytes to their HTTP library in a way that it wants to be rid of.
UPLOADING = "ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"
TIMEOUT = 2
GONE = (
    "HF_TOKEN",
    "HF_TOKEN_PATH",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_ASSETS_CACHE",
    "HUGGINGFACE_ASSETS_CACHE",
    "HF_XET_CACHE",
    "HF_DEBUG",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "make_hub" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.filterwarnings(UPLOADING))


def surroundings(url: str, root: Path) -> dict[str, str]:
    """Return the environment in which a client knows this Hub alone, and keeps its files below a folder."""
    home = root / "huggingface"
    home.mkdir(exist_ok=True)
    # Client 2.x asks the Hub for this file once a day, best effort; here it would blur the log.
    (home / ".agent_harnesses.json").write_text(json.dumps({"standardEnvVars": [], "harnesses": {}}))
    return {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home),
        "AIGC_ZOO_HOME": str(root / "zoo"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_ETAG_TIMEOUT": str(TIMEOUT),
        "HF_HUB_DOWNLOAD_TIMEOUT": str(TIMEOUT),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def constants(environment: dict[str, str]) -> dict[str, Any]:
    """Return what the client has made of the environment, had it been imported in it."""
    url, home = environment["HF_ENDPOINT"], environment["HF_HOME"]
    cache = os.path.join(home, "hub")
    return {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_URL_HOSTS": frozenset({"huggingface.co", "hf.co", "127.0.0.1"}),
        "HF_HOME": home,
        "default_cache_path": cache,
        "HF_HUB_CACHE": cache,
        "HUGGINGFACE_HUB_CACHE": cache,
        "HF_ASSETS_CACHE": os.path.join(home, "assets"),
        "HUGGINGFACE_ASSETS_CACHE": os.path.join(home, "assets"),
        "HF_XET_CACHE": os.path.join(home, "xet"),
        "HF_TOKEN_PATH": os.path.join(home, "token"),
        "HF_STORED_TOKENS_PATH": os.path.join(home, "stored_tokens"),
        "CHECK_FOR_UPDATE_DONE_PATH": os.path.join(home, ".check_for_update_done"),
        "AGENT_HARNESSES_PATH": os.path.join(home, ".agent_harnesses.json"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_TELEMETRY": True,
        "HF_HUB_ETAG_TIMEOUT": TIMEOUT,
        "HF_HUB_DOWNLOAD_TIMEOUT": TIMEOUT,
    }


def settle(patch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Set the environment, for new processes and for a client that this process has imported or will import."""
    for name in GONE:
        patch.delenv(name, raising=False)
    for name, value in environment.items():
        patch.setenv(name, value)
    with contextlib.suppress(ImportError):
        from huggingface_hub import close_session, hf_api
        from huggingface_hub import constants as client

        for name, value in constants(environment).items():
            if hasattr(client, name):
                patch.setattr(client, name, value)
        patch.setattr(hf_api.api, "endpoint", environment["HF_ENDPOINT"])
        if hasattr(hf_api.api, "_whoami_cache"):
            patch.setattr(hf_api.api, "_whoami_cache", {})
        close_session()


def leave() -> None:
    """Let the client forget its connections."""
    with contextlib.suppress(ImportError):
        from huggingface_hub import close_session

        close_session()


@pytest.fixture
def make_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start a ``LoopbackHub`` with arguments; the clients are settled on the last that was started."""
    monkeypatch.syspath_prepend(HERE)
    from loopback import LoopbackHub

    with contextlib.ExitStack() as started:
        started.callback(leave)

        def make(*arguments: Any, **options: Any) -> Any:
            hub = started.enter_context(LoopbackHub(*arguments, **options))
            settle(monkeypatch, surroundings(hub.url, tmp_path))
            return hub

        yield make


@pytest.fixture
def hub(make_hub: Callable[..., Any]) -> Any:
    """Return a started ``LoopbackHub`` that holds nothing yet."""
    return make_hub()
