"""The recurrent network: nothing comes from later tokens, probabilities add up, and it is the textbook's."""

import itertools

import pytest
import torch

from aigc_text.recurrent import Recurrent

CELLS = pytest.mark.parametrize("cell", ["lstm", "gru"])


def made(vocabulary="abcde", seed=0, spread=True, **config):
    torch.manual_seed(seed)
    network = Recurrent(vocabulary, **{"layers": 2, "width": 6, "embedding": 4} | config)
    if spread:  # far from uniform, so that what should not matter would be seen
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.7)
    return network.double().eval()


@CELLS
@pytest.mark.parametrize("place", range(6))
def test_a_token_moves_no_logits_before_it(cell, place, moved):
    assert moved(made(cell=cell), place) == list(range(place, 6))


def test_a_network_that_reads_backwards_would_be_seen(moved):
    network = made()
    real = network.core.forward
    network.core.forward = lambda x, state: real(x.flip(1), state)
    assert moved(network, 4) != [4, 5]


@CELLS
@pytest.mark.parametrize("document", [False, True])
def test_the_probabilities_of_all_texts_sum_to_one(cell, document):
    """The product of p(x_t | x_<t) is a distribution over sequences."""
    network = made("ab", cell=cell, document=document)
    rows = torch.tensor([(0, *rest) for rest in itertools.product(range(2 + document), repeat=4)])
    with torch.no_grad():
        steps = network(rows[:, :-1]).log_softmax(2).gather(2, rows[:, 1:, None]).sum((1, 2))
    assert steps.exp().sum().item() == pytest.approx(1, rel=1e-12)


@CELLS
def test_the_probabilities_of_every_ending_sum_to_that_of_the_beginning(cell):
    """Documents: p(begins with x) = p(x ends here) + the sum over y of p(begins with x y)."""
    network = made("ab", cell=cell, document=True)

    def likelihood(row):
        with torch.no_grad():
            steps = network(torch.tensor([[0, *row[:-1]]])).log_softmax(2)[0]
        return sum(steps[place, token] for place, token in enumerate(row)).exp().item()

    for row in itertools.product((1, 2), repeat=3):
        assert likelihood(row) == pytest.approx(sum(likelihood((*row, last)) for last in (0, 1, 2)), rel=1e-12)


def textbook(network, row):
    """Compute the logits of one row with nothing but matrix products (the equations of torch's documentation)."""
    weights, x = network.state_dict(), network.tokens.weight[row]
    for layer in range(network.layers):
        ours, theirs, b, c = (
            weights[f"core.{name}_l{layer}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = m = torch.zeros(network.width, dtype=x.dtype)
        out = []
        for each in x:
            if network.cell == "lstm":
                i, f, g, o = (ours @ each + b + theirs @ h + c).chunk(4)
                m = f.sigmoid() * m + i.sigmoid() * g.tanh()
                h = o.sigmoid() * m.tanh()
            else:
                (r, z, n), (s, y, q) = (ours @ each + b).chunk(3), (theirs @ h + c).chunk(3)
                z = (z + y).sigmoid()
                h = (1 - z) * (n + (r + s).sigmoid() * q).tanh() + z * h
            out.append(h)
        x = torch.stack(out)
    return x @ weights["head.weight"].T + weights["head.bias"] if network.head else x @ weights["tokens.weight"].T


@CELLS
@pytest.mark.parametrize("config", [{}, {"embedding": None, "tied": True}], ids=["own head", "tied"])
def test_it_is_the_textbooks(cell, config, batch):
    network = made(cell=cell, **config)
    with torch.no_grad():
        torch.testing.assert_close(network(batch(1))[0], textbook(network, batch(1)[0]))


@CELLS
@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_text_in_two_parts_is_the_text(cell, cut, batch):
    network, rows = made(cell=cell), batch()
    with torch.no_grad():
        whole = network(rows)
        first, state = network.go_on(rows[:, :cut], network.empty(3))
        second, _ = network.go_on(rows[:, cut:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)


@CELLS
def test_initialise_makes_an_lstm_remember_and_gates_orthogonal(cell):
    network = made(cell=cell, spread=False).float()
    network.initialise()
    gates = network.core.weight_hh_l1.chunk(4 if cell == "lstm" else 3)
    for gate in gates:
        torch.testing.assert_close(gate @ gate.T, torch.eye(6), rtol=0, atol=1e-5)
    total = network.core.bias_ih_l0 + network.core.bias_hh_l0
    expected = torch.zeros(6 * len(gates))
    if cell == "lstm":
        expected[6:12] = 1
    assert torch.equal(total, expected)


def test_equal_seeds_give_equal_first_weights():
    networks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        networks.append(Recurrent("ab", layers=2, width=4))
        networks[-1].initialise()
    one, same, other = (network.state_dict() for network in networks)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["core.weight_hh_l0"], other["core.weight_hh_l0"])


def test_dropout_is_for_training_alone(batch):
    network = made(dropout=0.5)
    assert torch.equal(network(batch()), network(batch()))
    network.train()
    assert not torch.equal(network(batch()), network(batch()))


def test_a_tied_head_is_the_embedding():
    network = made(tied=True, embedding=None)
    assert network.head is None
    assert not any(name.startswith("head") for name in network.state_dict())


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"vocabulary": ""}, "vocabulary is empty"),
        ({"vocabulary": "aa"}, "has a character twice"),
        ({"cell": "rnn"}, "cell rnn is neither lstm nor gru"),
        ({"tied": True, "embedding": 3}, "as wide as the state, 6, not 3"),
    ],
)
def test_a_config_that_cannot_be_is_told(config, said):
    with pytest.raises(ValueError, match=said):
        Recurrent(**{"vocabulary": "abc", "width": 6} | config)
