"""Expressions give what GitHub's documentation says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.delivery.workflow.expressions import (
    ExpressionError,
    as_text,
    condition,
    evaluate,
    interpolate,
    names_in,
    truthy,
)

CONTEXTS = {
    "env": {"MODE": "Fast", "n": "3"},
    "steps": {"train": {"outputs": {"digest": "abc"}, "outcome": "success"}},
    "github": {"ref": "refs/heads/main", "event": {}},
}
FUNCTIONS = {"success": lambda: True, "failure": lambda: False, "always": lambda: True}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("0x10", 16.0),
        ("-2.5e1", -25.0),
        ("'it''s'", "it's"),
        ("true", True),
        ("NULL", None),
        ("env.MODE", "Fast"),
        ("env.mode", "Fast"),
        ("env['MODE']", "Fast"),
        ("steps.train.outputs.digest", "abc"),
        ("steps.trian.outputs.digest", None),
        ("github.event.head.message", None),
        ("'a' == 'A'", True),
        ("'a' != 'b'", True),
        ("'1' == 1", True),
        ("null == 0", True),
        ("null == ''", True),
        ("'x' == 1", False),
        ("true == 1", True),
        ("1 < 2 && 2 <= 2", True),
        ("2 > '1'", True),
        ("'b' >= 'A'", True),
        ("1 < 2 == true", True),
        ("!env.MODE", False),
        ("!!env.none", False),
        ("env.none || 'other'", "other"),
        ("env.MODE && 'yes' || 'no'", "yes"),
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("startsWith(github.ref, 'REFS/heads')", True),
        ("endsWith(github.ref, 'main')", True),
        ("contains('Hello', 'ell')", True),
        ("format('{1}-{0}', 'a', 2)", "2-a"),
        ("success() && !failure()", True),
        ("github.event == github.event", True),
        ("github.event == env", False),
    ],
)
def test_value(text, value):
    assert evaluate(text, CONTEXTS, FUNCTIONS) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("env.", "its end"),
        ("1 +", r"cannot read '\+'"),
        ("(1", "its end"),
        ("1 2", "cannot read '2'"),
        ("'open", 'cannot read "\'open"'),
        ("secret.key", "no context 'secret'"),
        ("toJSON(env)", "no function 'toJSON'"),
        ("format('{3}', 1)", "format in the expression"),
        ("contains('a')", "contains in the expression"),
        ("env[0", "its end"),
        ("", "its end"),
        ("env.('a')", r"cannot read '\('"),
    ],
)
def test_what_cannot_be_read_is_told(text, message):
    with pytest.raises(ExpressionError, match=message):
        evaluate(text, CONTEXTS, FUNCTIONS)


def test_texts_are_filled_in_and_a_missing_name_is_empty():
    text = "d=${{ steps.train.outputs.digest }} m=${{env.none}} n=${{ 3 }} b=${{ true }} x=${{ '}}' }}"
    assert interpolate(text, CONTEXTS, FUNCTIONS) == "d=abc m= n=3 b=true x=}}"


def test_an_open_expression_is_told():
    with pytest.raises(ExpressionError, match="without }}"):
        interpolate("${{ env.MODE", CONTEXTS, FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "failed", "holds"),
    [
        (None, False, True),
        (None, True, False),
        ("env.MODE == 'fast'", False, True),
        ("env.MODE == 'fast'", True, False),
        ("${{ env.MODE == 'fast' }}", True, False),
        ("always()", True, True),
        ("failure() && env.MODE == 'fast'", True, True),
        ("failure()", False, False),
        ("!success()", True, True),
        ("'always()'", True, False),
    ],
)
def test_a_condition_holds_while_nothing_failed_unless_it_asks_for_the_status(text, failed, holds):
    functions = FUNCTIONS | {"success": lambda: not failed, "failure": lambda: failed}
    assert condition(text, CONTEXTS, functions) is holds


def test_names_are_found_with_their_paths_and_calls():
    found = names_in("steps.Train.outputs.x == 'env.no' && hashFiles(env.lock) || true")
    assert found == [("steps.train.outputs.x", False), ("hashfiles", True), ("env.lock", False)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (False, "false"), (2.0, "2"), (0.5, "0.5"), ({}, "Object")],
)
def test_values_as_text(value, text):
    assert as_text(value) == text


def test_nan_is_not_true():
    assert not truthy(math.nan) and not truthy("") and truthy("false") and truthy({})


@given(st.text(alphabet="ab'}{$ .()", max_size=20))
def test_any_text_between_quotes_comes_back(text):
    quoted = "'" + text.replace("'", "''") + "'"
    assert evaluate(quoted, {}, {}) == text
    assert interpolate(f"<${{{{ {quoted} }}}}>", {}, {}) == f"<{text}>"


@given(st.text(alphabet="ab1.'()=&|!<> [],", max_size=20))
def test_any_expression_has_a_value_or_an_error(text):
    try:
        evaluate(text, {"a": {"b": 1.0}}, {"ab": lambda *values: len(values)})
    except ExpressionError:
        return
