"""What a trainer and a loss are given beside the batch: their config, and how many steps have been taken."""

from __future__ import annotations

import pytest
import torch

from aigc_core.errors import WrongUse
from aigc_core.train import recipe
from aigc_core.train.plan import plan

BETA = 'losses.evidence={"use": "vae:beta-elbo", "config": {"beta": 4, "free_bits": 0.5}}'


@pytest.fixture
def seen(in_place_of):
    """Have every trainer write down what ``taken`` is when it is asked for a step."""
    written = []

    def watched(kind):
        class Watched(kind):
            def step(self, batch, noise):
                if not next(iter(batch.values())).is_meta:
                    written.append((self.taken, torch.is_grad_enabled()))
                return super().step(batch, noise)

        return Watched

    in_place_of("trainers", watched)
    return written


def test_taken_counts_the_steps_before_this_one(seen, training):
    made = training("vae-digits")
    for _ in range(3):
        made.advance()
    assert [taken for taken, _ in seen] == [0, 1, 2]


def test_taken_goes_on_over_a_resumption(seen, training, loop):
    first = training("vae-digits", "checkpoint.every=2")
    loop(first).run(lambda: first.step >= 2)
    second = training("vae-digits", "checkpoint.every=2")
    again = loop(second)
    again.resume(print)
    assert second.trainer.taken == 2
    again.run(lambda: second.step >= 4)
    assert [taken for taken, _ in seen] == [0, 1, 2, 3]


def test_what_is_measured_after_a_step_counts_it_whether_resumed_or_not(seen, training, synthetic, loop, tmp_path):
    """Else a KL that is still warming up would be measured with another weight after a resumption."""
    judged = []
    for name, stop in (("whole", None), ("parted", 4)):
        (tmp_path / name).mkdir()
        seen.clear()
        made = training("vae-digits", "budget.steps=4", "schedule.steps=4", "checkpoint.every=4")
        made.data = made.data._replace(validation=synthetic(made.recipe, rows=3).train)
        around = loop(made, tmp_path / name)
        if stop:
            around._finish = lambda: None  # as if it were killed between its last checkpoint and its end
            around.run()
            made = training("vae-digits", "budget.steps=4", "schedule.steps=4", "checkpoint.every=4")
            made.data = made.data._replace(validation=synthetic(made.recipe, rows=3).train)
            around = loop(made, tmp_path / name)
            around.resume(print)
        around.run()
        judged.append([taken for taken, trains in seen if not trains])
    assert judged == [[4], [4]]


def test_a_loss_is_built_with_its_config(training):
    made = training("vae-digits", BETA)
    loss = made.trainer.loss
    assert (loss.beta, loss.free_bits) == (4, 0.5)
    terms = made.advance()
    assert terms["autoencoder/loss"] != terms["autoencoder/elbo"]
    made = training("vae-digits", 'losses.evidence={"use": "vae:beta-elbo"}')
    assert made.trainer.loss.beta == 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('{"beta": -1}', r"losses\.evidence\.config does not fit vae:beta-elbo: beta and free_bits are numbers from 0"),
        ('{"bta": 1}', r"losses\.evidence\.config does not fit vae:beta-elbo: .*unexpected keyword argument 'bta'"),
        ('{"beta": "much"}', r"losses\.evidence\.config does not fit vae:beta-elbo: "),
    ],
)
def test_a_config_that_cannot_be_is_one_sentence(small, synthetic, config, said):
    made = small("vae-digits", f'losses.evidence={{"use": "vae:beta-elbo", "config": {config}}}')
    with pytest.raises(WrongUse, match=said) as error:
        plan(made, synthetic(made))
    assert str(error.value).count(". ") == 0
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "wrong", ['{"config": {}}', '{"use": "elbo"}', '{"use": "vae:elbo", "confg": {}}', "3", '{"use": 3}', '"elbo"']
)
def test_another_form_is_refused_with_its_place(small, wrong):
    with pytest.raises(WrongUse, match=r"losses\.evidence"):
        small("vae-digits", f"losses.evidence={wrong}")


def test_a_config_of_a_loss_is_part_of_what_a_run_is(training, loop):
    first = training("vae-digits", BETA, "checkpoint.every=2")
    loop(first).run(lambda: first.step >= 2)
    from aigc_core.errors import Refused

    with pytest.raises(Refused, match="losses differ"):
        loop(training("vae-digits", BETA.replace("4", "3"), "checkpoint.every=2")).resume(print)


def test_completing_leaves_both_forms_as_they_are(small):
    made = small("vae-digits", BETA)
    assert made["losses"]["evidence"] == {"use": "vae:beta-elbo", "config": {"beta": 4, "free_bits": 0.5}}
    assert recipe.complete(made, "again") == made
    assert small("vae-digits")["losses"]["evidence"] == "vae:elbo"
