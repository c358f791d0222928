import pydantic
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.training.config import ConfigError, TrainingConfig, load_config, parse_config

TEXT = """
data: {name: churn}
features:
  numeric: [tenure_months]
  categorical: [contract]
  target: churned
model: {type: forest, n_estimators: 20}
seed: 7
"""


def settings(**changes):
    return {**yaml.safe_load(TEXT), **changes}


def test_file_is_read_with_its_defaults(tmp_path):
    (tmp_path / "train.yml").write_text(TEXT)
    config = load_config(tmp_path / "train.yml")
    assert isinstance(config, TrainingConfig)
    assert config.model.n_estimators == 20
    assert config.model.max_depth == 8
    assert config.split.test_size == 0.25
    assert config.features.numeric == ("tenure_months",)


def test_absent_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_config(tmp_path / "absent.yml")


@given(
    st.sampled_from(["boosting", "forest", "logistic"]),
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 0.99),
    st.lists(st.text(min_size=1).filter(lambda name: name != "churned"), min_size=1, unique=True),
)
def test_yaml_and_back_is_the_same_config(kind, seed, test_size, numeric):
    features = {"numeric": numeric, "target": "churned"}
    config = parse_config(
        settings(model={"type": kind}, seed=seed, split={"test_size": test_size}, features=features)
    )
    again = parse_config(config.to_yaml())
    assert again == config
    assert again.digest == config.digest


def test_order_and_written_defaults_do_not_change_the_digest():
    turned = dict(reversed(settings(split={"test_size": 0.25, "stratify": True}).items()))
    assert parse_config(turned).digest == parse_config(TEXT).digest


def test_every_setting_changes_the_digest():
    changes = [
        {"seed": 8},
        {"data": {"name": "churn", "table": "truth"}},
        {"model": {"type": "forest", "n_estimators": 21}},
        {"split": {"stratify": False}},
        {"features": {"numeric": ["tenure_months"], "target": "churned"}},
    ]
    digests = {parse_config(settings(**change)).digest for change in [{}, *changes]}
    assert len(digests) == len(changes) + 1


def test_flat_has_one_dotted_name_for_each_setting():
    flat = parse_config(TEXT).flat()
    assert flat["model.type"] == "forest"
    assert flat["model.n_estimators"] == 20
    assert flat["features.categorical"] == ["contract"]
    assert flat["seed"] == 7


def test_config_cannot_be_changed():
    config = parse_config(TEXT)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        config.seed = 8
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        config.model.max_depth = 3
    with pytest.raises(AttributeError):
        config.features.numeric.append("age")


def test_the_mapping_that_was_given_is_not_changed():
    given_settings = settings()
    parse_config(given_settings)
    assert given_settings == settings()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sed": 7}, "s: sed: no such setting (value 7); remove it or correct the name"),
        ({"model": {"type": "forest", "C": 1.0}}, "s: model.C: no such setting (value 1.0)"),
        ({"model": {"type": "svm"}}, "s: model.type: got 'svm'; choose boosting, forest or logistic"),
        ({"model": {"n_estimators": 20}}, "s: model.type: missing; choose boosting"),
        ({"model": {"type": "forest", "max_depth": 0}}, "s: model.max_depth: got 0; input should be greater"),
        ({"model": {"type": "logistic", "C": float("inf")}}, "s: model.C: got inf; input should be a finite"),
        ({"seed": "7"}, "s: seed: got '7'; input should be a valid integer"),
        ({"seed": True}, "s: seed: got True; input should be a valid integer"),
        ({"split": {"test_size": 25}}, "s: split.test_size: got 25; input should be less than 1"),
        ({"features": {"target": "churned"}}, "s: features: name at least one column"),
        ({"features": {"numeric": ["a", "a"], "target": "b"}}, "s: features: columns named twice: a"),
        ({"features": {"numeric": ["b"], "target": "b"}}, "s: features: the target b is among the features"),
    ],
)
def test_fault_names_source_key_value_and_what_to_do(change, message):
    with pytest.raises(ConfigError) as found:
        parse_config(settings(**change), source="s")
    assert str(found.value).startswith(message)


def test_seed_has_no_default():
    without = settings()
    del without["seed"]
    with pytest.raises(ConfigError, match="settings: seed: missing; write it down"):
        parse_config(without)


def test_all_faults_are_named_at_once():
    with pytest.raises(ConfigError) as found:
        parse_config(settings(seed=-1, split={"test_size": 2}, extra=1))
    assert len(str(found.value).splitlines()) == 3


def test_key_given_twice_is_refused():
    with pytest.raises(ConfigError, match="settings: seed: given twice in the block at line 2; keep one"):
        parse_config(TEXT + "seed: 8\n")


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "no valid YAML"), ("- a", "got list"), ("", "NoneType")]
)
def test_text_that_holds_no_settings_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(text)
