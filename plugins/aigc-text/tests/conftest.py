"""Models of random weights in the Hub's layout, saved by transformers: the oracle of every engine."""

import json
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest

VOCABULARY = 300
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
SIZES = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 8,
    "num_key_value_heads": 4, "max_position_embeddings": 1024,
}  # fmt: skip
NEOX = {name: value for name, value in SIZES.items() if name != "num_key_value_heads"}
MODELS = {
    "gpt2": ("GPT2", {"n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 1024}),
    "llama": ("Llama", SIZES),
    "llama-tied-biased": ("Llama", SIZES | {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True}),
    "llama-3": ("Llama", SIZES | {"rope_parameters": LLAMA3 | {"rope_theta": 500000.0}}),
    "llama-linear": ("Llama", SIZES | {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4}}),
    "llama-wide-heads": ("Llama", SIZES | {"head_dim": 16}),
    "qwen2": ("Qwen2", SIZES),
    "qwen3": ("Qwen3", SIZES | {"head_dim": 16}),
    "mistral": ("Mistral", SIZES | {"sliding_window": 20}),
    "mistral-unbounded": ("Mistral", SIZES | {"sliding_window": None}),
    "neox": ("GPTNeoX", NEOX),
    "neox-in-turn": ("GPTNeoX", NEOX | {"use_parallel_residual": False}),
}
"""The class of transformers, and its config: every architecture that the decoder names, and its variants."""


class Oracle(SimpleNamespace):
    """A folder with a model of random weights, and transformers' logits of any text."""

    def logits(self, tokens):
        import torch

        with torch.inference_mode():
            return self.network(torch.tensor([tokens])).logits[0].numpy()

    @property
    def weights(self):
        return {path.name: path for path in self.folder.iterdir()}


def saved(folder, kind, config, vocabulary=VOCABULARY, **options):
    """Save a model of random weights; norms and biases differ from their neutral values too."""
    transformers = pytest.importorskip("transformers", reason="transformers, the oracle, is not installed")
    import torch

    torch.manual_seed(0)
    # Both names are written here and not in any file.
    own = getattr(transformers, f"{kind}Config")(vocab_size=vocabulary, **config)
    name = f"{kind}LMHeadModel" if kind == "GPT2" else f"{kind}ForCausalLM"
    network = getattr(transformers, name)(own).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.1)
            else:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    network.save_pretrained(folder, **options)
    config = json.loads(Path(folder, "config.json").read_text("utf-8"))
    return Oracle(network=network, folder=Path(folder), config=config)


@pytest.fixture(scope="session")
def architectures():
    """Return the class of transformers and its config, by the names that ``models`` takes."""
    return MODELS


@pytest.fixture(scope="session")
def save():
    """Return ``saved``, for models that a test changes."""
    return saved


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Return a function from a name in ``MODELS`` to its oracle, each made once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = saved(tmp_path_factory.mktemp(name), *MODELS[name])
        return made[name]

    return get


@pytest.fixture(scope="session", params=list(MODELS))
def model(request, models):
    return models(request.param)


@pytest.fixture(scope="session")
def batch():
    """Return a function that draws tokens (count, length) of a vocabulary of ``size``."""
    import torch

    def draw(count=3, length=6, size=5):
        return torch.randint(size, (count, length), generator=torch.Generator().manual_seed(1))

    return draw


@pytest.fixture(scope="session")
def moved(batch):
    """Return a function from a network and a place to the places whose logits move when the token there does."""
    import torch

    def look(network, place):
        before = batch()
        after = before.clone()
        after[:, place] = (after[:, place] + 1) % 5
        with torch.no_grad():
            apart = (network(before) - network(after)).abs().amax((0, 2))
        return [position for position, value in enumerate(apart) if value > 0]

    return look


# The same examples everywhere, judged by what they show and not by how long a busy machine takes for them.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")
