"""Tokenizers of every kind, trained here on a page of text, in folders as the Hub has them."""

import json
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from aigc_text.tokens.open import open_tokenizer

CHINESE = """床前明月光，疑是地上霜。举头望明月，低头思故乡。人工智能是计算机科学的一个分支，它企图了解智能的实质。
春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"""
EMOJI = "😀 👍🏽 👩‍👩‍👧‍👦 🇨🇳🇫🇷 ❤️ naïve café Ångström Привет мир 안녕 नमस्ते 2024 3.14 don't it's we've"
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA_BPE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def corpus():
    licence = Path(__file__).parents[2] / "LICENSE"
    return [*licence.read_text("utf-8").splitlines(True), *CHINESE.splitlines(True) * 5, *[EMOJI] * 5]


def token(content, special=True, **flags):
    plain = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    return {"content": content, "special": special} | plain | flags


def written(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in files.items():
        (folder / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    return folder


def byte_level(specials, pre_tokenizer=None, normalizer=None, size=1200):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def split(pattern):
    parts = [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    return pre_tokenizers.Sequence(parts)


def gpt2(folder):
    """openai-community/gpt2: the end of text is the last token."""
    tokenizer = byte_level([])
    tokenizer.add_special_tokens([END])
    tokenizer.save(str(folder / "tokenizer.json"))
    number = tokenizer.token_to_id(END)
    config = {"model_type": "gpt2", "bos_token_id": number, "eos_token_id": number}
    written(folder, tokenizer_config={"model_max_length": 1024}, config=config)


def merges(folder):
    """The same as vocab.json and merges.txt only."""
    tokenizer = byte_level([END])
    tokenizer.model.save(str(folder))
    written(folder, config={"model_type": "gpt2", "eos_token_id": tokenizer.token_to_id(END)})


def merges_framed(folder):
    """OPT's and others' way: a token begins each text, and words begin with a space."""
    merges(folder)
    settings = {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "add_prefix_space": True}
    specials = {"bos_token": token(END), "additional_special_tokens": ["<mask>"]}
    written(folder, tokenizer_config=settings, special_tokens_map=specials, added_tokens={"<extra word>": 1200})


def merges_qwen(folder):
    """Qwen2 without its tokenizer.json."""
    tokenizer = byte_level([END, START, STOP], split(QWEN2), normalizers.NFC())
    tokenizer.model.save(str(folder))
    added = {str(tokenizer.token_to_id(name)): token(name) for name in (END, START, STOP)}
    settings = {"added_tokens_decoder": added, "eos_token": STOP, "tokenizer_class": "Qwen2Tokenizer"}
    written(folder, tokenizer_config=settings, config={"model_type": "qwen2"})


def smollm(folder):
    """HuggingFaceTB/SmolLM2-135M-Instruct: digits one by one in tokenizer.json, GPT-2's class in its config."""
    digits = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    byte_level([END, START, STOP], digits).save(str(folder / "tokenizer.json"))
    settings = {
        "add_prefix_space": False, "added_tokens_decoder": {str(i): token(t) for i, t in enumerate([END, START, STOP])},
        "additional_special_tokens": [START, STOP], "bos_token": START, "clean_up_tokenization_spaces": False,
        "eos_token": STOP, "model_max_length": 8192, "pad_token": STOP, "tokenizer_class": "GPT2Tokenizer",
        "unk_token": END, "vocab_size": 1200,
    }  # fmt: skip
    specials = {"additional_special_tokens": [START, STOP], "bos_token": token(START), "eos_token": token(STOP)}
    config = {"model_type": "llama", "bos_token_id": 1, "eos_token_id": 2}
    generation = {"eos_token_id": 2, "pad_token_id": 2}
    written(folder, tokenizer_config=settings, special_tokens_map=specials, config=config, generation_config=generation)


def qwen(folder):
    """Qwen/Qwen2.5-0.5B-Instruct: a normaliser, its own cut, special tokens and tokens that are only added."""
    tokenizer = byte_level([], split(QWEN2), normalizers.NFC())
    from tokenizers import AddedToken

    tokenizer.add_special_tokens([END, START, STOP])
    plain = [AddedToken(name, special=False, normalized=False) for name in ("<tool_call>", "</tool_call>")]
    tokenizer.add_tokens(plain)
    tokenizer.save(str(folder / "tokenizer.json"))
    added = {
        str(tokenizer.token_to_id(name)): token(name, special=name in (END, START, STOP))
        for name in (END, START, STOP, "<tool_call>", "</tool_call>")
    }
    settings = {
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": added,
        "additional_special_tokens": [START, STOP], "bos_token": None, "clean_up_tokenization_spaces": False,
        "eos_token": STOP, "errors": "replace", "model_max_length": 131072, "pad_token": END,
        "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    }  # fmt: skip
    end = tokenizer.token_to_id(END)
    config = {"model_type": "qwen2", "bos_token_id": end, "eos_token_id": end + 2}
    written(folder, tokenizer_config=settings, config=config, generation_config={"eos_token_id": [end + 2, end]})


def sentencepiece(folder, prepend, settings, model_type="llama"):
    """Byte pairs over blocks as sentencepiece has them, and single bytes for what they do not cover."""
    specials = ["<unk>", "<s>", "</s>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()  # only for training: no merge goes across words
    every = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=specials + every, limit_alphabet=90, show_progress=False
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = document["added_tokens"][:3]  # bytes are common tokens
    tokenizer = Tokenizer.from_str(json.dumps(document))
    if prepend:
        tokenizer.pre_tokenizer = None
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s>:0 $A:0", pair="<s>:0 $A:0 <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"model_type": model_type, "bos_token_id": 1, "eos_token_id": 2}
    written(folder, tokenizer_config=settings, config=config)


LLAMA2 = {
    "add_bos_token": True, "add_eos_token": False, "clean_up_tokenization_spaces": False, "legacy": False,
    "added_tokens_decoder": {str(i): token(name) for i, name in enumerate(["<unk>", "<s>", "</s>"])},
    "bos_token": token("<s>", __type="AddedToken"), "eos_token": token("</s>", __type="AddedToken"),
    "model_max_length": 4096, "pad_token": None, "sp_model_kwargs": {}, "tokenizer_class": "LlamaTokenizer",
    "unk_token": token("<unk>", __type="AddedToken"),
}  # fmt: skip


def llama(folder):
    """meta-llama/Llama-2-7b, nickypro/tinyllama-15M."""
    sentencepiece(folder, prepend=True, settings=LLAMA2)


def llama_legacy(folder):
    """mistralai/Mistral-7B-Instruct-v0.1 and other conversions."""
    sentencepiece(folder, False, LLAMA2 | {"legacy": True}, model_type="mistral")


def llama_plain(folder):
    """karpathy's stories: tokenizer.json is all there is."""
    sentencepiece(folder, True, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"})


def llama3(folder):
    """meta-llama/Llama-3.2-1B-Instruct: a generic class, a start that the post-processor puts."""
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = byte_level([], split(LLAMA_BPE))
    tokenizer.add_special_tokens(names)
    number = tokenizer.token_to_id(names[0])
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{names[0]} $A", pair=f"{names[0]} $A {names[0]} $B", special_tokens=[(names[0], number)]
            ),
        ]
    )
    tokenizer.model.ignore_merges = True
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "added_tokens_decoder": {str(number + i): token(name) for i, name in enumerate(names)},
        "bos_token": names[0], "clean_up_tokenization_spaces": True, "eos_token": names[4],
        "model_input_names": ["input_ids", "attention_mask"], "model_max_length": 131072,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }  # fmt: skip
    config = {"model_type": "llama", "bos_token_id": number, "eos_token_id": [number + 1, number + 4]}
    written(folder, tokenizer_config=settings, config=config, generation_config={"eos_token_id": [number + 1]})


def neox(folder):
    """EleutherAI/pythia-70m: a normaliser, and runs of spaces as added tokens that are not special."""
    from tokenizers import AddedToken

    tokenizer = byte_level([END, "<|padding|>"], normalizer=normalizers.NFC())
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in (24, 12, 6, 3)])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "add_prefix_space": False, "bos_token": END, "eos_token": END, "unk_token": END,
        "tokenizer_class": "GPTNeoXTokenizer",
    }  # fmt: skip
    written(folder, tokenizer_config=settings, config={"model_type": "gpt_neox", "eos_token_id": 0})


def bert(folder, settings=None, **config):
    """uer/gpt2-chinese-cluecorpussmall, IDEA-CCNL/Wenzhong2.0: an end that lies outside the vocabulary."""
    letters = [chr(c) for c in range(33, 127)]
    pieces = ["the", "##s", "##ing", "lic", "##ense", "you", "##r", "work", "##2", "##a", "##e", "naive", "cafe", "é"]
    characters = sorted({character for character in CHINESE if "一" <= character <= "鿿"})
    words = ["[PAD]", *(f"[unused{i}]" for i in range(1, 5)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    lines = [*words, *letters, *pieces, *characters, "，", "。", "😀"]
    (folder / "vocab.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    config = {"model_type": "gpt2", "bos_token_id": 50256, "eos_token_id": 50256} | config
    config = config if settings and "tokenizer_class" in settings else config | {"tokenizer_class": "BertTokenizer"}
    written(folder, config=config, **({} if settings is None else {"tokenizer_config": settings}))


def bert_cased(folder):
    bert(folder, {"do_lower_case": False, "tokenizer_class": "BertTokenizer", "clean_up_tokenization_spaces": True})


def bert_accents(folder):
    bert(folder, {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False})


KINDS = {
    builder.__name__: builder
    for builder in (
        gpt2, merges, merges_framed, merges_qwen, smollm, qwen, llama, llama_legacy, llama_plain, llama3, neox, bert,
        bert_cased, bert_accents,
    )
}  # fmt: skip


def opened(folder):
    files = {path.name: path for path in folder.iterdir()}
    config = json.loads(files["config.json"].read_text("utf-8"))
    return open_tokenizer({name: path for name, path in files.items() if name != "config.json"}, config)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """A folder of each kind, made when it is asked for."""
    made = {}

    def folder(kind):
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind)
            KINDS[kind](made[kind])
        return made[kind]

    return folder


@pytest.fixture(scope="session", params=KINDS)
def kind(request, folders):
    """Each kind in turn: its name, its folder and its tokenizer."""
    folder = folders(request.param)
    return SimpleNamespace(name=request.param, folder=folder, tokenizer=opened(folder))


SPANS = [(0x20, 0x7E), (0x4E00, 0x9FFF), (0x1F300, 0x1FAFF), (0, 0x1F), (0x7F, 0x9F), (0xA0, 0x24F), (0x300, 0x36F),
         (0x400, 0x4FF), (0x900, 0x97F), (0xAC00, 0xD7A3), (0x2000, 0x206F), (0xFE00, 0xFE0F), (0xE000, 0xE0FF),
         (0xF900, 0xFAFF), (0x1F1E6, 0x1F1FF), (0x20000, 0x2A6DF), (0xFF00, 0xFFEF)]  # fmt: skip
"""Ranges of characters that make trouble: control characters, marks, compatibility forms, flags, other planes."""
PIECES = [*EMOJI.split(), *CHINESE.split("。"), "Hello", " world", "  ", "\n", "\n\n", "\t", "\r\n", "'s", " n't", " ,",
          "2024", "1234567", "²³", "½", "▁", " ▁", "\ufeff", "\u200b", "\u200d", "e\u0301", "\ufffd", "##ing", "<s>",
          "</s>", "<unk>", END, START, STOP, "<|eot_id|>", "<0x0A>", "[CLS]", "[SEP]", "[UNK]", "<mask>", "\0",
          "<tool_call>", "<extra word>", "return x_1", "İstanbul", "ß", "ﬁ", "Å", " " * 12, "a" * 150]  # fmt: skip


@pytest.fixture(scope="session")
def strings():
    """``strings(n)``: n texts, always the same: of words, of any characters, short and long."""

    def generated(count):
        dice = random.Random(5)
        words = "".join(corpus()).split(" ")
        for number in range(count):
            sort = number % 4
            length = dice.choice([0, 1, 1, 2, 3, 5, 8, 20, 60]) if number % 500 else 5000
            if sort == 0:
                yield " ".join(dice.choices(words, k=length))
            elif sort == 1:
                yield "".join(dice.choices(PIECES, k=length))
            elif sort == 2:
                low, high = dice.choice(SPANS)
                yield "".join(chr(dice.randint(low, high)) for _ in range(length))
            else:
                yield "".join(chr(dice.randint(*dice.choice(SPANS))) for _ in range(length))

    return generated


@pytest.fixture(scope="session")
def reopened():
    """``reopened(folder)``: the tokenizer of a folder."""
    return opened
