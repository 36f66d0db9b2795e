"""The real client against a real server."""

import json
import threading

import pytest

httpx = pytest.importorskip("httpx", reason="the client's own client")
openai = pytest.importorskip("openai", reason="the client that the server is made for")


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=60) as client:
        yield client
    server.wait_until_idle()


def alone(toy, prompt, new, seed, sample=0, **options):
    """What the model writes without any server."""
    from aigc_core.interfaces.language_model import Request
    from aigc_core.run.noise import draw

    model = toy.Bigram()
    given = {"temperature": 1.0, "max_new_tokens": new, **options}
    request = Request(model.encode(prompt), given, draw(model.noise, seed, [sample])["uniform"][0])
    return "".join(piece.text for piece in model.speak([request]))


def test_a_completion_is_what_the_model_writes(client, toy):
    made = client.completions.create(model="toy", prompt="Once", max_tokens=30, seed=7)
    assert made.choices[0].text == alone(toy, "Once", 30, 7)
    assert made.object == "text_completion"
    assert made.model == "toy"
    assert made.system_fingerprint.startswith("fp_")
    assert made.model_extra["seed"] == 7
    assert made.usage.prompt_tokens == 4
    assert made.usage.total_tokens == 4 + made.usage.completion_tokens


def test_without_a_seed_one_is_drawn_and_told(client):
    one, other = (client.completions.create(model="toy", prompt="Once", max_tokens=30) for _ in range(2))
    assert one.choices[0].text != other.choices[0].text
    again = client.completions.create(model="toy", prompt="Once", max_tokens=30, seed=one.model_extra["seed"])
    assert again.choices[0].text == one.choices[0].text
    assert again.system_fingerprint == one.system_fingerprint


def test_a_completion_has_16_tokens_where_nobody_says(client):
    made = client.completions.create(model="toy", prompt="Once", temperature=0, logit_bias={"256": -100})
    assert made.usage.completion_tokens == 16
    assert made.choices[0].finish_reason == "length"


def test_a_stream_is_the_same_text(client, toy):
    given = {"model": "toy", "prompt": "Once", "max_tokens": 60, "seed": 3, "n": 3}
    texts, finish = ["", "", ""], {}
    for chunk in client.completions.create(**given, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
            if choice.finish_reason:
                finish[choice.index] = choice.finish_reason
    assert texts == [alone(toy, "Once", 60, 3, sample) for sample in range(3)]
    whole = client.completions.create(**given)
    assert [choice.text for choice in whole.choices] == texts
    assert {choice.index: choice.finish_reason for choice in whole.choices} == finish


def test_a_chat_whole_and_streamed(client, toy):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]},
    ]
    given = {"model": "toy", "messages": messages, "max_completion_tokens": 40, "seed": 1}
    made = client.chat.completions.create(**given)
    rendered = "system: Be brief.\nuser: Hello\nassistant: "
    assert made.choices[0].message.content == alone(toy, rendered, 40, 1)
    assert made.choices[0].message.role == "assistant"
    chunks = list(client.chat.completions.create(**given, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert said == made.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == made.usage
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_a_chat_goes_on_to_its_own_end_where_nobody_says(client, server):
    made = client.chat.completions.create(model="toy", messages=[{"role": "user", "content": "Hi"}], seed=2)
    assert server.model.seen[-1].options["max_new_tokens"] == 512 - len("user: Hi\nassistant: ")
    assert made.choices[0].finish_reason in ("stop", "length")


def test_prompts_as_lists_and_tokens(client, toy):
    made = client.completions.create(model="toy", prompt=["Once", "Twice"], max_tokens=20, seed=5, n=2)
    assert [choice.index for choice in made.choices] == [0, 1, 2, 3]
    texts = [choice.text for choice in made.choices]
    assert texts == [alone(toy, prompt, 20, 5, sample) for prompt in ("Once", "Twice") for sample in (0, 1)]
    for prompt in ([*b"Once"], [[*b"Once"]]):
        other = client.completions.create(model="toy", prompt=prompt, max_tokens=20, seed=5)
        assert other.choices[0].text == texts[0]
    assert made.usage.prompt_tokens == 9


def test_equal_prompts_are_fed_once(client, server):
    before = server.model.fed
    client.completions.create(model="toy", prompt="Once", max_tokens=20, n=4)
    assert server.model.fed == before + 1


def test_greedy_takes_no_filters_and_no_noise(client, server):
    given = {"model": "toy", "prompt": "Once", "max_tokens": 20, "temperature": 0}
    texts = {
        client.completions.create(**given, **more).choices[0].text
        for more in ({}, {"top_p": 1}, {"top_p": 0.5, "extra_body": {"top_k": 3}}, {"seed": 9})
    }
    assert len(texts) == 1
    assert "top_p" not in server.model.seen[-2].options


def test_the_options_reach_the_model(client, server):
    own = {"top_k": 5, "min_p": 0.1}
    client.completions.create(
        model="toy",
        prompt="Once",
        max_tokens=3,
        top_p=0.9,
        presence_penalty=0.5,
        frequency_penalty=0,
        stop=["X", "X"],
        logit_bias={"65": -2},
        user="me",
        extra_body=own | {"metadata": {"a": "b"}},
    )
    assert dict(server.model.seen[-1].options) == own | {
        "temperature": 1.0,
        "top_p": 0.9,
        "presence_penalty": 0.5,
        "stop": ["X"],
        "logit_bias": ["65=-2"],
        "max_new_tokens": 3,
        "overflow": "refuse",
    }


def test_stop_ends_the_text_before_it(client):
    given = {"model": "toy", "prompt": "Once", "max_tokens": 50, "seed": 11, "logit_bias": {"256": -100}}
    whole = client.completions.create(**given).choices[0].text
    stop = whole[20:23]
    made = client.completions.create(**given, stop=stop).choices[0]
    assert made.text == whole[: whole.index(stop)]
    assert made.finish_reason == "stop"
    streamed = "".join(chunk.choices[0].text for chunk in client.completions.create(**given, stop=[stop], stream=True))
    assert streamed == made.text


def test_logprobs_are_those_of_the_chosen_tokens(client):
    given = {"model": "toy", "max_tokens": 10, "seed": 1, "logit_bias": {"256": -100}}
    made = client.completions.create(**given, prompt="Once", logprobs=1).choices[0]
    assert "".join(made.logprobs.tokens) == made.text
    assert all(value <= 0 for value in made.logprobs.token_logprobs)
    assert made.logprobs.text_offset == list(range(10))
    chat = client.chat.completions.create(**given, messages=[{"role": "user", "content": "Hi"}], logprobs=True)
    content = chat.choices[0].logprobs.content
    assert "".join(each.token for each in content) == chat.choices[0].message.content
    chunks = client.completions.create(**given, prompt="Once", logprobs=1, stream=True)
    streamed = [value for chunk in chunks for value in chunk.choices[0].logprobs.token_logprobs]
    assert streamed == made.logprobs.token_logprobs


def test_echo_puts_the_prompt_before(client):
    given = {"model": "toy", "prompt": "Once", "max_tokens": 5, "seed": 1, "echo": True}
    made = client.completions.create(**given).choices[0].text
    assert made.startswith("Once")
    assert "".join(chunk.choices[0].text for chunk in client.completions.create(**given, stream=True)) == made


def test_models_are_listed_and_shown(client):
    assert [model.id for model in client.models.list()] == ["toy"]
    assert client.models.retrieve("toy").model_extra["context_length"] == 512
    with pytest.raises(openai.NotFoundError, match="no model nonesuch"):
        client.models.retrieve("nonesuch")


def test_the_same_seed_gives_the_same_words_whatever_runs_beside_it(client, toy):
    expected = alone(toy, "Once", 100, 42)
    other = threading.Event()

    def noise():
        while not other.is_set():
            client.completions.create(model="toy", prompt=["a", "bc"], max_tokens=17)

    threads = [threading.Thread(target=noise) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            made = client.completions.create(model="toy", prompt="Once", max_tokens=100, seed=42)
            assert made.choices[0].text == expected
    finally:
        other.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"temperature": -1}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"top_p": True}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 13}, "n"),
        ({"max_tokens": 4097}, "max_tokens"),
        ({"seed": -1}, "seed"),
        ({"logprobs": 2}, "logprobs"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 2}, "best_of"),
        ({"echo": True, "logprobs": 1}, "echo"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"extra_body": {"top_k": 0}}, "top_k"),
        ({"extra_body": {"temprature": 1}}, "temprature"),
        ({"extra_body": {"max_new_tokens": 1}}, "max_new_tokens"),
        ({"extra_body": {"tools": [{"type": "function"}]}}, "tools"),
        ({"extra_body": {"response_format": {"type": "json_schema"}}}, "response_format"),
        ({"prompt": "x" * 512}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": [1.5]}, "prompt"),
        ({"prompt": []}, "prompt"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_name(client, more, param):
    with pytest.raises(openai.BadRequestError) as refused:
        client.completions.create(**{"model": "toy", "prompt": "Once", **more})
    assert refused.value.param == param
    assert refused.value.body["message"].endswith((".", "?"))


@pytest.mark.parametrize(
    "messages",
    [
        [],
        "hello",
        [1],
        [{"role": "user"}],
        [{"role": "robot", "content": "x"}],
        [{"role": "tool", "content": "x", "tool_call_id": "1"}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
        [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}],
        [{"role": "assistant", "content": "the template refuses this"}],
    ],
    ids=str,
)
def test_messages_that_cannot_be_are_refused(client, messages):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="toy", messages=messages)


def test_what_asks_for_nothing_is_let_through(client):
    neutral = {"tools": [], "tool_choice": "none", "response_format": {"type": "text"}, "top_logprobs": 0, "stop": None}
    found = client.chat.completions.create(
        model="toy", messages=[{"role": "user", "content": "Hi"}], max_tokens=2, extra_body=neutral
    )
    assert len(found.choices) == 1
    assert 1 <= found.usage.completion_tokens <= 2


def test_a_slide_takes_a_prompt_beyond_the_context(client):
    found = client.completions.create(model="toy", prompt="x" * 600, max_tokens=3, extra_body={"overflow": "slide"})
    assert 1 <= found.usage.completion_tokens <= 3


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("prompt", ["FAULTADD", "CANNOT"])
def test_a_model_that_fails_at_a_prompt_is_a_500(client, server, prompt, stream):
    with pytest.raises(openai.InternalServerError) as failed:
        client.completions.create(model="toy", prompt=prompt, stream=stream)
    assert "broke" not in failed.value.body["message"]
    assert "broke" in server.said[-1]


@pytest.mark.parametrize("word", ["FAULT", "EXIT"])
def test_a_failing_step_fails_its_texts_and_the_server_goes_on(client, server, toy, word):
    with pytest.raises(openai.InternalServerError):
        client.completions.create(model="toy", prompt=f"{word} ", logit_bias={"256": -100})
    stream = client.completions.create(model="toy", prompt=f"{word} ", stream=True, logit_bias={"256": -100})
    with pytest.raises(openai.APIError, match="failed"), stream:
        list(stream)
    assert "a step failed" in server.said[-1]
    assert client.completions.create(model="toy", prompt="Once", seed=1).choices[0].text == alone(toy, "Once", 16, 1)


def test_refused_by_the_desk_is_a_400(client):
    with pytest.raises(openai.BadRequestError, match="does not know"):
        client.completions.create(model="toy", prompt=[300])
    with pytest.raises(openai.BadRequestError, match="does not know"):
        client.completions.create(model="toy", prompt="REFUSE", stream=True)


LONG = {"model": "toy", "prompt": "x", "max_tokens": 400, "logit_bias": {"256": -100}, "stream": True}


def test_a_client_that_leaves_frees_its_row(start):
    slow = start(delay=0.3)  # to the end it would take two minutes
    with httpx.stream("POST", f"{slow.url}/completions", json=LONG | {"n": 4}, timeout=60) as answer:
        assert answer.status_code == 200
        assert not slow.batcher.is_idle
    slow.wait_until_idle()
    assert not slow.said


def test_a_full_queue_says_when_to_come_back(start, waiting):
    slow = start(delay=0.05, rows=1, queue=1)
    with openai.OpenAI(base_url=slow.url, api_key="none", max_retries=0, timeout=60) as client:
        given = {"model": "toy", "prompt": "x", "max_tokens": 1}
        with httpx.stream("POST", f"{slow.url}/completions", json=LONG, timeout=60):
            thread = threading.Thread(target=client.completions.create, kwargs=given)
            thread.start()
            waiting(lambda: slow.batcher.held == 2)
            with pytest.raises(openai.RateLimitError) as full:
                client.completions.create(**given)
        assert full.value.response.headers["retry-after"] == "1"
        assert full.value.code == "queue_full"
        thread.join(60)
        slow.wait_until_idle()


def test_an_async_client(server):
    import asyncio

    async def many():
        async with openai.AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=60) as client:
            made = [client.completions.create(model="toy", prompt="Once", seed=i, max_tokens=20) for i in range(12)]
            return [each.choices[0].text for each in await asyncio.gather(*made)]

    assert len(set(asyncio.run(many()))) > 6


def test_every_event_is_json_and_the_last_is_done(server):
    body = {"model": "toy", "prompt": "Once", "stream": True, "stream_options": {"include_usage": True}}
    with httpx.stream("POST", f"{server.url}/completions", json=body, timeout=60) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        events = answer.read().decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert chunks[-1]["usage"]["completion_tokens"] > 0
