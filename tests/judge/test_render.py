"""Renderings: equal in what they say, and nothing that a model wrote can do anything in them."""

import html.parser
import json
import xml.etree.ElementTree

import jsonschema
import pytest

from aigc_core.findings import Finding, Report
from aigc_core.judge.render import as_json, junit, markdown, page, terminal
from aigc_core.judge.result import Result, Row
from aigc_core.judge.sheet import Sheet
from aigc_core.manifest.schema import schema
from aigc_core.sandbox.choose import Backend

NASTY = (
    "<script>alert(1)</script> <img src=http://x.example/a.png onerror=y> ``` ```` | @everyone ![a](http://x) "
    "\x1b[2J\x1b]0;title\x07 \u202e\u2028 \ud800 \x00 ]]> &lt; <!-- --> </details></table>"
)
BACKEND = Backend("bubblewrap", "", ("the kernel",))


def row(name, *findings, **more):
    return Row(Report(name, findings, {"torch": "2"}), (NASTY,), False, 1.0, **more)


@pytest.fixture
def result():
    bad = row(
        "bad",
        Finding("sandbox/time", "bad", "failed", NASTY, NASTY, {"said": NASTY, "value": float("nan"), "odd": {1, 2}}),
        Finding("golden/0", "bad", "expected", f"{NASTY} In quarantine."),
        Finding("weights", "bad", "passed"),
        sheet=Sheet(texts=(NASTY,)),
    )
    good = row("good", Finding("weights", "good", "passed"), sheet=Sheet(png=b"\x89PNG"), numbers={"samples/0": "ab"})
    return Result((bad, good), BACKEND, ("weights",), 2.0, "Every known model: 2.", notes=(NASTY,))


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.addresses = set(), []

    def handle_starttag(self, tag, attributes):
        self.found.add(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        assert not [name for name, _ in attributes if name.startswith("on")]


def test_the_page_runs_and_loads_nothing(result):
    text = page.html(result)
    tags = Tags()
    tags.feed(text.encode("utf-8", "replace").decode())
    assert not tags.found & {"script", "iframe", "object", "link", "base", "form"}
    assert all(each.startswith(("#", "data:image/png;base64,")) for each in tags.addresses)
    assert "default-src 'none'" in text
    assert text.index('id="bad"') < text.index('id="good"')  # what failed comes first


def test_the_comment_holds_what_a_model_wrote_in_code_blocks_alone(result):
    from markdown_it import MarkdownIt

    text = markdown.text(result)
    assert text.startswith(markdown.MARK)
    tags = Tags()
    tags.feed(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text))
    assert not tags.found & {"script", "img", "a"}
    outside = "".join(part for part in text.split("`````")[::2])
    assert "@" not in outside
    assert "http:" not in outside.replace("http:x", "")


def test_a_comment_is_no_longer_than_a_comment_may_be(result):
    many = [row(f"m{number:04}", Finding("weights", "m", "failed", "x" * 900)) for number in range(1000)]
    text = markdown.text(result._replace(rows=tuple(many)))
    assert len(text) < 65_536
    assert "more: see the full report" in text


def test_junit_is_xml_with_every_finding(result):
    root = xml.etree.ElementTree.fromstring(junit.xml(result))
    cases = root.findall("testsuite/testcase")
    assert [root.get("tests"), root.get("failures")] == ["4", "1"]
    assert [(each.get("classname"), each.get("name"), [child.tag for child in each]) for each in cases] == [
        ("bad", "sandbox/time", ["failure"]), ("bad", "golden/0", ["skipped"]), ("bad", "weights", []),
        ("good", "weights", []),
    ]  # fmt: skip


def test_json_obeys_its_schema(result):
    document = json.loads(json.dumps({"schema": "aigc-zoo/ci/1", **as_json.document(result)}, allow_nan=False))
    jsonschema.validate(document, schema("ci"))
    assert (document["passed"], [each["state"] for each in document["models"]]) == (False, ["failed", "passed"])


def test_the_terminal_is_not_steered(result):
    odd = row("\x1b[2J", Finding("weights", "odd", "failed", "no"))
    assert all(line.isprintable() for line in terminal.lines(result._replace(rows=(odd,))))
    assert xml.etree.ElementTree.fromstring(junit.xml(result._replace(rows=(odd,)))).find("testsuite") is not None
    lines = [*terminal.lines(result)]
    assert all(line.isprintable() for line in lines)
    assert lines[-1] == "2 models judged in 2.0 s, 1 passed, 1 failed."


def test_a_refused_model_is_told_apart():
    refused = row("m", Finding("sandbox/refused", "m", "failed", "no"))
    result = Result((refused,), BACKEND, (), 1.0, "")
    assert result.refused
    assert "1 refused" in [*terminal.lines(result)][-1]


def test_no_model_is_no_failure():
    assert Result((), BACKEND, (), 0.0, "").passed
