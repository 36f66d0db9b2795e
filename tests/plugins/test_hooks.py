"""What pluggy lets pass in silence, the host says: each implementation is called alone, and none hides another."""

from __future__ import annotations

import json
from typing import Any

import pytest

HOOKIMPL = "from aigc_core.hookspecs import hookimpl\n\n\n"

FINISH = HOOKIMPL + "@hookimpl\ndef zoo_finish(samples):\n    return samples + [__name__]\n"

CALL = r"""
import json, re, sys
from aigc_core.plugins import implementations

hook, times, arguments = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
calls = implementations(hook)
for _ in range(times):
    results = [call.or_skip(**arguments) for call in calls]
imported = sorted(name for name in sys.modules if re.fullmatch(r"\w+\.plugin", name))
json.dump({"results": results, "imported": imported}, sys.stdout)
"""


def call(site: Any, hook: str = "zoo_finish", times: int = 1, **arguments: Any) -> Any:
    """Call every implementation of a hook in a process of its own."""
    given = arguments or {"samples": [], "model": "x"}
    return site.python("-c", CALL, hook, str(times), json.dumps(given))


def test_in_the_order_of_their_names(site: Any) -> None:
    for distribution, name in (("a-dist", "zebra"), ("b-dist", "ant"), ("c-dist", "mule")):
        site.install(distribution, name, hooks=["zoo_finish"], body=FINISH)
    done = call(site)
    assert done.json["results"] == [["b_dist.plugin"], ["c_dist.plugin"], ["a_dist.plugin"]]
    assert done.stderr == ""


def test_only_plugins_that_list_the_hook_are_imported(site: Any) -> None:
    site.install("finisher", "finisher", hooks=["zoo_finish"], body=FINISH)
    site.install("listener", "listener", hooks=["zoo_event"], body=HOOKIMPL + "@hookimpl\ndef zoo_event(event): pass\n")
    site.install("plain", "plain")
    assert call(site).json["imported"] == ["finisher.plugin"]
    assert site.imported() == ["finisher"]


@pytest.mark.parametrize("state", ["disabled", "incompatible", "conflict"])
def test_a_plugin_that_may_not_be_used_is_not_called(site: Any, state: str) -> None:
    site.install("a-dist", "a", hooks=["zoo_finish"], body=FINISH, api=99 if state == "incompatible" else 1)
    if state == "disabled":
        assert site.zoo("disable", "a").returncode == 0
    if state == "conflict":
        site.install("b-dist", "a", hooks=["zoo_finish"], body=FINISH)
    assert call(site).json == {"results": [], "imported": []}


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("@hookimpl\ndef zoo_finnish(samples): pass\n", "zoo_finnish is no hook. Did you mean zoo_finish?"),
        ("@hookimpl\ndef zoo_event(event): pass\n", "lists the hooks ['zoo_finish'], b_dist.plugin has ['zoo_event']"),
        ("def zoo_finish(samples): pass\n", "plugin.json lists the hooks ['zoo_finish'], b_dist.plugin has []"),
        (
            "@hookimpl\ndef zoo_event(event): pass\n@hookimpl\ndef zoo_finish(samples): pass\n",
            "b_dist.plugin has ['zoo_event', 'zoo_finish']",
        ),
        ("@hookimpl\ndef zoo_finish(sample): pass\n", "{'sample'}"),
        ("import nowhere_to_be_found\n", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("raise SystemExit(0)\n", "SystemExit: 0"),
        ("def zoo_finish(:\n", "SyntaxError"),
    ],
    ids=["misspelt", "another", "not marked", "not listed", "wrong argument", "import", "exit", "syntax"],
)
def test_hooks_that_are_not_what_is_listed(site: Any, body: str, cause: str) -> None:
    site.install("a-dist", "a", hooks=["zoo_finish"], body=FINISH)
    site.install("b-dist", "b", hooks=["zoo_finish"], body=HOOKIMPL + body)
    site.install("c-dist", "c", hooks=["zoo_finish"], body=FINISH)
    done = call(site, times=3)
    assert done.json["results"] == [["a_dist.plugin"], None, ["c_dist.plugin"]]
    assert done.stderr.startswith("aigc-zoo: warning: Plugin b of b-dist 1.0 is failed: ")
    assert done.stderr.count("\n") == 1  # said once, not for every batch
    assert cause in done.stderr
    assert "aigc-zoo disable b-dist:b" in done.stderr
    assert site.state_of("b")["state"] == "failed"
    assert cause in site.state_of("b")["reason"]


@pytest.mark.parametrize(
    ("raising", "cause"),
    [
        ("raise ValueError('too grey')", "ValueError: too grey"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("from aigc_core.errors import NotAvailable; raise NotAvailable('no tracker')", "NotAvailable: no tracker"),
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_one_that_raises_costs_only_its_own_result(site: Any, raising: str, cause: str) -> None:
    site.install("a-dist", "a", hooks=["zoo_finish"], body=FINISH)
    body = HOOKIMPL + f"@hookimpl\ndef zoo_finish(samples):\n    {raising}\n"
    site.install("b-dist", "b", version="2.5", hooks=["zoo_finish"], body=body)
    site.install("c-dist", "c", hooks=["zoo_finish"], body=FINISH)
    done = call(site, times=3)
    assert done.json["results"] == [["a_dist.plugin"], None, ["c_dist.plugin"]]
    assert done.stderr == f"aigc-zoo: warning: hook zoo_finish of b-dist 2.5 failed: {cause}; it was skipped.\n"
    assert site.state_of("b")["state"] == "registered"  # its import is well


def test_two_plugins_of_one_name_in_two_distributions_do_not_share_a_host(site: Any) -> None:
    site.install("a-dist", "same", hooks=["zoo_finish"], body=FINISH)
    site.install("b-dist", "same", hooks=["zoo_finish"], body=FINISH)
    assert site.zoo("disable", "a-dist:same").returncode == 0
    assert call(site).json["results"] == [["b_dist.plugin"]]


def test_an_implementation_may_take_fewer_arguments(site: Any) -> None:
    site.install("a-dist", "a", hooks=["zoo_finish"], body=HOOKIMPL + "@hookimpl\ndef zoo_finish(): return 1\n")
    body = HOOKIMPL + "@hookimpl\ndef zoo_finish(model): return model\n"
    site.install("b-dist", "b", hooks=["zoo_finish"], body=body)
    assert call(site).json["results"] == [1, "x"]


def test_doctor_finds_a_hook_that_no_list_names(site: Any) -> None:
    """A plugin that lists no hook is never imported for one, so that only an activation can tell."""
    site.install("a-dist", "a", body=FINISH)
    site.settle(disabled=["aigc-gan:gan"])
    assert call(site).json["results"] == []
    done = site.zoo("doctor", "--activate")
    assert done.returncode == 1
    assert "plugin.json lists the hooks [], a_dist.plugin has ['zoo_finish']" in done.stdout


ADD = """
@hookimpl
def zoo_finish(samples, model):
    assert model == "grey"
    return samples._replace(values=samples.values {change})
"""

HEAR = """
@hookimpl
def zoo_event(event):
    import json
    with open("events.jsonl", "a") as stream:
        stream.write(json.dumps(event) + "\\n")
"""


def test_a_run_calls_both_hooks(site: Any) -> None:
    """Each zoo_finish works on the result of the one before; zoo_event hears of every batch and of the file."""
    site.install("model-dist", "model", models=("grey",))
    site.install("a-dist", "a", hooks=["zoo_finish"], body=HOOKIMPL + ADD.format(change="* 0 + 0.25"))
    site.install("b-dist", "b", hooks=["zoo_finish"], body=HOOKIMPL + ADD.format(change="* 2"))
    site.install("c-dist", "c", hooks=["zoo_finish"], body=HOOKIMPL + "@hookimpl\ndef zoo_finish(samples): 1 / 0\n")
    site.install("d-dist", "d", hooks=["zoo_finish"], body=HOOKIMPL + ADD.format(change="+ 0.125"))
    site.install("e-dist", "e", hooks=["zoo_event"], body=HOOKIMPL + HEAR)
    done = site.zoo("run", "grey", "-n", "5", "--batch-size", "2", "-o", "x.npy")
    assert done.returncode == 0
    assert "hook zoo_finish of c-dist 1.0 failed: ZeroDivisionError: division by zero" in done.stderr
    assert done.stderr.count("\n") == 1
    values = (site.work / "x.npy").read_bytes()[-4 * 5 * 16 :]
    assert values == b"\x00\x00\x20\x3f" * 5 * 16  # 0.625 = 0.25 * 2 + 0.125 as float32

    events = [json.loads(line) for line in (site.work / "events.jsonl").read_text().splitlines()]
    progress = [{"kind": "progress", "model": "grey", "done": done, "total": 5} for done in (2, 4, 5)]
    assert events[:-1] == progress
    assert (events[-1]["kind"], events[-1]["path"]) == ("written", "x.npy")
    assert events[-1]["receipt"] == json.loads((site.work / "x.npy.json").read_text())


LATE = HOOKIMPL + (
    "calls = []\n@hookimpl\ndef zoo_finish(samples):\n    calls.append(1)\n"
    "    samples.values[:] = 0.5\n"
    "    if len(calls) == {failing}:\n        raise ValueError('too late')\n    return samples\n"
)


@pytest.mark.parametrize(("failing", "code"), [(1, 0), (2, 3)])
def test_a_finish_that_fails_leaves_no_half_finished_file(site: Any, failing: int, code: int) -> None:
    """On the first batch it is left out of the run and of the receipt; later it ends the run."""
    body = LATE.format(failing=failing)
    site.install("greyer", "greyer", hooks=["zoo_finish"], body=body)
    done = site.zoo("run", "dcgan-digits", "-n", "100", "-o", "raw.npy")
    assert done.returncode == code, done.stderr
    assert "hook zoo_finish of greyer 1.0 failed: ValueError: too late" in done.stderr
    if code == 0:
        receipt = json.loads((site.work / "raw.npy.json").read_text())
        assert "finish" not in receipt
    else:
        assert not (site.work / "raw.npy").exists()


def test_a_finish_that_works_is_on_the_receipt(site: Any) -> None:
    site.install("greyer", "greyer", hooks=["zoo_finish"], body=LATE.format(failing=99))
    assert site.zoo("run", "dcgan-digits", "-n", "3", "-o", "raw.npy").returncode == 0
    assert json.loads((site.work / "raw.npy.json").read_text())["finish"] == ["greyer 1.0"]
