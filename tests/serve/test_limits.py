import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.serve.faults import Fault
from aigc_core.serve.limits import MAX_DEPTH, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def nested(levels):
    return b'{"a":' * levels + b"1" + b"}" * levels


def test_the_deepest_that_is_taken():
    assert parse(nested(MAX_DEPTH)) == json.loads(nested(MAX_DEPTH))
    wide = json.dumps({str(number): [{}] for number in range(1000)}).encode()
    assert len(parse(wide)) == 1000


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 500, 100_000])
@pytest.mark.parametrize("where", [b"%s", b'{"b": [], "c": %s}', b'{"c": [{}, %s], "b": 1}'])
def test_deeper_is_refused(levels, where):
    with pytest.raises(Fault, match=r"nested more than 16 levels|no JSON"):
        parse(where % nested(levels))
    if levels < 1000:
        with pytest.raises(Fault, match="nested more than 16 levels"):
            parse(where % nested(levels))


@given(st.dictionaries(st.text(), VALUES, max_size=3), st.booleans())
def test_any_json_object_is_read(document, escaped):
    text = json.dumps(document, ensure_ascii=escaped)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    assert parse(data) == document


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_anything_else_is_a_400(data):
    fault = None
    try:
        assert isinstance(parse(data), dict)
    except Fault as error:
        fault = error
    if fault:
        assert fault.status == 400
        json.dumps(fault.body(), ensure_ascii=False).encode()
