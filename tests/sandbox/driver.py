"""Run one hostile script in the sandbox, as a judge would, and print what came of it as JSON.

A program of its own, so that a test run as root can run it as an ordinary user too. What the script must not reach is
set up here: a folder with a secret, an environment variable, two sockets, a file of weights, this process.
"""

import json
import os
import socket
import sys
import time

from aigc_core.sandbox import tree
from aigc_core.sandbox.choose import choose
from aigc_core.sandbox.collect import collect
from aigc_core.sandbox.folder import private_folder
from aigc_core.sandbox.limits import Limits, View
from aigc_core.sandbox.run import run

LIMITS = Limits(
    idle_s=4,
    cpu_s=3,
    memory_mb=200,
    tasks=24,
    file_mb=20,
    output_mb=40,
    output_files=50,
    scratch_mb=20,
    scratch_files=2000,
    said_kb=256,
)


def main(script, backend):
    os.environ["AIGC_CANARY"] = "secret of the judge"
    with private_folder() as place, socket.create_server(("127.0.0.1", 0)) as server:
        os.mkdir(f"{place}/kept")
        for path, text in ((f"{place}/kept/secret", "secret"), (f"{place}/weights", "weights")):
            with open(path, "w") as stream:
                stream.write(text)
        os.mkdir(f"{place}/box")
        abstract = f"aigc-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as local, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            local.bind("\0" + abstract)
            local.listen()
            datagrams.bind(("127.0.0.1", server.getsockname()[1]))
            datagrams.setblocking(False)
            scripts = os.path.dirname(os.path.abspath(script))
            view = View((sys.prefix, sys.base_prefix, scripts, f"{place}/weights"), f"{place}/box", {})
            given = [f"{place}/kept", server.getsockname()[1], abstract, view.out, os.getpid(), f"{place}/weights"]
            began = time.monotonic()
            ended = run([sys.executable, "-s", script, *map(str, given)], view, LIMITS, choose(backend))
            took = time.monotonic() - began
            server.setblocking(False)
            arrived = [name for name, ask in (("tcp", server.accept), ("udp", lambda: datagrams.recv(9))) if _came(ask)]
        came = collect(view.out)
        found = {
            **ended._asdict(),
            "took": took,
            "left": [each.pid for each in tree.below(os.getpid()) if not each.ended],
            "arrived": arrived,
            "kept": {name: _read(f"{place}/kept/{name}") for name in os.listdir(f"{place}/kept")},
            "weights": _read(f"{place}/weights"),
            "mode": oct(os.stat(f"{place}/weights").st_mode & 0o777),
            "files": list(came.files),
            "refused": came.refused,
        }
    return {**found, "rest": [name for name in os.listdir(os.path.dirname(place)) if os.path.basename(place) in name]}


def _came(ask):
    try:
        ask()
    except BlockingIOError:
        return False
    return True


def _read(path):
    with open(path) as stream:
        return stream.read()


if __name__ == "__main__":
    os.umask(0o022)
    json.dump(main(*sys.argv[1:]), sys.stdout)
