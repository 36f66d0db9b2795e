"""A result as JUnit XML, which every CI reads: a suite for each model, a case for each finding."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aigc_core.findings import counts
from aigc_core.judge.render.words import plain
from aigc_core.judge.result import Result, Row


def xml(result: Result) -> bytes:
    """Return the document, UTF-8."""
    number = result.counts()
    whole = Element("testsuites", name="aigc-zoo ci", time=f"{result.seconds:.3f}")
    whole.attrib |= {"tests": str(sum(number.values())), "failures": str(number["failed"]), "errors": "0"}
    for row in result.rows:
        whole.append(_suite(row))
    indent(whole)
    found: bytes = tostring(whole, encoding="utf-8", xml_declaration=True)
    return found


def _suite(row: Row) -> Element:
    number = counts(row.report.findings)
    name = _text(row.id)
    suite = Element("testsuite", name=name, time=f"{row.seconds:.3f}", tests=str(sum(number.values())))
    suite.attrib |= {"failures": str(number["failed"]), "errors": "0"}
    suite.attrib["skipped"] = str(number["skipped"] + number["expected"])
    for each in row.report.findings:
        case = SubElement(suite, "testcase", classname=name, name=_text(each.check), time=f"{each.seconds:.3f}")
        if each.status == "failed":
            failure = SubElement(case, "failure", message=_text(each.text))
            failure.text = _text(f"{each.text} {each.hint}".strip())
        elif each.status in ("skipped", "expected"):
            SubElement(case, "skipped", message=_text(each.text))
    return suite


def _text(text: str) -> str:
    """Return text that XML 1.0 can hold: half a surrogate pair, for one, is no character of it."""
    return plain(text).encode("utf-8", "replace").decode().replace("\ufffe", "?").replace("\uffff", "?")
