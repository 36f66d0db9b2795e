"""A small Hugging Face Hub on loopback, for tests of real downloads and uploads: the standard library and PyYAML alone.

It speaks the part of the Hub's HTTP protocol that ``huggingface_hub`` 1.33 and 2.4 use: files (HEAD, GET, ranges;
large ones redirected to a CDN on another host and port by links that may expire, small ones through
``resolve-cache``), renamed, gated and private repositories, ``model_info``, listings with ``Link`` pages, trees,
``paths-info``, refs, commits, ``whoami``, repositories made and deleted, and uploads (``validate-yaml``, ``preupload``,
LFS, commits). Commit, tree and blob ids are those that git gives, with a fixed author and fixed dates, so that the same
files have the same ids on every run and may be pinned.

    with LoopbackHub() as hub:  # two free ports of 127.0.0.1
        revision = hub.commit("me/tiny", {"config.json": b"{}", "model.safetensors": Path("weights.safetensors")})
        hf_hub_download("me/tiny", "config.json", endpoint=hub.url, revision=revision)

``python tests/hub/loopback FOLDER [PORT]`` serves ``FOLDER/OWNER/NAME/``, each as one commit or, where that holds
``001-title/``, ``002-title/`` and so on, as one commit each, which adds to the one before.

It has no Xet store, so clients are to set ``HF_HUB_DISABLE_XET=1`` before an upload; there are no pull requests, no new
branches, no multipart uploads and no compressed answers. Where the real Hub answers 401 with no ``X-Error-Code``, this
one adds ``RepoNotFound``: the client guesses that by itself only for ``https`` urls.
"""

from .faults import KINDS
from .hub import LoopbackHub

__all__ = ["KINDS", "LoopbackHub"]
