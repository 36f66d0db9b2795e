"""The transformer: nothing comes from later tokens, probabilities make a distribution, and it is the textbook's."""

import itertools
import math

import pytest
import torch

from aigc_text import networks
from aigc_text.networks import CharTransformer


def made(vocabulary="abcde", seed=0, spread=True, **config):
    torch.manual_seed(seed)
    network = CharTransformer(vocabulary, **{"block": 6, "layers": 2, "heads": 2, "width": 8} | config)
    if spread:  # far from uniform, so that what should not matter would be seen
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return network.double().eval()


@pytest.mark.parametrize("place", range(6))
def test_a_token_moves_no_logits_before_it(place, moved):
    assert moved(made(), place) == list(range(place, 6))


def test_attention_to_later_tokens_would_be_seen(monkeypatch, moved):
    attend = networks.scaled_dot_product_attention
    both = lambda *parts, is_causal, **rest: attend(*parts, **rest)  # noqa: E731
    monkeypatch.setattr(networks, "scaled_dot_product_attention", both)
    assert moved(made(), 4) == list(range(6))


@pytest.mark.parametrize("document", [False, True])
def test_the_probabilities_of_all_texts_sum_to_one(document):
    """The product of p(x_t | x_<t) is a distribution over sequences."""
    network = made("ab", document=document)
    size = 2 + document
    rows = torch.tensor([(0, *rest) for rest in itertools.product(range(size), repeat=4)])
    with torch.no_grad():
        steps = network(rows[:, :-1]).log_softmax(2).gather(2, rows[:, 1:, None]).sum((1, 2))
    assert steps.exp().sum().item() == pytest.approx(1, rel=1e-12)


def test_all_tokens_at_once_are_the_tokens_one_by_one(batch):
    network, row = made(), batch(1)
    with torch.no_grad():
        whole = network(row)
        steps = torch.stack([network(row[:, : length + 1])[:, -1] for length in range(6)], 1)
    torch.testing.assert_close(whole, steps)


def textbook(network, row, heads=2):
    """Compute the logits of one row of tokens with nothing but matrix products (GPT-2's equations)."""
    weights = network.state_dict()

    def normed(x, name):
        mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
        return (x - mean) / (variance + 1e-5).sqrt() * weights[f"{name}.weight"] + weights.get(f"{name}.bias", 0)

    def mapped(x, name):
        return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0)

    x = weights["tokens.weight"][row] + weights["positions.weight"][: len(row)]
    mask = torch.full((len(row), len(row)), -torch.inf, dtype=x.dtype).triu(1)
    for block in range(len(network.blocks)):
        name = f"blocks.{block}"
        parts = mapped(normed(x, f"{name}.norm1"), f"{name}.attend").split(x.shape[1], 1)
        found = []
        for q, k, v in zip(*(part.chunk(heads, 1) for part in parts), strict=True):
            found.append((q @ k.T / math.sqrt(q.shape[1]) + mask).softmax(1) @ v)
        x = x + mapped(torch.cat(found, 1), f"{name}.join")
        u = mapped(normed(x, f"{name}.norm2"), f"{name}.up")
        u = 0.5 * u * (1 + torch.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
        x = x + mapped(u, f"{name}.down")
    return normed(x, "norm") @ weights["tokens.weight"].T


@pytest.mark.parametrize("bias", [False, True])
def test_it_is_the_textbooks(bias, batch):
    network = made(bias=bias)
    with torch.no_grad():
        for row, logits in zip(batch(), network(batch()), strict=True):
            torch.testing.assert_close(logits, textbook(network, row))


@pytest.mark.parametrize(("bias", "parameters"), [(False, 804_096), (True, 809_856)])
def test_nanogpts_cpu_size(bias, parameters):
    network = CharTransformer("".join(map(chr, range(65))), bias=bias)
    assert sum(value.numel() for value in network.parameters()) == parameters


def test_first_weights_are_gpt2s():
    network = made("".join(map(chr, range(200))), spread=False, width=64, layers=8, bias=True)
    network.initialise()
    for name, value in network.named_parameters():
        if name.endswith("bias"):
            assert not value.any(), name
        elif "norm" in name:
            assert (value == 1).all(), name
        else:
            expected = 0.005 if name.endswith(("join.weight", "down.weight")) else 0.02
            assert value.std().item() == pytest.approx(expected, rel=0.15), name


def test_first_predictions_are_almost_uniform(batch):
    network = made(spread=False)
    network.initialise()
    assert (network(batch()).softmax(2) - 0.2).abs().max() < 0.05


def test_dropout_draws_in_training_alone(batch):
    network = made(dropout=0.5)
    assert torch.equal(network(batch()), network(batch()))
    network.train()
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(network(batch()))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"width": 9}, "width 9 cannot be shared by 2 heads"),
        ({"vocabulary": ""}, "vocabulary is empty"),
        ({"vocabulary": "abca"}, "a character twice"),
    ],
    ids=str,
)
def test_a_config_that_cannot_be_is_refused(config, sentence):
    with pytest.raises(ValueError, match=sentence):
        made(**config)
