"""Requests that nobody should send: each gets its status, and afterwards every row is free and the queue is empty."""

import json
import socket
import struct
import time

import pytest

KEY = "a-key-for-tests"
GOOD = {"model": "toy", "prompt": "Once", "max_tokens": 3, "seed": 1}
LONG = GOOD | {"max_tokens": 400, "logit_bias": {"256": -100}, "stream": True}
LIMIT = 100_000


@pytest.fixture(scope="module")
def hostile(start):
    from aigc_core.serve.connection import Connection
    from aigc_core.serve.limits import Limits

    patch = pytest.MonkeyPatch()
    patch.setattr(Connection, "head_seconds", 1.0)
    patch.setattr(Connection, "stall_seconds", 1.0)
    yield start(key=KEY, rows=2, queue=3, delay=0.002, limits=Limits(body=LIMIT, seconds=1.0))
    patch.undo()


def head(path="/v1/completions", method="POST", **headers):
    own = {"host": "localhost", "authorization": f"Bearer {KEY}", "content-type": "application/json"}
    own |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in own.items() if value is not None)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def post(body, path="/v1/completions", **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(path, content_length=len(data), **headers) + data


def chat(messages):
    return post({"model": "toy", "messages": messages}, "/v1/chat/completions")


def chunked(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def answer(connection):
    """Return the status and the body of the next answer; 0 where the connection ends without one."""
    with connection.makefile("rb") as stream:
        return read_answer(stream)


def read_answer(stream):
    if not (status := stream.readline()):
        return 0, b""
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.partition(b": ")
        headers[name.lower()] = value
    return int(status.split()[1]), stream.read(int(headers[b"content-length"]))


NEVER = head(transfer_encoding="chunked")
CASES = {
    "no JSON": (post(b"{"), 400),
    "nothing": (post(b""), 400),
    "no body": (head(), 400),
    "a list": (post([GOOD]), 400),
    "a word": (post("hello"), 400),
    "very deep": (post(b"[" * 90_000), 400),
    "deep": (post(b'{"model":"toy","prompt":' + b"[" * 20 + b"]" * 20 + b"}"), 400),
    "deep objects": (post(b'{"a":' * 5000 + b"1" + b"}" * 5000), 400),
    "no UTF-8": (post(b'{"model":"toy","prompt":"\xff\xfe"}'), 400),
    "UTF-16": (post(json.dumps(GOOD).encode("utf-16")), 400),
    "NaN": (post(b'{"model":"toy","prompt":"x","temperature":NaN}'), 400),
    "infinity": (post(b'{"model":"toy","prompt":"x","temperature":1e999}'), 400),
    "5,000 digits": (post(b'{"model":"toy","prompt":"x","seed":' + b"9" * 5000 + b"}"), 400),
    "half a surrogate pair": (post(b'{"model":"toy","prompt":"\\ud800"}'), 400),
    "half a pair in the model's name": (post(b'{"model":"\\udfff","prompt":"x"}'), 400),
    "a number as prompt": (post(GOOD | {"prompt": 5}), 400),
    "an object as prompt": (post(GOOD | {"prompt": {"a": 1}}), 400),
    "a negative token": (post(GOOD | {"prompt": [-1]}), 400),
    "a token of 12 digits": (post(GOOD | {"prompt": [10**12]}), 400),
    "an unknown token": (post(GOOD | {"prompt": [5000]}), 400),
    "an object as messages": (chat({"role": "user"}), 400),
    "a message of numbers": (chat([{"role": "user", "content": [1, 2]}]), 400),
    "20,000 messages of nothing": (chat([{}] * 20_000), 400),
    "negative max_tokens": (post(GOOD | {"max_tokens": -1}), 400),
    "max_tokens 10^9": (post(GOOD | {"max_tokens": 10**9}), 400),
    "max_tokens true": (post(GOOD | {"max_tokens": True}), 400),
    "max_tokens half": (post(GOOD | {"max_tokens": 1.5}), 400),
    "n 10^9": (post(GOOD | {"n": 10**9}), 400),
    "n 10^30": (post(GOOD | {"n": 10**30}), 400),
    "10,000 prompts": (post(GOOD | {"prompt": ["a"] * 10_000}), 400),
    "10^6 stop strings": (post(GOOD | {"stop": ["a"] * 10**6}), 413),
    "10,000 stop strings": (post(GOOD | {"stop": ["a"] * 10_000}), 400),
    "a long stop string": (post(GOOD | {"stop": "a" * 50_000}), 400),
    "5,000 biases": (post(GOOD | {"logit_bias": {str(i): 1 for i in range(5000)}}), 400),
    "an unknown field": (post(GOOD | {"x" * 50_000: 1}), 400),
    "unknown model": (post(GOOD | {"model": "gpt-9"}), 404),
    "no model": (post({"prompt": "x"}), 400),
    "a list as model": (post(GOOD | {"model": ["toy"]}), 400),
    "longer than the context": (post(GOOD | {"prompt": "x" * 50_000}), 400),
    "the step fails": (post(GOOD | {"prompt": "FAULT", "max_tokens": 9, "logit_bias": {"256": -100}}), 500),
    "unknown path": (post(GOOD, "/v1/nonesuch"), 404),
    "a path upwards": (head("/v1/models/../../etc/passwd", "GET"), 404),
    "another site's path": (head("http://evil.example/v1/models", "GET"), 404),
    "GET": (head(method="GET"), 405),
    "OPTIONS, as a browser asks": (head(method="OPTIONS", origin="http://evil.example"), 405),
    "DELETE of a model": (head("/v1/models/toy", "DELETE"), 405),
    "a method of 9,000 letters": (head(method="A" * 9000), 405),
    "a web page's form": (post(GOOD, content_type="text/plain"), 415),
    "no content type": (post(GOOD, content_type=None), 415),
    "compressed": (post(b"\x1f\x8b" * 20, content_encoding="gzip"), 415),
    "no key": (post(GOOD, authorization=None), 401),
    "wrong key": (post(GOOD, authorization="Bearer a-key-for-test"), 401),
    "key in letters beyond ASCII": (post(GOOD, authorization="Bearer \xe9\xff"), 401),
    "another scheme": (post(GOOD, authorization=f"Basic {KEY}"), 401),
    "no key at an unknown path": (head("/nonesuch", "GET", authorization=None), 401),
    "wrong host": (post(GOOD, host="evil.example:8000"), 403),
    "a host that begins well": (post(GOOD, host="127.0.0.1.evil.example"), 403),
    "a host in brackets": (post(GOOD, host="[evil]:80"), 403),
    "no host": (b"GET /health HTTP/1.0\r\n\r\n", 403),
    "two hosts": (b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", 400),
    "a length of 10^12": (head(content_length=10**12), 413),
    "a length of 5,000 digits": (head(content_length="9" * 5000), 400),
    "a negative length": (head(content_length=-5), 400),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc", 400),
    "5 MB": (post(b" " * 5_000_000), 413),
    "5 MB with a wrong key": (post(b" " * 5_000_000, authorization="Bearer x"), 401),
    "chunks without end": (NEVER + chunked(b" " * 1000) * 2000, 413),
    "a chunk of no size": (NEVER + b"zz\r\n", 400),
    "chunks that stop coming": (NEVER + chunked(b"{"), 408),
    "a body that stops coming": (head(content_length=100) + b'{"model"', 408),
    "a head that stops coming": (head()[:-2], 408),
    "a head without end": (head(x="y" * 40_000)[:-4], 431),
    "a head of 4,000 lines": (head(**{f"x{i}": "y" for i in range(4000)})[:-4], 431),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /health\r\n\r\n", 400),
    "nothing at all": (b"", 0),
}


def healthy(server):
    with server.connect() as connection:
        connection.sendall(post(GOOD))
        status, body = answer(connection)
    assert status == 200, body
    server.wait_until_idle()


@pytest.mark.parametrize("case", CASES)
def test_it_gets_its_status_and_frees_its_place(hostile, case):
    data, expected = CASES[case]
    with hostile.connect() as connection:
        try:
            connection.sendall(data)
        except OSError:
            assert expected in (413, 401)  # the server has hung up on a body of megabytes
        status, body = answer(connection)
    assert status == expected, body
    if expected:
        error = json.loads(body)["error"]
        assert error["message"].endswith((".", "?"))
        assert len(error["message"]) < 600
        assert set(error) == {"message", "type", "param", "code"}
    hostile.wait_until_idle()
    healthy(hostile)


def abort(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


LEAVING = {
    "in the head": head()[:40],
    "in the body": head(content_length=100) + b'{"model"',
    "in a chunk": NEVER + b"5\r\nab",
    "before the answer": post(LONG | {"stream": False}),
    "many at once": post(LONG | {"n": 4}),
}


@pytest.mark.parametrize("leave", [abort, socket.socket.close], ids=["reset", "closed"])
@pytest.mark.parametrize("when", LEAVING)
def test_a_client_that_leaves_frees_its_place(hostile, when, leave):
    connection = hostile.connect()
    connection.sendall(LEAVING[when])
    leave(connection)
    hostile.wait_until_idle()
    healthy(hostile)


@pytest.mark.parametrize("leave", [abort, socket.socket.close], ids=["reset", "closed"])
def test_leaving_in_the_middle_of_a_stream(hostile, leave):
    connection = hostile.connect()
    connection.sendall(post(LONG))
    assert connection.recv(15) == b"HTTP/1.1 200 OK"
    leave(connection)
    hostile.wait_until_idle()
    healthy(hostile)


def test_leaving_the_queue(hostile, waiting):
    connections = [hostile.connect() for _ in range(5)]
    for connection in connections:
        connection.sendall(post(LONG))
    waiting(lambda: hostile.batcher.held == 5)
    for connection in reversed(connections):
        abort(connection)
    hostile.wait_until_idle()
    healthy(hostile)


def test_beyond_the_queue(hostile, waiting):
    connections = [hostile.connect() for _ in range(5)]
    for connection in connections:
        connection.sendall(post(LONG))
    waiting(lambda: hostile.batcher.held == 5)
    with hostile.connect() as late:
        late.sendall(post(GOOD))
        assert answer(late)[0] == 429
    for connection in connections:
        connection.close()
    hostile.wait_until_idle()
    healthy(hostile)


def test_slow_bodies_fill_no_more_memory_than_the_queue_has_places(hostile, waiting):
    connections = [hostile.connect() for _ in range(5)]
    for connection in connections:
        connection.sendall(head(content_length=100) + b"{")
    waiting(lambda: hostile.app._inside == 5)
    with hostile.connect() as late:
        late.sendall(post(GOOD))
        assert answer(late)[0] == 429
    for connection in connections:
        connection.close()
    healthy(hostile)


def test_a_body_that_was_refused_is_read_on(hostile):
    """Or the client would see its connection break while it sends, and not the answer."""
    with hostile.connect() as connection:
        connection.sendall(head(content_length=12_000_000))
        for _ in range(120):
            connection.sendall(b" " * 100_000)
        assert answer(connection)[0] == 413


def test_garbage_behind_a_request(hostile):
    with hostile.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(post(GOOD) + b"\x00\x01 garbage\r\n\r\n")
        assert [read_answer(stream)[0] for _ in range(3)] == [200, 400, 0]
    healthy(hostile)


def test_many_requests_on_one_connection_at_once(hostile):
    with hostile.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall((post(GOOD) + post(GOOD | {"n": 0})) * 10)
        assert [read_answer(stream)[0] for _ in range(20)] == [200, 400] * 10
    healthy(hostile)


def test_a_second_head_that_stops_coming(hostile):
    with hostile.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(post(GOOD))
        assert read_answer(stream)[0] == 200
        connection.sendall(head()[:30])
        assert [read_answer(stream)[0] for _ in range(2)] == [408, 0]


def test_a_connection_may_rest_between_requests(hostile):
    with hostile.connect() as connection, connection.makefile("rb") as stream:
        for _ in range(2):
            connection.sendall(post(GOOD))
            assert read_answer(stream)[0] == 200
            time.sleep(1.5)  # longer than a head may take


def test_a_client_that_reads_nothing_is_cut_off(hostile):
    """Its answer would otherwise lie in memory for as long as it likes."""
    prompt = "x" * 90_000
    body = GOOD | {"prompt": prompt, "echo": True, "overflow": "slide", "n": 5, "logit_bias": {"256": -100}}
    hostile.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", hostile.port))
        connection.settimeout(60)
        connection.sendall(post(body))
        hostile.wait_until_idle()
        time.sleep(2.5)
        received = 0
        while data := connection.recv(65536):
            received += len(data)
    assert 0 < received < 5 * len(prompt)
    healthy(hostile)
