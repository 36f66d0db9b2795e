"""The Hub's layout: what is written, what is not published, and that a written folder is a model again."""

import hashlib
import json
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from aigc_core import registry
from aigc_core.errors import NotAvailable, Refused, WrongUse
from aigc_core.hub.publish.card import card
from aigc_core.hub.publish.layout import contents, export
from aigc_core.hub.publish.listing import inside, listed, own_manifest
from aigc_core.manifest.model import ModelManifest
from aigc_core.run.load import fetch


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path / "home"))


@pytest.fixture
def digits():
    """Return the real model's entry and its verified files."""
    entry = registry.find("gan:dcgan-digits")
    return entry, fetch(entry)


@pytest.fixture
def source(tmp_path):
    """Return a folder of files to bundle."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def made(source, files, **changes):
    """Write files and return an entry that bundles them, and its files; ``changes`` are to its manifest."""
    document = json.loads(json.dumps(registry.find("gan:dcgan-digits").manifest.document))
    del document["origin"]["recipe"]
    rows = []
    for name, data in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        kind = {".safetensors": "safetensors", ".json": "json"}.get(path.suffix, "text")
        rows.append({"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "format": kind})
    document["weights"]["files"] = rows
    for field, value in changes.items():
        document[field] = {**document[field], **value} if isinstance(value, dict) else value
    manifest = ModelManifest.of(document, "test")
    entry = registry.find("gan:dcgan-digits")._replace(folder=str(source), manifest=manifest)
    return entry, {file.path: source / file.path for file in manifest.files}


def tensors(path, **values):
    save_file(values or {"x": np.zeros(3, np.float32)}, path)
    return path.read_bytes()


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()
    }


def test_a_real_model_in_the_layout(digits, tmp_path):
    entry, files = digits
    names = export(entry, files, str(tmp_path / "out"), "me/digits")
    found = tree(tmp_path / "out")
    assert sorted(names) == sorted(found)
    assert sorted(found) == ["README.md", "aigc-zoo.json", "config.json", "model.safetensors", "recipe.json"]
    (weights,) = files.values()
    assert found["model.safetensors"] == weights.read_bytes()
    assert found["recipe.json"] == Path(entry.folder, "recipes/dcgan-digits.json").read_bytes()
    assert json.loads(found["config.json"]) == {
        "model_type": "dcgan-28",
        "library_name": "aigc-zoo",
        "latent_dim": 100,
        "width": 64,
    }
    document = json.loads(found["aigc-zoo.json"])
    assert found["README.md"].decode() == card(document, "me/digits")
    expected = json.loads(json.dumps(entry.manifest.document))
    expected["weights"]["files"][0]["path"], expected["origin"]["recipe"] = "model.safetensors", "recipe.json"
    expected["code"]["distribution"] = "aigc-gan"
    assert document == expected


def test_equal_models_give_equal_bytes(digits, tmp_path):
    for name in ("one", "two"):
        export(*digits, str(tmp_path / name), "me/digits")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_an_exported_folder_is_the_same_model_again(digits, tmp_path):
    from aigc_core import load

    folder = str(tmp_path / "out")
    export(*digits, folder)
    again, original = load(folder), load("gan:dcgan-digits")
    assert np.array_equal(again.generate(3, seed=5).values, original.generate(3, seed=5).values)
    entry = registry.find(folder)
    export(entry, fetch(entry), str(tmp_path / "again"))
    assert tree(tmp_path / "again") == tree(folder)


def test_the_exported_manifest_passes_the_full_check(digits, tmp_path):
    from aigc_core.manifest.validate import validate_model

    export(*digits, str(tmp_path / "out"))
    assert validate_model(str(tmp_path / "out" / "aigc-zoo.json")) == []
    (tmp_path / "out" / "model.safetensors").unlink()
    assert [problem.code for problem in validate_model(str(tmp_path / "out" / "aigc-zoo.json"))] == ["missing-file"]


def test_shards_keep_their_names_and_lose_the_folder_that_all_are_in(source, tmp_path):
    data = tensors(tmp_path / "x.safetensors")
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = json.dumps({"weight_map": dict(zip("ab", shards, strict=True))}).encode()
    files = {f"weights/big/{name}": data for name in shards}
    files |= {"weights/big/model.safetensors.index.json": index, "weights/big/tok/vocab.txt": b"a\n"}
    export(*made(source, files), str(tmp_path / "out"))
    assert sorted(tree(tmp_path / "out")) == sorted(
        ["README.md", "aigc-zoo.json", "config.json", *shards, "model.safetensors.index.json", "tok/vocab.txt"]
    )


def test_a_lone_safetensors_file_is_renamed_and_the_others_stay(source, tmp_path):
    files = {"weights/w.safetensors": tensors(tmp_path / "x.safetensors"), "tokenizer/vocab.json": b"{}"}
    names = export(*made(source, files), str(tmp_path / "out"))
    assert {"model.safetensors", "tokenizer/vocab.json"} < set(names)


def test_a_config_that_is_one_of_the_files_is_not_overwritten(source, tmp_path):
    config = b'{"model_type": "own"}'
    files = {"model.safetensors": tensors(tmp_path / "x.safetensors"), "config.json": config}
    export(*made(source, files), str(tmp_path / "out"))
    assert tree(tmp_path / "out")["config.json"] == config


def test_a_model_without_weights_has_a_layout_too(source, tmp_path):
    assert export(*made(source, {}), str(tmp_path / "out")) == ["README.md", "aigc-zoo.json", "config.json"]


GOLDEN = {"noise": "golden/deep/noise.safetensors", "output": "other/out.safetensors", "rtol": 0, "atol": 0}


class TestGolden:
    def entry(self, source, tmp_path):
        data = tensors(tmp_path / "x.safetensors")
        for name in (GOLDEN["noise"], GOLDEN["output"]):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(data)
        case = {**GOLDEN, "sha256": hashlib.sha256(data).hexdigest()}
        return made(source, {"w.safetensors": data}, golden=[case])

    def test_files_are_brought_along(self, source, tmp_path):
        export(*self.entry(source, tmp_path), str(tmp_path / "out"))
        (case,) = json.loads(tree(tmp_path / "out")["aigc-zoo.json"])["golden"]
        assert (case["noise"], case["output"]) == ("golden/noise.safetensors", "golden/out.safetensors")
        manifest = own_manifest(str(tmp_path / "out"))
        rows = {file.path: file for file in listed(str(tmp_path / "out"), manifest)}
        assert rows["golden/out.safetensors"].sha256 == case["sha256"]

    def test_a_missing_one_is_said(self, source, tmp_path):
        entry, files = self.entry(source, tmp_path)
        (source / GOLDEN["output"]).unlink()
        with pytest.raises(NotAvailable, match=r"has no file other/out\.safetensors"):
            export(entry, files, str(tmp_path / "out"))

    def test_one_outside_the_folder_is_refused(self, source, tmp_path):
        entry, files = self.entry(source, tmp_path)
        (source / GOLDEN["output"]).unlink()
        (source / GOLDEN["output"]).symlink_to(tmp_path / "x.safetensors")
        with pytest.raises(Refused, match="a link that leaves it"):
            export(entry, files, str(tmp_path / "out"))

    def test_two_of_one_name_are_refused(self, source, tmp_path):
        entry, files = self.entry(source, tmp_path)
        (source / "noise.safetensors").write_bytes(b"")
        entry.manifest.document["golden"][0]["output"] = "noise.safetensors"
        with pytest.raises(Refused, match=r"Two of the model's files would be called golden/noise\.safetensors"):
            export(entry, files, str(tmp_path / "out"))


def test_a_recipe_that_is_not_there_is_not_named(source, tmp_path):
    entry, files = made(source, {}, origin={"recipe": "recipes/gone.json"})
    export(entry, files, str(tmp_path / "out"))
    assert "recipe" not in json.loads(tree(tmp_path / "out")["aigc-zoo.json"])["origin"]
    assert entry.manifest.document["origin"]["recipe"] == "recipes/gone.json"  # the caller's manifest is untouched


@pytest.mark.parametrize(
    "name",
    [".env", "a/.hidden.json", "x.py", "x.pkl", "x.bin", "model.pt", "x", "naïve.txt", "a b.txt", "x.txt\n", "-x.txt"],
)
def test_what_is_not_published(name, source, tmp_path):
    entry, files = made(source, {"w.safetensors": tensors(tmp_path / "x.safetensors"), name: b"x"})
    with pytest.raises(Refused, match=r"is not published|is not valid"):
        export(entry, files, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_file_that_would_be_the_manifest_is_refused(source, tmp_path):
    with pytest.raises(Refused, match=r"'aigc-zoo\.json', which is not published"):
        export(*made(source, {"aigc-zoo.json": b"{}"}), str(tmp_path / "out"))


def test_a_manifest_that_is_not_valid_is_refused(source, tmp_path):
    with pytest.raises(Refused, match=r"The manifest of dcgan-digits is not valid: .*terms\.weights.*\(1 more\)"):
        export(*made(source, {}, terms={"weights": "Free!\n---", "limits": [""]}), str(tmp_path / "out"))


def test_a_folder_that_is_not_empty_is_left_alone(digits, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(WrongUse, match="is not empty"):
        export(*digits, str(tmp_path / "out"))
    assert sorted(tree(tmp_path / "out")) == ["mine"]


def test_a_folder_that_cannot_be_made_is_one_sentence(digits, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(WrongUse, match=r"Cannot write into .*out: file exists"):
        export(*digits, str(tmp_path / "out"))


class TestTheReadmeOfAFolder:
    MINE = "---\nlibrary_name: aigc-zoo\nlicense: apache-2.0\n---\n# Mine, by hand\n"

    @pytest.fixture
    def folder(self, digits, tmp_path):
        export(*digits, str(tmp_path / "out"))
        return tmp_path / "out"

    def readme(self, folder, repo_id="me/x"):
        entry = registry.find(str(folder))
        return contents(entry, fetch(entry), repo_id)["README.md"].decode()

    def test_a_persons_is_kept_to_the_byte(self, folder):
        text = self.MINE.replace("\n", "\r\n") + "é"
        (folder / "README.md").write_bytes(text.encode())
        assert self.readme(folder) == text

    def test_ours_is_written_for_where_it_goes(self, folder):
        assert "run ./FOLDER" in (folder / "README.md").read_text()
        assert "run hf:me/x\n" in self.readme(folder)

    def test_none_is_written(self, folder):
        (folder / "README.md").unlink()
        assert "run hf:me/x\n" in self.readme(folder)

    def test_one_that_is_out_of_date_is_refused(self, folder):
        """The weights were trained again, the card was not written again."""
        manifest = json.loads((folder / "aigc-zoo.json").read_text())
        data = tensors(folder / "model.safetensors")
        row = {"path": "model.safetensors", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        manifest["weights"]["files"] = [{**row, "format": "safetensors"}]
        (folder / "aigc-zoo.json").write_text(json.dumps(manifest))
        with pytest.raises(Refused, match=r"names the SHA-256 c7750b07d978\.\.\., which is none of the manifest's"):
            self.readme(folder)

    @pytest.mark.parametrize("data", [b"\xff\xfe", b"x" * 2_000_000])
    def test_one_that_is_no_text_is_refused(self, folder, data):
        (folder / "README.md").write_bytes(data)
        with pytest.raises(Refused, match=r"README\.md cannot be published"):
            self.readme(folder)

    def test_one_that_is_a_link_out_of_the_folder_is_refused(self, folder, tmp_path):
        (tmp_path / "secret").write_text(self.MINE)
        (folder / "README.md").unlink()
        (folder / "README.md").symlink_to(tmp_path / "secret")
        with pytest.raises(Refused, match="a link that leaves it"):
            self.readme(folder)

    def test_one_that_lies_beside_a_plugins_models_is_nobodys(self, source, tmp_path):
        (source / "README.md").write_text("# Another matter")
        entry, files = made(source, {})
        assert contents(entry, files)["README.md"].decode().startswith("---\nlibrary_name: aigc-zoo")


class TestListed:
    @pytest.fixture
    def folder(self, digits, tmp_path):
        export(*digits, str(tmp_path / "out"))
        return tmp_path / "out"

    def test_stray_files_are_no_part_of_it(self, folder):
        (folder / "checkpoints").mkdir()
        for name in (".env", "train.py", "checkpoints/1.safetensors", "x.pkl", "notes.txt"):
            (folder / name).write_bytes(pickle.dumps("x"))
        names = [file.path for file in listed(str(folder), own_manifest(str(folder)))]
        assert names == ["README.md", "aigc-zoo.json", "config.json", "model.safetensors", "recipe.json"]

    def test_a_file_that_is_missing_is_said(self, folder):
        (folder / "recipe.json").unlink()
        with pytest.raises(NotAvailable, match=r"has no file recipe\.json"):
            listed(str(folder), own_manifest(str(folder)))

    def test_a_folder_that_is_none_is_said(self, tmp_path):
        with pytest.raises(NotAvailable, match="is no model in the Hub's layout"):
            own_manifest(str(tmp_path))

    @pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "link"])
    def test_nothing_outside_is_inside(self, name, folder):
        os.symlink("/etc/passwd", folder / "link")
        with pytest.raises(Refused, match=re.escape(f"{name} lies outside")):
            inside(str(folder), name)

    def test_a_link_that_stays_inside_is_followed(self, folder):
        os.symlink("model.safetensors", folder / "link")
        assert inside(str(folder), "link") == str(folder / "model.safetensors")

    def test_a_pipe_is_no_file(self, folder):
        os.mkfifo(folder / "pipe")
        with pytest.raises(NotAvailable, match="has no file pipe"):
            inside(str(folder), "pipe")
