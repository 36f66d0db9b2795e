"""Shards: which tensor is in which file is the index's word, and it has to be true to the last name."""

import hashlib
import json
import os
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from aigc_core.errors import Refused
from aigc_core.shards import INDEX_BYTES, read_index, tensor_files
from aigc_core.weights import load_module

ONE, TWO, INDEX = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"


def build():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def write(folder, weight_map, tensors, index=INDEX):
    """Write tensors into the files that the index says they are in, and the index; return all by name."""
    for shard in set(weight_map.values()):
        save_file({name: tensors[name] for name, where in weight_map.items() if where == shard}, folder / shard)
    (folder / index).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    return {name: folder / name for name in [index, *set(weight_map.values())]}


@pytest.fixture
def tensors():
    return dict(build().state_dict())


@pytest.fixture
def weight_map(tensors):
    return {name: (ONE, TWO)[number % 2] for number, name in enumerate(tensors)}


@pytest.fixture
def files(tmp_path, tensors, weight_map):
    return write(tmp_path, weight_map, tensors)


def change(files, **fields):
    document = json.loads(files[INDEX].read_text()) | fields
    files[INDEX].write_text(json.dumps(document))


def refused(files, cause):
    with pytest.raises(Refused, match=cause) as refusal:
        load_module(build, files)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 1000


def test_shards_are_loaded_to_the_bit(files, tensors):
    loaded = load_module(build, files).state_dict()
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_any_division_into_shards_loads_the_same(tmp_path_factory, seed, count):
    """The oracle is what safetensors reads from each of the files."""
    chance, folder, tensors = random.Random(seed), tmp_path_factory.mktemp("shards"), build().state_dict()
    weight_map = {name: f"part-{chance.randrange(count)}.safetensors" for name in tensors}
    files = write(folder, weight_map, tensors)
    names = list(files)
    chance.shuffle(names)
    loaded = load_module(build, {name: files[name] for name in names}).state_dict()
    expected = {}
    for path in folder.glob("*.safetensors"):
        expected |= load_file(path)
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], expected[name]) for name in expected)


def test_a_shard_is_read_where_its_file_lies(tmp_path, files):
    """The names are the repository's; in the cache the files have others."""
    blobs = {}
    for name, path in files.items():
        blobs[name] = path.rename(tmp_path / hashlib.sha256(name.encode()).hexdigest())
    load_module(build, blobs)


def test_an_index_in_a_folder_names_the_files_beside_it(files, tensors):
    nested = {f"decoder/{name}": path for name, path in files.items()}
    loaded = load_module(build, nested).state_dict()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    with pytest.raises(Refused, match=f"decoder/{INDEX} names decoder/{ONE}, which is not among the model's files"):
        load_module(build, {f"decoder/{INDEX}": files[INDEX], ONE: files[ONE], TWO: files[TWO]})


def test_other_files_of_the_model_are_no_weights(files, tmp_path):
    load_module(build, files | {"config.json": tmp_path / "config.json", "README.md": tmp_path / "README.md"})


# What an index may get wrong.


def test_a_shard_that_is_lacking_is_named(files):
    refused({name: files[name] for name in (INDEX, TWO)}, f"{INDEX} names {ONE}, which is not among the model's files")


def test_a_name_that_is_too_long_to_read_is_cut(files, weight_map):
    change(files, weight_map=weight_map | {"0.bias": "x" * 100_000 + ".safetensors"})
    refused(files, f"{INDEX} names x+, which is not among the model's files")


def test_a_shard_that_no_index_names_is_refused(files, weight_map, tensors):
    everything = dict.fromkeys(weight_map, ONE)
    save_file(tensors, files[ONE])
    change(files, weight_map=everything)
    refused(files, "Which file holds the tensors is not clear")
    load_module(build, {name: files[name] for name in (INDEX, ONE)})


def test_a_tensor_that_its_shard_lacks_is_named(files, weight_map, tensors):
    save_file(
        {name: tensors[name] for name in weight_map if weight_map[name] == ONE and name != "0.weight"}, files[ONE]
    )
    refused(files, rf"{ONE} does not hold what its index says: 0\.weight\.")


def test_a_tensor_that_no_index_names_is_named(files, weight_map, tensors):
    mine = {name: tensors[name] for name in weight_map if weight_map[name] == ONE}
    save_file(mine | {"more": torch.zeros(1)}, files[ONE])
    refused(files, rf"{ONE} does not hold what its index says: more\.")


def test_a_tensor_that_two_shards_hold_is_named(files, weight_map, tensors):
    mine = {name: tensors[name] for name in weight_map if weight_map[name] == TWO}
    save_file(mine | {"0.weight": tensors["0.weight"]}, files[TWO])
    refused(files, rf"{TWO} does not hold what its index says: 0\.weight\.")


def test_one_file_in_the_place_of_both_shards_is_refused(files, tensors):
    save_file(tensors, files[ONE])
    refused(files | {TWO: files[ONE]}, f"{ONE} does not hold what its index says")


def test_shards_that_were_exchanged_are_refused(files):
    refused({INDEX: files[INDEX], ONE: files[TWO], TWO: files[ONE]}, f"{TWO} does not hold what its index says")


def test_an_index_of_other_tensors_is_refused(files, weight_map):
    change(files, weight_map={f"transformer.{name}": shard for name, shard in weight_map.items()})
    refused(files, "does not hold what its index says")


def test_tensors_that_the_architecture_does_not_know_are_refused(tmp_path, tensors):
    tensors = tensors | {"lm_head.weight": torch.zeros(2, 2)}
    files = write(tmp_path, dict.fromkeys(tensors, ONE), tensors)
    refused(files, r"it has lm_head\.weight, which the architecture does not know")


def test_a_tensor_that_is_in_no_shard_and_no_index_is_missed(tmp_path, tensors):
    del tensors["2.bias"]
    refused(write(tmp_path, dict.fromkeys(tensors, ONE), tensors), r"it lacks 2\.bias\.")


@pytest.mark.parametrize(
    "shard",
    [
        "../secret.safetensors",
        "a/../../secret.safetensors",
        "/etc/secret.safetensors",
        "./model.safetensors",
        "a//b.safetensors",
        "a\\b.safetensors",
        "a\0.safetensors",
        "C:\\model.safetensors",
        "",
        ".safetensors/",
        "model.bin",
        "model.pkl",
        "model.safetensors.bin",
        "model.SAFETENSORS",
        None,
        7,
        True,
        [ONE],
        {"file": ONE},
        "x" * 100_000,
        "../" + "x" * 100_000 + ".safetensors",
    ],
    ids=lambda shard: repr(shard)[:30],
)
def test_a_name_that_is_no_file_beside_the_index_is_refused(files, tmp_path, weight_map, shard):
    """Though the file be there, and among the model's."""
    change(files, weight_map=weight_map | {"0.bias": shard})
    there = {shard: files[ONE]} if isinstance(shard, str) else {}
    refused(files | there, r"says that 0\.bias is in .*, which is no file beside it")


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "line 1: expecting value"),
        (b"{", "line 1"),
        (b"\xff", "is not UTF-8 text"),
        (b"[]", "holds no JSON object"),
        (b"{}", "has no weight_map"),
        (b'{"weight_map": {}}', "has no weight_map"),
        (b'{"weight_map": null}', "has no weight_map"),
        (b'{"weight_map": [["a", "b.safetensors"]]}', "has no weight_map"),
        (b'{"weight_map": ' + b'{"a":' * 100_000, "recursion"),
        (b'{"weight_map": {"a": NaN}}', "JSON has no NaN"),
        (b'{"weight_map": {"a": 1e999}}', "not JSON compliant|Out of range"),
        (b'{"weight_map": {"\\ud800": "a.safetensors"}}', "surrogates not allowed"),
        (b'{"metadata": ' + b"9" * 5000 + b"}", "digits"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_an_index_that_is_none_is_refused(files, data, cause):
    files[INDEX].write_bytes(data)
    refused(files, cause)


def test_of_two_words_on_one_tensor_the_last_counts_and_is_held_to(files, weight_map):
    """JSON lets a name come twice; whichever reader takes the first would look into the other file."""
    text = json.dumps({"weight_map": weight_map}).replace('{"0.weight"', f'{{"0.weight": "{TWO}", "0.weight"')
    files[INDEX].write_text(text)
    load_module(build, files)
    files[INDEX].write_text(text.replace(TWO, "zzz").replace(ONE, TWO).replace("zzz", ONE))
    refused(files, "does not hold what its index says")


def test_an_index_that_is_too_large_is_not_read(files):
    """It is sparse, so that only its size can be the reason."""
    with files[INDEX].open("ab") as stream:
        stream.truncate(INDEX_BYTES + 1)
    refused(files, f"is larger than {INDEX_BYTES:,} bytes")


def test_an_index_that_is_a_pipe_is_not_waited_for(files):
    files[INDEX].unlink()
    os.mkfifo(files[INDEX])
    refused(files, "it is no file")


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["config.json"],
        ["model.bin"],
        ["a.safetensors", "b.safetensors"],
        ["model.safetensors", INDEX, ONE, TWO],
        [INDEX, "other.safetensors.index.json", ONE, TWO],
        ["a.safetensors.index.json", "b.safetensors.index.json"],
        ["a.safetensors", "b.safetensors", "c.json"],
    ],
    ids=",".join,
)
def test_where_it_is_not_clear_what_to_load_nothing_is(files, names):
    given = {name: files.get(name, files[INDEX if name.endswith("json") else ONE]) for name in names}
    refused(given, r"Which file holds the tensors is not clear: it takes one safetensors file, or one index and its")


def test_the_pytorch_index_of_pickles_is_no_index(tmp_path, files):
    refused({"pytorch_model.bin.index.json": files[INDEX], "pytorch_model-00001.bin": files[ONE]}, "is not clear")


def test_what_is_found_is_what_the_index_says(files, weight_map):
    found = dict(tensor_files(files))
    assert found == {files[shard]: {n for n in weight_map if weight_map[n] == shard} for shard in (ONE, TWO)}
    assert read_index(files[INDEX]) == weight_map
    assert tensor_files(files[ONE]) == [(files[ONE], None)]
    assert tensor_files(str(files[ONE])) == [(Path(files[ONE]), None)]
    assert tensor_files({"a/model.safetensors": files[ONE], "config.json": files[INDEX]}) == [(files[ONE], None)]


def test_an_index_that_is_not_held_to_its_word_is_caught(files, weight_map, tensors, monkeypatch):
    """The saboteur: a loader that takes the shards' names from the index and believes the rest."""
    mine = {name: tensors[name] for name in weight_map if weight_map[name] == TWO}
    save_file(mine | {"0.weight": torch.full((4, 3), 666.0)}, files[TWO])
    refused(files, "does not hold what its index says")
    trusting = [(path, None) for path, _ in tensor_files(files)]
    monkeypatch.setattr("aigc_core.weights.tensor_files", lambda weights: trusting)
    assert load_module(build, files)[0].weight[0, 0] == 666.0
