"""Make again what the templates have been trained to: ``python tests/scaffold/train_again.py [gan vae text]``.

Generates each family's package, trains it by its own recipe, records its golden cases, and puts the results under
``aigc_core/scaffold/templates/FAMILY/trained``. ``test_templates.py`` says when that is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from aigc_core.scaffold.asked import FAMILIES, Asked
from aigc_core.scaffold.write import TEMPLATES, write

NAME = "sample"
FACTS = {"origin": {}, "golden": []}
MORE = {"text": ["--prompt", "ka"]}
"""Of each family, what its golden case is recorded with."""


def zoo(folder: Path, *arguments: str) -> None:
    """Run ``aigc-zoo`` in a package's folder, as if it were installed."""
    package = folder / "src"
    info = package / "aigc_sample-0.1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aigc-sample\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[aigc_zoo]\nsample = aigc_sample\n")
    own = {"PYTHONPATH": str(package), "AIGC_ZOO_HOME": str(folder / ".home")}
    subprocess.run([sys.executable, "-m", "aigc_core", *arguments], cwd=folder, env={**os.environ, **own}, check=True)


def again(family: str) -> None:
    """Train one family's model and keep what came of it."""
    trained = Path(TEMPLATES, family, "trained")
    weights, facts = trained / "weights" / "NAME.safetensors", trained / "facts.json.tmpl"
    shutil.rmtree(trained / "golden", ignore_errors=True)
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.touch()
    facts.write_text(json.dumps(FACTS))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "first")
        write(Asked(NAME, family, "Apache-2.0", "Somebody"), str(folder))
        zoo(folder, "train", f"src/aigc_sample/zoo/recipes/{NAME}.json", "--out", "run", "--quiet")
        shutil.copy(folder / "run" / "model.safetensors", weights)
        origin = json.loads((folder / "run" / "aigc-zoo.json").read_text())["origin"]
        origin["recipe"] = f"recipes/{NAME}.json"
        keep(facts, {"origin": origin, "golden": []})
        folder = Path(temporary, "second")
        write(Asked(NAME, family, "Apache-2.0", "Somebody"), str(folder))
        zoo(folder, "golden", "record", NAME, *MORE.get(family, []))
        zoo_folder = folder / "src" / "aigc_sample" / "zoo"
        golden = json.loads((zoo_folder / "models" / f"{NAME}.json").read_text()).get("golden", [])
        for path in sorted((zoo_folder / "golden").glob("*")):
            target = trained / "golden" / path.name.replace(NAME, "NAME")
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
        keep(facts, {"origin": origin, "golden": golden})


def keep(facts: Path, document: dict[str, object]) -> None:
    """Write facts with the plugin's name as a placeholder."""
    text = json.dumps(document, indent=2, ensure_ascii=False).replace("$", "$$")
    facts.write_text(text.replace(f"aigc_{NAME}", "$package").replace(NAME, "$name") + "\n")


if __name__ == "__main__":
    for each in sys.argv[1:] or FAMILIES:
        again(each)
