"""An orderly end: texts end in time, or their clients are told."""

import json
import threading

import pytest

from aigc_core.errors import NotAvailable, WrongUse
from aigc_core.serve import server as module

httpx = pytest.importorskip("httpx")

LONG = {"model": "toy", "prompt": "x", "max_tokens": 400, "logit_bias": {"256": -100}, "stream": True}


def test_texts_that_end_in_time_are_whole(start, waiting):
    running = start(delay=0.005)
    with httpx.stream("POST", f"{running.url}/completions", json=LONG | {"max_tokens": 60}, timeout=60) as answer:
        running.tell_to_stop()
        waiting(lambda: running.app.is_stopping)
        assert httpx.get(running.url.replace("/v1", "/health")).status_code == 503
        refused = httpx.post(f"{running.url}/completions", json=LONG, timeout=60)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "stopping"
        assert answer.read().endswith(b"data: [DONE]\n\n")
    running.close()


@pytest.mark.parametrize("stream", [True, False])
def test_the_others_are_told(start, waiting, monkeypatch, stream):
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    running = start(delay=0.05, rows=1)
    request = {"json": LONG | {"stream": stream}, "timeout": 60}
    with httpx.Client() as client:
        sent = client.build_request("POST", f"{running.url}/completions", **request)
        threading.Thread(target=lambda: (waiting(lambda: running.model.seen), running.tell_to_stop())).start()
        answer = client.send(sent)
    if stream:
        assert answer.status_code == 200
        last = json.loads(answer.text.split("\n\n")[-2].removeprefix("data: "))
        assert last["error"]["code"] == "stopping"
    else:
        assert answer.status_code == 503
    running.close()
    assert not running.said


def test_a_port_in_use_is_refused():
    with module.listen("127.0.0.1", 0) as listener:
        listener.listen()
        with pytest.raises(NotAvailable, match="is in use"):
            module.listen("127.0.0.1", listener.getsockname()[1])


@pytest.mark.parametrize("host", ["no such host", "256.1.1.1", "x" * 300])
def test_what_is_no_address_is_refused(host):
    with pytest.raises(WrongUse, match="no address"):
        module.listen(host, 0)


def test_ipv6_is_in_brackets():
    try:
        listener = module.listen("::1", 0)
    except NotAvailable:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert module.url(listener, "::1") == f"http://[::1]:{listener.getsockname()[1]}/v1"
