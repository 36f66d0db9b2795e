"""Which engine a model gets, and what is refused in one sentence."""

import os
import shutil
from importlib.util import find_spec

import numpy as np
import pytest

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.interfaces.language_model import Engines, Request
from aigc_text.engines.choice import Chosen
from aigc_text.engines.opening import ENGINES, opened
from aigc_text.engines.sources import Source
from aigc_text.generators import CharTransformer, Decoder


def source(models, name="llama"):
    return Source.of(models(name).config, models(name).weights)


@pytest.mark.parametrize(
    ("engine", "dtype", "said"),
    [
        ("nativ", "auto", "no engine nativ. Did you mean native"),
        ("native", "int9", "no type int9"),
        ("ct2", "int4", "ct2 has no int4; it takes float32, int8"),
        ("gguf", "bfloat16", "gguf has no bfloat16"),
    ],
)
def test_names_that_nobody_has(models, engine, dtype, said):
    with pytest.raises(WrongUse, match=said):
        Chosen(source(models), engine, dtype, 1, "cpu")


@pytest.mark.parametrize("engine", ["gguf", "ct2", "transformers"])
def test_other_programs_compute_on_the_cpu(models, engine):
    with pytest.raises(WrongUse, match=f"{engine} computes on the cpu alone, not on cuda"):
        opened(engine, source(models), "float32", 1, "cuda")


def test_an_architecture_that_is_not_ours(tmp_path):
    other = Source({"model_type": "bloom"}, {}, None)
    with pytest.raises(NotAvailable, match="native does not know model_type bloom"):
        opened("native", other, "float32", 1, "cpu")


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # torch's compiler calls it itself
@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_every_engine_computes_the_same_logits(models, engine, monkeypatch, tmp_path, tokens):
    needs = {"gguf": "llama_cpp", "ct2": "ctranslate2"}.get(engine)
    if needs and not find_spec(needs):
        pytest.skip(f"{needs} is not installed")
    monkeypatch.setenv("AIGC_ZOO_HOME", str(tmp_path))
    if engine == "compiled":
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
        if not shutil.which(os.environ.get("CXX", "c++")):
            pytest.skip("torch.compile needs a C++ compiler")
    chosen = Chosen(source(models), engine, "float32", 1, "cpu")
    found = chosen.engine(2)
    assert chosen.last is found
    if engine != "auto":
        assert (found.name, found.dtype) == (engine, "float32")
    assert {"threads"} < set(found.environment())
    text = tokens(40)
    logits = np.concatenate(list(found.logits(text)))
    np.testing.assert_allclose(logits, models("llama").logits(text), rtol=0, atol=1e-4)


def test_the_generators_say_which_engines_they_have():
    for kind in (Decoder, CharTransformer):
        assert isinstance(kind, Engines)
        assert set(kind.engines) <= set(ENGINES)


def test_a_whole_model_from_its_folder(models, tmp_path):
    """The tokenizer is the smallest there can be; what it says is the other tests' matter."""
    import json

    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    folder = tmp_path / "model"
    shutil.copytree(models("llama").folder, folder)
    words = {f"w{token} ": token for token in range(300)}
    Tokenizer(WordLevel(words, unk_token="w0 ")).save(str(folder / "tokenizer.json"))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    model = Decoder.open(config, {path.name: path for path in folder.iterdir()}, "cpu", "native", "int8", 1)
    assert (model.engine, model.dtype, model.context) == ("native", "int8", 1024)
    with pytest.raises(WrongUse, match="prompt is empty"):
        model.encode("")
    noise = [np.random.default_rng(row).random(5, np.float32) for row in range(3)]
    requests = [Request((1, 2), {"max_new_tokens": 5}, uniform) for uniform in noise]
    texts = model.complete(requests)
    assert len(set(texts)) == 3
    assert model.complete(requests) == texts


def test_gpt2_with_the_tokenizer_of_bert_writes_chinese(save, tmp_path, tokens):
    """The layout of Wenzhong 2.0 and of UER's Chinese GPT-2, with random weights."""
    import json

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"人工智能是的一不在有我他这中大来上国", "##a", "a"]
    config = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 50256, "eos_token_id": 50256}
    save(tmp_path, "GPT2", config, vocabulary=len(vocabulary))
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    told = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told))
    stated = json.loads((tmp_path / "config.json").read_text("utf-8"))
    model = Decoder.open(stated, {path.name: path for path in tmp_path.iterdir()}, "cpu", "native", "float32", 1)
    tokens = model.encode("人工智能")
    assert [vocabulary[token] for token in tokens] == ["[CLS]", *"人工智能"]  # and no [SEP] after it
    assert model.tokenizer.ends == {vocabulary.index("[SEP]")}  # 50256 is outside the vocabulary
    uniform = np.random.default_rng(0).random(30, np.float32)
    (text,) = model.complete([Request(tokens, {"max_new_tokens": 30}, uniform)])
    assert text
    assert set(text.replace(" ", "")) <= set("".join(vocabulary[5:]))
