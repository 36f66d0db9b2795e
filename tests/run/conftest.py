import contextlib
import io
import json
import tempfile
from pathlib import Path

import pytest

from aigc_core import load, registry

READY = {
    kind: sorted(
        entry.id
        for entry in registry.entries()
        if entry.state == "ready"
        and entry.manifest.output["kind"] == kind
        and "generate" in entry.manifest.capabilities
    )
    for kind in ("image", "text")
}
_loaded = {}


def loaded(name):
    if name not in _loaded:
        _loaded[name] = load(name)
    return _loaded[name]


@pytest.fixture(params=READY["image"])
def model(request):
    """Every model of images from noise that is installed and ready: registering one adds its tests."""
    return loaded(request.param)


@pytest.fixture(params=READY["text"])
def writer(request):
    """Every model of text, likewise."""
    return loaded(request.param)


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Run the command line in this process, in an empty folder with settings of its own."""
    from aigc_core import interrupt
    from aigc_core.cli import outcome

    monkeypatch.setattr(interrupt, "install", lambda: None)  # pytest's own handlers stay
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def run(*arguments):
        code = outcome([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


OPTIONS = {
    "prompt": {"type": "string", "description": "What every text begins with."},
    "max_new_tokens": {"type": "integer", "minimum": 1, "default": 40, "description": "How many characters follow."},
    "temperature": {"type": "number", "minimum": 0, "default": 1, "description": "0 is greedy."},
    "top_p": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "description": "Not used."},
    "stop": {"type": "array", "items": {"type": "string"}, "description": "Characters to end at."},
    "overflow": {"type": "string", "enum": ["refuse", "slide"], "default": "refuse", "description": "Of long texts."},
}
BEGINS = {"context": 300, "begins": True, "template": True}
BIGRAMS = {
    "bigram": ("bigram", BEGINS),
    "bigram-choice": ("choice", BEGINS),
    "bigram-base": ("choice", {"context": 20, "begins": False, "template": False}),
    "bigram-whole": ("whole", {}),
    **{f"bigram-{fault}": ("broken", {"fault": fault}) for fault in ("raise", "row", "type", "half")},
}


@pytest.fixture(scope="session")
def bigrams(make_site):
    """Install a third party's plugin of text models; return the site."""
    site, package = make_site(), "bigram_zoo"
    targets = {kind: f"{package}.generators:{kind.title()}" for kind in ("bigram", "choice", "whole", "broken")}
    options = dict.fromkeys(("bigram", "choice", "broken"), "decoding") | {"whole": "whole"}
    plugin = {"name": "bigram", "api": 1, "summary": "Characters.", "components": {"generators": targets}}
    source = site.install(
        "bigram-zoo",
        "bigram",
        plugin_json=json.dumps(plugin | {"options": options}),
        generator=(Path(__file__).parent / "bigram.py").read_text("utf-8"),
    )
    for folder in ("models", "options"):
        (source / "zoo" / folder).mkdir()
    schema = {"type": "object", "additionalProperties": False, "properties": OPTIONS}
    (source / "zoo" / "options" / "decoding.json").write_text(json.dumps(schema))
    (source / "zoo" / "options" / "whole.json").write_text(
        json.dumps(schema | {"properties": {"prompt": OPTIONS["prompt"]}})
    )
    for name, (architecture, config) in BIGRAMS.items():
        document = {
            "schema": 1,
            "id": name,
            "family": "autoregressive",
            "task": "text-generation",
            "summary": "Characters of random weights.",
            "code": {"plugin": "bigram", "api": 1, "architecture": architecture, "config": config},
            "weights": {"source": "bundled", "files": []},
            "capabilities": ["generate"],
            "use": {"output": {"kind": "text"}},
            "terms": {"code": "Apache-2.0", "weights": "Apache-2.0", "data": None},
        }
        (source / "zoo" / "models" / f"{name}.json").write_text(json.dumps(document))
    return site


@pytest.fixture
def talk(cli, bigrams, monkeypatch):
    """Run the command line in this process with that plugin installed; ``stdin`` is what is piped in."""
    monkeypatch.syspath_prepend(bigrams.packages)

    def run(*arguments, stdin=None):
        with contextlib.ExitStack() as stack:
            if stdin is not None:
                file = stack.enter_context(tempfile.TemporaryFile())
                file.write(stdin if isinstance(stdin, bytes) else stdin.encode())
                file.seek(0)
                monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file, encoding="utf-8"))
            return cli(*arguments)

    return run


ONE_SIZE = {"kind": "image", "shape": [1, 28, 28], "range": [0, 1]}
ANY_SIZE = {"kind": "image", "shape": [3, None, None], "range": [-1, 1]}
ENCODES = ["reconstruct", "interpolate", "encode", "decode"]
FAULTS = (
    *("encode-raises", "no-latents", "latents-nan", "latents-shape", "latents-type", "deviation-negative"),
    *("deviation-shape", "decode-raises", "images-nan", "images-range", "images-shape", "between-shape"),
)
COLOUR, LARGE = {**ONE_SIZE, "shape": [3, 28, 28]}, {**ONE_SIZE, "shape": [3, 256, 256]}
SPOILT = ("paint-raises", "paint-nan", "paint-range", "paint-shape", "paint-type")
TOYS = {
    "toy-linear": ("linear", ["generate", *ENCODES], ONE_SIZE, ONE_SIZE),
    "toy-exact": ("exact", ENCODES, ONE_SIZE, ONE_SIZE),
    "toy-free": ("free", ENCODES, {**ANY_SIZE, "multiple": 8, "largest": 64}, ANY_SIZE),
    "toy-codes": ("codes", ENCODES, ONE_SIZE, ONE_SIZE),
    "toy-no-input": ("linear", ENCODES, None, ONE_SIZE),
    "toy-no-encoder": ("no-encoder", ENCODES, ONE_SIZE, ONE_SIZE),
    "toy-no-latent": ("no-latent", ENCODES, ONE_SIZE, ONE_SIZE),
    "toy-two": ("two", ["generate", "interpolate"], None, ONE_SIZE),
    "toy-colour": (
        "colour",
        ["generate", "interpolate"],
        None,
        {"kind": "image", "shape": [3, 8, 12], "range": [0, 1]},
    ),
    "toy-decoder": ("no-encoder", ["decode"], None, ONE_SIZE),
    **{f"toy-{fault}": ("faulty", ENCODES, ONE_SIZE, ONE_SIZE) for fault in FAULTS},
    "toy-painter": ("painter", ["translate"], ONE_SIZE, COLOUR),
    "toy-greyer": (
        "greyer",
        ["translate"],
        {**ANY_SIZE, "multiple": 8, "largest": 64},
        {**ANY_SIZE, "shape": [1, None, None]},
    ),
    "toy-large": ("large", ["translate"], LARGE, LARGE),
    "toy-no-translate": ("no-encoder", ["translate"], ONE_SIZE, ONE_SIZE),
    "toy-nothing-in": ("painter", ["translate"], None, COLOUR),
    **{f"toy-{fault}": ("spoilt-painter", ["translate"], ONE_SIZE, COLOUR) for fault in SPOILT},
}
"""Models of random weights: architecture, capabilities, use.input and use.output."""


@pytest.fixture(scope="session")
def toys(make_site):
    """Install a third party's plugin of autoencoders; return the site."""
    site, package = make_site(), "toy_zoo"
    names = sorted({architecture for architecture, *_ in TOYS.values()})
    targets = {name: f"{package}.generators:{name.title().replace('-', '')}" for name in names}
    plugin = {"name": "toy", "api": 1, "summary": "Toys.", "components": {"generators": targets}}
    generator = (Path(__file__).parent / "toys.py").read_text("utf-8")
    source = site.install("toy-zoo", "toy", plugin_json=json.dumps(plugin), generator=generator)
    (source / "zoo" / "models").mkdir()
    gain = {"type": "number", "minimum": 0, "maximum": 9, "default": 1.0, "description": "By how much latents grow."}
    for name, (architecture, capabilities, taken, made) in TOYS.items():
        options = {"type": "object", "additionalProperties": False, "properties": {"gain": gain}}
        use = {"output": made} | ({"input": taken} if taken else {}) | {"options": options}
        config = {"fault": name.removeprefix("toy-")} if architecture in ("faulty", "spoilt-painter") else {}
        document = {
            "schema": 1,
            "id": name,
            "family": "vae",
            "task": "other",
            "summary": "An autoencoder of random weights.",
            "code": {"plugin": "toy", "api": 1, "architecture": architecture, "config": config},
            "weights": {"source": "bundled", "files": []},
            "capabilities": capabilities,
            "use": use,
            "terms": {"code": "Apache-2.0", "weights": "Apache-2.0", "data": None},
        }
        (source / "zoo" / "models" / f"{name}.json").write_text(json.dumps(document))
    return site


@pytest.fixture
def toy(cli, toys, monkeypatch):
    """Run the command line in this process with that plugin installed."""
    monkeypatch.syspath_prepend(toys.packages)
    return cli
