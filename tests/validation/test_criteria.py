import os

import pytest
import yaml

from mlhelpers.validation.criteria import load_criteria

GOOD = {
    "statement": "Stop losing <customers>.",
    "target": "churned",
    "horizon_days": 30,
    "decision": "call",
    "costs": {"gain_tp": 200, "cost_fp": 40.0, "cost_fn": 200.0},
    "gates": {"recall": {"min": 0.85}},
    "release_gates": {"stress_failures": {"max": 0}},
}


@pytest.fixture
def read(tmp_path):
    def _read(entry, name="churn", key="churn"):
        file = tmp_path / "criteria.yml"
        file.write_text(yaml.safe_dump({key: entry}), encoding="utf-8")
        return load_criteria(name, path=file)

    return _read


def test_the_file_of_the_course_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    beside = load_criteria("churn")
    monkeypatch.chdir(os.path.dirname(__file__))
    assert load_criteria("churn") == beside
    assert beside.gates["recall"] == {"min": 0.85}


def test_a_nearer_file_goes_first(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    text = yaml.safe_dump({"mine": GOOD})
    (tmp_path / "notebooks" / "criteria.yml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "notebooks")
    assert load_criteria("mine").target == "churned"


def test_no_file_anywhere_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mlhelpers.validation.criteria.__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(FileNotFoundError, match=r"no notebooks/criteria\.yml"):
        load_criteria("churn")
    with pytest.raises(FileNotFoundError, match="no criteria at"):
        load_criteria("churn", path=tmp_path / "none.yml")


def test_criteria_give_back_what_the_file_says(read):
    found = read(GOOD)
    assert found.as_dict() == {"name": "churn", **GOOD}
    assert list(found.all_gates) == ["recall", "stress_failures"]


def test_break_even_follows_from_the_prices(read):
    assert read(GOOD).break_even == pytest.approx(40 / 440)


def test_release_gates_count_only_for_a_release(read):
    found = read(GOOD)
    figures = {"recall": 0.9, "stress_failures": 2.0}
    assert found.check(figures)
    assert not found.check(figures, release=True)


def test_release_gates_may_be_absent(read):
    assert dict(read({key: GOOD[key] for key in GOOD if key != "release_gates"}).release_gates) == {}


def test_limits_cannot_be_changed_after_the_fact(read):
    found = read(GOOD)
    with pytest.raises(TypeError):
        found.gates["recall"] = {"min": 0.1}
    with pytest.raises(TypeError):
        found.gates["recall"]["min"] = 0.1
    with pytest.raises(AttributeError):
        found.gates = {}


def test_html_is_escaped(read):
    page = read(GOOD)._repr_html_()
    assert "&lt;customers&gt;" in page
    assert "<td>recall</td><td>min</td><td>0.85</td>" in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statment": "x"}, r"criteria\.yml: churn: unknown key 'statment'; did you mean 'statement'"),
        ({"zzz": 1}, "unknown key 'zzz'; there are statement"),
        ({"target": 3}, r"churn\.target: must be a text"),
        ({"decision": " "}, r"churn\.decision: must be a text"),
        ({"horizon_days": True}, r"churn\.horizon_days: must be a whole number"),
        ({"horizon_days": -1}, r"churn\.horizon_days"),
        ({"horizon_days": 1.5}, r"churn\.horizon_days"),
        ({"costs": 3}, r"churn\.costs: must map"),
        ({"costs": {"gain_tp": 1, "cost_fp": 1}}, r"churn\.costs: missing cost_fn"),
        ({"costs": GOOD["costs"] | {"cost_tn": 1}}, r"churn\.costs: unknown key 'cost_tn'"),
        ({"costs": GOOD["costs"] | {"cost_fp": -1}}, r"churn\.costs\.cost_fp: must be an amount"),
        ({"costs": GOOD["costs"] | {"cost_fp": "40"}}, r"churn\.costs\.cost_fp"),
        ({"costs": GOOD["costs"] | {"cost_fp": True}}, r"churn\.costs\.cost_fp"),
        ({"costs": GOOD["costs"] | {"cost_fp": float("inf")}}, r"churn\.costs\.cost_fp"),
        ({"costs": dict.fromkeys(GOOD["costs"], 0)}, "all are 0"),
        ({"gates": {}}, r"churn\.gates: must map figures to limits"),
        ({"gates": ["recall"]}, r"churn\.gates: must map"),
        ({"gates": {"recall": {"mni": 0.8}}}, r"churn\.gates: gate 'recall': no rule 'mni'"),
        ({"gates": {"recall": {"min": "0.8"}}}, r"churn\.gates: gate 'recall': min must be a number"),
        ({"release_gates": {"recall": {"min": 0.8}}}, r"release_gates: recall stands in gates already"),
        ({"release_gates": None}, r"churn\.release_gates: must map"),
    ],
)
def test_a_wrong_entry_is_named(read, change, message):
    with pytest.raises(ValueError, match=message):
        read(GOOD | change)


def test_a_missing_key_is_named(read):
    with pytest.raises(ValueError, match="churn: missing target, gates"):
        read({key: GOOD[key] for key in GOOD if key not in ("target", "gates")})


def test_an_unknown_problem_gets_a_suggestion(read):
    with pytest.raises(ValueError, match="no problem 'chrun'; did you mean 'churn'"):
        read(GOOD, name="chrun")
    with pytest.raises(ValueError, match="churn: must be a mapping with"):
        read("text")


def test_a_file_of_another_form_is_refused(tmp_path):
    file = tmp_path / "criteria.yml"
    file.write_text("- a\n", encoding="utf-8")
    with pytest.raises(ValueError, match="must map each problem to its criteria, got list"):
        load_criteria("churn", path=file)
    file.write_text("a: [", encoding="utf-8")
    with pytest.raises(ValueError, match="not YAML"):
        load_criteria("churn", path=file)
