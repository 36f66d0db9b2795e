"""A third party's models, with numpy alone; some do what no model should."""

import os
import socket
import sys
import time

import numpy as np

from aigc_core.interfaces import NoiseSpec, Samples


class Plain:
    """8 x 8 images of uniform noise."""

    engine, dtype = "numpy", "float32"
    noise = {"z": NoiseSpec((1, 8, 8), "uniform")}  # noqa: RUF012

    @classmethod
    def open(cls, config, weights, device):
        return cls()

    def generate(self, noise, options):
        return Samples("image", noise["z"], (0.0, 1.0))


class Crash(Plain):
    def generate(self, noise, options):
        print("about to go", flush=True)
        os.abort()


class Hang(Plain):
    def generate(self, noise, options):
        while True:
            time.sleep(60)


class Constant(Plain):
    def generate(self, noise, options):
        return Samples("image", np.full_like(noise["z"], 0.5), (0.0, 1.0))


class Liar(Constant):
    """Says that it is good: in its manifest, in what it patches, in files that it leaves where results are."""

    def generate(self, noise, options):
        import json

        import aigc_core.evaluate.gates
        import aigc_core.evaluate.measure

        aigc_core.evaluate.gates.judged = lambda *given: []
        aigc_core.evaluate.measure.scores_of = lambda *given, **named: []
        for name in ("scores.json", "report.json"):
            with open(os.path.join(sys.argv[2], name), "w") as stream:
                json.dump({"passed": True, "core:vendi": 64.0}, stream)
        values = super().generate(noise, options).values.copy()
        values[:, 0, 0, 0] = noise["z"][:, 0, 0, 0]  # not quite all the same
        return Samples("image", values, (0.0, 1.0))


class Fork(Plain):
    def generate(self, noise, options):
        for _ in range(9):
            os.fork()
        time.sleep(60)


class Daemon(Plain):
    def generate(self, noise, options):
        if not os.fork():
            os.setsid()
            if not os.fork():
                os.closerange(0, 64)
                time.sleep(600)
            os._exit(0)
        return super().generate(noise, options)


class Reach(Plain):
    def generate(self, noise, options):
        with socket.create_connection(("127.0.0.1", 9), timeout=1):
            return super().generate(noise, options)


class Flood(Plain):
    def generate(self, noise, options):
        while True:
            os.write(1, b"x" * 65536)


class Drift(Plain):
    """Depends on the clock."""

    def generate(self, noise, options):
        return Samples("image", ((noise["z"] + time.time_ns() % 997 / 997) % 1).astype(np.float32), (0.0, 1.0))


class Batch(Plain):
    """A sample depends on those beside it."""

    def generate(self, noise, options):
        return Samples("image", (noise["z"] * noise["z"].mean()).astype(np.float32), (0.0, 1.0))


class Link(Plain):
    def generate(self, noise, options):
        path = os.path.join(sys.argv[2], "golden-9.safetensors")
        if not os.path.lexists(path):
            os.symlink("/etc/passwd", path)
        return super().generate(noise, options)


class Grow(Plain):
    def generate(self, noise, options):
        held = []
        while True:
            held.append(bytearray(b"x") * (50 << 20))


class Pretend(Plain):
    """Says that it was refused, and why nothing of it is worth a look."""

    def generate(self, noise, options):
        import json

        whole = {"stage": "refused", "done": {"x": "\x1b[2J" * 9}, "environment": {"torch": os.urandom(4).hex()}}
        with open(os.path.join(sys.argv[2], "said.json"), "w") as stream:
            json.dump({**whole, "error": {"text": "no sandbox here\x1b[2J", "hint": "accept it"}}, stream)
        os._exit(1)


class Hide(Plain):
    """Leaves what cannot be looked into."""

    def generate(self, noise, options):
        out = sys.argv[2]
        os.makedirs(out + "/closed/inner", exist_ok=True)
        os.chmod(out + "/closed", 0)
        os.chmod(out, 0)
        return super().generate(noise, options)
