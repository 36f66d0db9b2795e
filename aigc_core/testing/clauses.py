"""The contract as a table: every clause with its id, what it says, why, and which subjects it is for. Data alone."""

from __future__ import annotations

from typing import Any, NamedTuple

GROUPS = {
    "M": "manifests",
    "C": "components",
    "O": "options",
    "N": "noise",
    "S": "samples",
    "R": "randomness and state",
    "W": "weights",
    "L": "losses",
    "T": "trainers",
    "X": "text",
    "P": "likelihood",
    "A": "autoencoders and translators",
    "H": "hygiene",
}
"""The first letter of an id, and what its clauses are about."""


class Clause(NamedTuple):
    """One sentence of the contract between the core and a plugin."""

    id: str
    """Its name for ever; a clause that is dropped leaves a gap."""
    title: str
    """What holds, in one sentence."""
    why: str
    """What goes wrong where it does not hold."""
    kind: str
    """Of which subjects: ``plugin``, ``component``, ``model`` or ``recipe``."""
    check: str
    """``module:function`` in ``aigc_core.testing.checks``."""
    needs: tuple[str, ...] = ()
    """Facts that a subject must have for it to apply, see ``subjects``; all of them."""
    after: tuple[str, ...] = ()
    """Clauses without which this one says nothing: it is skipped where one of them has failed."""
    required: bool = True
    """It must run wherever it applies; else it runs where it can."""


def _of(kind: str, *rows: tuple[Any, ...]) -> list[Clause]:
    """Return clauses of one kind of subject: id, title, why, check and, where there are any, the other fields."""
    return [Clause(row[0], row[1], row[2], kind, row[3], **dict(*row[4:])) for row in rows]


_MADE = {"needs": ("generate",), "after": ("C3", "S1")}
_IMAGES = {"needs": ("generate", "image"), "after": ("C3", "S1")}
_USED = {"after": ("C3", "S1", "A1", "A2", "P1")}
_FILES = {"needs": ("safetensors",), "after": ("C3", "S1")}
_SPOKEN = {"needs": ("language",), "after": ("C3", "S1")}
_SCORED = {"needs": ("likelihood",), "after": ("C3", "P1")}
_STEPPED = {"after": ("T1", "T2")}

CLAUSES: tuple[Clause, ...] = (
    *_of(
        "plugin",
        (
            "M1",
            "`plugin.json` has no fault.",
            "A field that is misspelt would be ignored in silence.",
            "manifest:plugin",
        ),
    ),
    *_of(
        "model",
        (
            "M2",
            "The manifest has no fault, and every bundled file is the one that it names.",
            "Listings, flags, docs and judges know of a model only what its manifest says.",
            "manifest:model",
        ),
        (
            "M3",
            "The licences of the code and of the weights are stated.",
            "Without a licence nobody may use either.",
            "manifest:licences",
        ),
    ),
    *_of(
        "component",
        (
            "C1",
            "Every component's dotted name leads to something that can be called.",
            "Names are known without an import, so a wrong one shows only when a user needs it.",
            "components:resolves",
        ),
    ),
    *_of(
        "plugin",
        (
            "C2",
            "The entry point's module can be imported, and has just the hooks and commands that `plugin.json` lists.",
            "pluggy takes a misspelt hook without a word, and then never calls it.",
            "components:activates",
        ),
    ),
    *_of(
        "model",
        (
            "C3",
            "The model opens, and what opens has what the manifest's capabilities promise.",
            "A capability without its method fails in the user's hands.",
            "components:opens",
        ),
    ),
    *_of(
        "component",
        (
            "C4",
            "A generator's class has `open`, which takes config, weights and device.",
            "The core calls nothing else to build it.",
            "components:open_takes",
            {"needs": ("generators",), "after": ("C1",)},
        ),
    ),
    *_of(
        "model",
        (
            "S1",
            "Samples have the kind, shape, type and range of the manifest, and no NaN.",
            "Writers, judges and pages trust the manifest.",
            "samples:are_declared",
            {"needs": ("generate",), "after": ("C3",)},
        ),
        (
            "S2",
            "Among 64 images, values lie on both sides of the middle of the declared range.",
            "Data in [0, 1] declared as [-1, 1] look grey, and every score is off.",
            "samples:use_range",
            _IMAGES,
        ),
        (
            "S3",
            "The most extreme noise that can be drawn gives samples too.",
            "A uniform number next to 1 picks the class after the last; it is drawn once in a million.",
            "samples:at_extremes",
            _MADE,
        ),
        (
            "N1",
            "Equal noise and options give equal samples, to the bit, also from a model that is opened again.",
            "A hidden draw makes every receipt a lie.",
            "noise:replays",
            _MADE,
        ),
        (
            "N2",
            "A sample depends on its own row of noise alone: not on its neighbours, not on its place.",
            "Else sample 7 is another one when 8 are asked for.",
            "noise:rows_alone",
            {"needs": ("generate",), "after": ("C3", "S1", "N1")},
        ),
        (
            "N3",
            "A sample depends on the batch's size by at most one 8-bit level; a text not at all.",
            "Workers compute batches of the sizes that suit them.",
            "noise:batch_sizes",
            {"needs": ("generate",), "after": ("C3", "S1", "N1")},
        ),
        (
            "N4",
            "Every input of noise has an effect.",
            "An input without one is drawn, stored and shown for nothing; without any, all samples are the same.",
            "noise:has_effect",
            {"needs": ("generate",), "after": ("C3", "S1", "N1")},
        ),
        (
            "N5",
            "The arrays of noise are left as they were given.",
            "They are stored beside the samples, and are the way to make these again.",
            "noise:left_alone",
            _MADE,
        ),
        (
            "O1",
            "Every option has an effect.",
            "An option without one is a promise that nobody keeps, such as `top_p` where nothing is drawn.",
            "options:have_effect",
            {"needs": ("options",), "after": ("C3", "S1", "N1")},
        ),
        (
            "O2",
            "Every value that an option's schema allows is taken, or refused with `WrongUse`.",
            "The core checks against the schema alone: what passes it reaches the plugin.",
            "options:are_taken",
            {"needs": ("options",), "after": ("C3", "S1")},
        ),
        (
            "W1",
            "Weights that lack a tensor are refused.",
            "A layer that keeps its random start is a wrong model that runs.",
            "weights:missing",
            _FILES,
        ),
        (
            "W2",
            "Weights with a tensor that the model has no place for are refused.",
            "They are another model's.",
            "weights:extra",
            _FILES,
        ),
        (
            "W3",
            "Weights with a tensor of another shape are refused.",
            "What broadcasts or is cut does not fail, it computes something else.",
            "weights:shapes",
            _FILES,
        ),
        (
            "W4",
            "The numbers in the opened model are those in the file, to the bit.",
            "What is saved and loaded again must be the same model.",
            "weights:same_numbers",
            {**_FILES, "required": False},
        ),
        (
            "W5",
            "The order of the tensors in a file changes nothing.",
            "Tensors have names; another program writes them in another order.",
            "weights:order",
            {"needs": ("safetensors", "generate"), "after": ("C3", "S1", "N1")},
        ),
    ),
    *_of(
        "component",
        (
            "L1",
            "A loss names its inputs by network, and gives finite scalars from them, `loss` among them.",
            "Trainers ask a loss what it needs and compute that alone.",
            "losses:contract",
            {"needs": ("losses",), "after": ("C1",)},
        ),
        (
            "L2",
            "Logits of 50 and -50 give finite losses and finite gradients.",
            "Cross-entropy of a squashed logit is infinite at 17 in float32, and the training is over.",
            "losses:far_logits",
            {"needs": ("losses",), "after": ("C1", "L1"), "required": False},
        ),
        (
            "L4",
            "A loss is a mean over rows: every row twice is the same loss.",
            "Gradients of batches that are cut into parts are added as means.",
            "losses:means",
            {"needs": ("losses",), "after": ("C1", "L1"), "required": False},
        ),
        (
            "L3",
            "Where a loss has a closed form, its value is that.",
            "A loss that is off by a factor trains, only worse.",
            "closed_forms:closed_forms",
            {"needs": ("losses",), "after": ("C1", "L1", "L4"), "required": False},
        ),
        (
            "L5",
            "A discriminator's loss pushes real logits up and fake ones down, a generator's its own up.",
            "Swapped labels train a network to lose.",
            "losses:directions",
            {"needs": ("losses",), "after": ("C1", "L1"), "required": False},
        ),
    ),
    *_of(
        "recipe",
        (
            "T1",
            "The recipe is sound, and all that it names can be built.",
            "A recipe says how a model came to be; one that cannot be built says nothing.",
            "trainers:builds",
        ),
        (
            "T2",
            "A step gives each network that it updates a finite scalar `loss`.",
            "The core differentiates just that.",
            "trainers:steps",
            {"after": ("T1",)},
        ),
        (
            "T3",
            "A step leaves every weight as it was and no gradient behind: stepping is the core's.",
            "A second optimizer inside a step moves a network that another loss is for.",
            "trainers:leaves_weights",
            _STEPPED,
        ),
        (
            "T4",
            "A batch of any size will do, one row included.",
            "The last batch of an epoch is as large as it happens to be.",
            "trainers:any_batch",
            _STEPPED,
        ),
        (
            "T5",
            "In two steps, every parameter gets a gradient from its own network's loss.",
            "A layer that nothing trains keeps its random start.",
            "trainers:all_trained",
            _STEPPED,
        ),
        (
            "T7",
            "A step is a function of its state, batch, noise and seed.",
            "Randomness of a trainer's own cannot be resumed, and ranks would draw apart.",
            "trainer_state:replays",
            _STEPPED,
        ),
        (
            "T6",
            "A trainer's state goes out and in: the next step is the same to the bit.",
            "Else a training that is resumed is another one.",
            "trainer_state:state",
            {"after": ("T1", "T2", "T7")},
        ),
        (
            "T8",
            "In eval mode and without gradients, a step only measures.",
            "Evaluation would train, by batch norm's statistics at the least.",
            "trainer_state:measures",
            _STEPPED,
        ),
        (
            "T9",
            "A discriminator gives logits, not probabilities.",
            "A loss squashes them itself; squashed twice, they carry no gradient.",
            "trainers:logits",
            {"needs": ("discriminator",), "after": ("T1", "T2")},
        ),
    ),
    *_of(
        "model",
        (
            "X1",
            "The log-probabilities of a text's beginning do not depend on what follows it.",
            "A mask that lets one token see the next makes every score too good.",
            "text_scores:causal",
            _SPOKEN,
        ),
        (
            "X2",
            "What the model says of a token while it speaks is what `score` says of it.",
            "ln p(x) is the sum of ln p(x_t | x_<t), whoever computes it.",
            "text_scores:sums",
            {**_SPOKEN, "after": ("C3", "S1", "X1")},
        ),
        (
            "X3",
            "No log-probability is above 0, and the next tokens' probabilities add up to no more than 1.",
            "Logits that are not normalised give a perplexity that compares with nothing.",
            "text_scores:normalised",
            _SPOKEN,
        ),
        (
            "X4",
            "The token at position p is chosen by uniform number p alone, and what came before.",
            "A longer text must begin as the shorter one does.",
            "text_said:positions",
            _SPOKEN,
        ),
        (
            "X5",
            "At temperature 0 noise changes nothing, and each token is the likeliest.",
            "Greedy is the one way of speaking that needs no seed.",
            "text_said:greedy",
            {"needs": ("language", "temperature"), "after": ("C3", "S1")},
        ),
        (
            "X6",
            "Texts that come and go at a desk are those that are spoken together.",
            "A server adds and drops requests at any step.",
            "text_said:desk",
            _SPOKEN,
        ),
        (
            "X7",
            "Every text ends with one reason, and nothing comes after it.",
            "Streams are closed by it.",
            "text_said:ends",
            _SPOKEN,
        ),
        (
            "X8",
            "`max_new_tokens` counts new tokens, not those of the prompt.",
            "A long prompt would leave no room for an answer.",
            "text_said:counts",
            {"needs": ("language", "max_new_tokens"), "after": ("C3", "S1")},
        ),
        (
            "P1",
            "Log weights are finite, float64, one for each image and draw.",
            "Estimates are made of nothing else.",
            "likelihood:contract",
            {"needs": ("likelihood",), "after": ("C3",)},
        ),
        (
            "P2",
            "Of discrete images no probability is above 1.",
            "A density reported as a probability gives bits per dimension below 0.",
            "likelihood:at_most_one",
            _SCORED,
        ),
        (
            "P3",
            "An image's log weights depend on that image and its own draws alone.",
            "Scores must not depend on what is scored beside.",
            "likelihood:rows_alone",
            _SCORED,
        ),
        (
            "P4",
            "A model that is exact gives every draw the same weight; one that is not does not.",
            "A bound that is called a likelihood is compared with likelihoods.",
            "likelihood:exactness",
            _SCORED,
        ),
        (
            "P5",
            "On a small discrete space, the probabilities of all images add up to 1.",
            "The one test that no constant escapes.",
            "likelihood:normalised",
            {**_SCORED, "required": False},
        ),
        (
            "A1",
            "Latents have the shape and type that `latent` declares, codes are in range, deviations not below 0.",
            "They are stored in files and given to `decode`.",
            "autoencoders:latents",
            {"needs": ("encode",), "after": ("C3",)},
        ),
        (
            "A2",
            "Decoded and translated images are what the manifest declares.",
            "Writers and judges trust the manifest.",
            "autoencoders:images_made",
            {"needs": ("images out",), "after": ("C3", "A1")},
        ),
        (
            "A3",
            "The way between two latents begins with the one and ends with the other.",
            "Else the ends of an interpolation are not the images that were given.",
            "autoencoders:ends",
            {"needs": ("interpolate", "encode"), "after": ("C3", "A1")},
        ),
        (
            "A5",
            "The images and latents that are given are left as they were.",
            "They are the caller's.",
            "autoencoders:left_alone",
            {"needs": ("images in",), "after": ("C3", "A1", "A2")},
        ),
        (
            "A4",
            "What encode, decode and translate make of a row depends on that row alone.",
            "The neighbours in a batch are somebody else's images.",
            "autoencoders:rows_alone",
            {"needs": ("images in",), "after": ("C3", "A1", "A2", "A5")},
        ),
        (
            "A6",
            "Another image gives another latent or translation, and another latent another image.",
            "An encoder whose codes say nothing of the image passes every check of shapes.",
            "autoencoders:have_effect",
            {"needs": ("images in",), "after": ("C3", "A1", "A2", "A5")},
        ),
        (
            "R1",
            "Using the model leaves the random numbers of torch, numpy and Python where they were.",
            "Else what a user draws next depends on whether a sample was made.",
            "state:random_numbers",
            _USED,
        ),
        (
            "R2",
            "Opening and using the model leave torch's settings as they were: grad mode, default type, threads.",
            "A grad mode that stays off makes the user's next training learn nothing.",
            "state:torch_settings",
            _USED,
        ),
        (
            "R3",
            "Every module of the model is in eval mode, after opening and after use.",
            "Batch norm and dropout make other samples in train mode, which depend on their neighbours.",
            "state:eval_mode",
            _USED,
        ),
        (
            "R4",
            "Using the model changes none of its weights and arrays.",
            "Else the second sample comes from another model than the first.",
            "state:same_model",
            _USED,
        ),
        (
            "R5",
            "Opening and using the model leave the process as it was: folder, environment, signals, numpy's errors.",
            "Other models and the user's own code live in the same process.",
            "state:process",
            _USED,
        ),
        (
            "R6",
            "Opening the model draws no random numbers from the generators of torch, numpy and Python.",
            "A layer that is initialised before its weights are loaded draws them, and moves everybody's seed.",
            "state:opening",
            _USED,
        ),
        (
            "H1",
            "Opening and using the model needs no network.",
            "Files are fetched by the core, which verifies them; a judge cuts the network.",
            "hygiene:network",
            _USED,
        ),
        (
            "H2",
            "Opening and using the model writes nowhere but into the temporary folder and the zoo's own home.",
            "A package may be read-only, and a user's folder is the user's.",
            "hygiene:writes",
            _USED,
        ),
        (
            "H3",
            "Opening and using the model writes nothing to standard output.",
            "What the CLI prints there is read by programs.",
            "hygiene:silence",
            _USED,
        ),
        (
            "H5",
            "Opening the model and making some samples takes no more CPU time than the manifest's budget.",
            "A judge ends what takes longer.",
            "hygiene:time",
            {**_USED, "needs": ("budget",)},
        ),
        (
            "H6",
            "Opening the model and making some samples takes no more memory than the manifest's budget.",
            "A judge ends what takes more.",
            "hygiene:memory",
            {**_USED, "needs": ("budget",)},
        ),
        (
            "H7",
            "Opening and using the model uses nothing that the core has deprecated.",
            "The next version of the core does not have it.",
            "hygiene:model_is_current",
            _USED,
        ),
    ),
    *_of(
        "plugin",
        (
            "H4",
            "The entry point's module imports no deep-learning framework where hooks or commands need it.",
            "Such a module is imported by runs of everybody else's models, which then start seconds later.",
            "hygiene:imports",
            {"needs": ("called by others",), "after": ("C2",)},
        ),
        (
            "H8",
            "The components, losses and recipes use nothing that the core has deprecated.",
            "The next version of the core does not have it.",
            "hygiene:parts_are_current",
            {"needs": ("components",), "after": ("C2",)},
        ),
    ),
)
"""Every clause, those that others build on before them. A plugin of API 1 keeps all that apply to what it registers."""

BY_ID = {clause.id: clause for clause in CLAUSES}
