"""``aigc-zoo serve`` in a process of its own."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("uvicorn") is None, reason="the server is an extra")


@pytest.fixture
def site(site, bigram_text):
    site.install("aigc-toy", "toy", models=("toy",), generator=bigram_text.replace("class Bigram", "class Grey"))
    path = site.packages / "aigc_toy" / "zoo" / "models" / "toy.json"
    manifest = json.loads(path.read_text())
    options = {"type": "object", "additionalProperties": False, "properties": {}}
    options["properties"] = {
        "prompt": {"type": "string", "description": "What comes first."},
        "max_new_tokens": {"type": "integer", "minimum": 1, "default": 200, "description": "How much."},
        "temperature": {"type": "number", "minimum": 0, "default": 1, "description": "How wild."},
    }
    manifest |= {"family": "autoregressive", "task": "text-generation"}
    manifest["use"] = {"options": options, "output": {"kind": "text"}}
    path.write_text(json.dumps(manifest))
    site.install("aigc-grey", "grey", models=("grey",))
    return site


@pytest.fixture
def start(site):
    """Start the server; return the process and the address that it prints."""
    begun = []

    def run(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "-m", "aigc_core", "serve", *arguments],
            env={**os.environ, "PYTHONPATH": str(site.packages), "AIGC_ZOO_HOME": str(site.home), **environment},
            cwd=site.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process, process.stdout.readline()

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def ask(url, **headers):
    body = json.dumps({"model": "toy", "prompt": "Once", "seed": 1}).encode()
    request = urllib.request.Request(f"{url}/completions", body, {"content-type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(start, number):
    process, line = start("toy", "--port", "0")
    assert line.startswith("Serving toy at http://127.0.0.1:"), process.communicate()
    assert len(ask(line.split()[3].rstrip(";"))["choices"][0]["text"]) > 3
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_key_comes_from_a_file(start, site):
    (site.work / "key").write_text("a-key\n")
    _, line = start("toy", "--port", "0", "--host", "0.0.0.0", "--api-key-file", "key")
    url = line.split()[3].rstrip(";").replace("0.0.0.0", "127.0.0.1")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(url)
    assert ask(url, authorization="Bearer a-key")["model"] == "toy"


def test_it_imports_no_torch(site):
    script = (
        "import sys, threading, os, signal\n"
        "from aigc_core.cli import outcome\n"
        "class Out:\n"
        "    def write(self, text): text.startswith('Serving') and os.kill(os.getpid(), signal.SIGTERM)\n"
        "    def flush(self): pass\n"
        "sys.stdout = Out()\n"
        "code = outcome(['serve', 'toy', '--port', '0'])\n"
        "print(code, 'torch' in sys.modules, file=sys.stderr)\n"
    )
    assert site.python("-c", script).stderr == "0 False\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["toy", "--host", "0.0.0.0"], 2, "takes an API key"),
        (["toy", "--host", "no such host", "--api-key-file", "none"], 2, "Cannot read the API key"),
        (["grey"], 2, "grey cannot be served"),
        (["nonesuch"], 2, "nonesuch"),
        (["toy", "--rows", "0"], 2, "--rows"),
        (["toy", "--engine", "warp"], 2, "one way only"),
        ([], 2, "MODEL"),
    ],
)
def test_wrong_use_is_one_sentence(site, arguments, code, said):
    done = site.zoo("serve", *arguments, "--port", "0")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use(start, site):
    _, line = start("toy", "--port", "0")
    port = line.split()[3].rstrip(";").split(":")[2].removesuffix("/v1")
    done = site.zoo("serve", "toy", "--port", port)
    assert done.returncode == 3
    assert "in use" in done.stderr


def test_without_the_extra_it_says_what_to_install(site):
    script = (
        "import importlib.util as u, sys\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'uvicorn' else find(name, *rest)\n"
        "from aigc_core.cli import outcome\nsys.exit(outcome(['serve', 'toy']))"
    )
    done = site.python("-c", script)
    assert done.returncode == 3
    assert 'pip install "aigc-core[serve]"' in done.stderr
