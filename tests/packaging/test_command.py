"""`mle bundle`: what it prints, and an exit status that a script can use."""

import json
import shutil

import numpy as np
import pytest

from mlhelpers.packaging import load_bundle, pack_bundle, save_model, sign_bundle, signing_key
from mlhelpers.packaging.command import main


@pytest.fixture
def saved(model, customers, tmp_path):
    save_model(model, tmp_path / "model.skops")
    customers.to_csv(tmp_path / "train.csv", index=False)
    return tmp_path


def words(saved, *more):
    given = [
        "build",
        saved / "model.skops",
        saved / "bundle",
        "--data",
        saved / "train.csv",
        "--name",
        "churn",
    ]
    return [str(word) for word in (*given, *more)]


COLUMNS = ["--columns", "charge,late,contract,region"]


def test_build_makes_a_bundle_that_answers_as_the_model(saved, model, customers, capsys):
    (saved / "metrics.json").write_text('{"roc_auc": 0.8}')
    (saved / "card.md").write_text("# My card\n")
    signing_key(saved / "key.pem", create=True)
    more = ["--version", "1.2.0", "--metrics", saved / "metrics.json", "--card", saved / "card.md"]
    more += ["--key", saved / "key.pem", "--zip", saved / "bundle.zip", *COLUMNS]
    assert main(words(saved, *more)) == 0
    said = capsys.readouterr().out
    assert said.startswith("bundle: churn 1.2.0, 4 columns, ") and "bundle.zip: the same in one file" in said
    bundle = load_bundle(saved / "bundle.zip", trusted_keys=[saved / "key.pub"])
    assert bundle.signed and bundle.metrics == {"roc_auc": 0.8} and bundle.model_card == "# My card\n"
    expected = model.predict_proba(customers)[:, 1]
    np.testing.assert_allclose(bundle.predict(customers), expected, atol=1e-6)


def test_build_takes_the_columns_that_the_model_names(saved, customers):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(customers[["late"]], customers["churned"])
    save_model(model, saved / "model.skops")
    assert main(words(saved)) == 0
    bundle = load_bundle(saved / "bundle")
    assert bundle.columns == ["late"] and "Nothing was written down" in bundle.model_card


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (["--data", "no.csv"], 2, "there is no no.csv"),
        (["--columns", "charge,age"], 1, "train.csv lacks the columns age, which the model reads"),
        (["--key", "no.pem", *COLUMNS], 2, "no.pem"),
    ],
)
def test_build_refuses_with_one_line(saved, capsys, change, code, told):
    assert main(words(saved, *change)) == code
    said = capsys.readouterr().err
    assert said.startswith("mle bundle build: ") and told in said and said.count("\n") == 1
    assert not (saved / "bundle").exists()


def test_build_asks_for_columns_where_the_model_names_none(saved, customers, capsys):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(customers[["late"]].to_numpy(), customers["churned"])
    save_model(model, saved / "model.skops")
    assert main(words(saved)) == 1
    assert "does not say which columns it reads; give --columns A,B" in capsys.readouterr().err
    (saved / "train.txt").write_text("late\n1\n")
    assert main(words(saved, "--data", saved / "train.txt")) == 1
    assert "train.txt must end in .csv or .parquet" in capsys.readouterr().err


def test_show_tells_columns_files_and_whether_it_is_signed(built, capsys):
    assert main(["show", str(built)]) == 0
    said = capsys.readouterr().out
    assert "signed      not looked at; give --trusted-key" in said
    assert "onnx graph  yes, the same answers to 1e-06" in said
    line = next(line for line in said.splitlines() if line.startswith("  contract"))
    assert line.split() == ["contract", "category", "allowed", "monthly,", "one_year,", "two_year"]
    assert "USD per month" in said and "model.skops" in said
    assert main(["show", str(built), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [column["column"] for column in facts["columns"]] == ["charge", "late", "contract", "region"]


def test_verify_says_what_was_checked(built, tmp_path, capsys):
    folder = shutil.copytree(built, tmp_path / "bundle")
    assert main(["verify", str(folder)]) == 0
    assert "hashes right, no key was asked for; 3 stored answers came out again" in capsys.readouterr().out
    key = ["--trusted-key", str(tmp_path / "key.pub")]
    sign_bundle(folder, signing_key(tmp_path / "key.pem", create=True))
    assert main(["verify", str(pack_bundle(folder, tmp_path / "b.zip")), *key]) == 0
    assert "signed by a trusted key" in capsys.readouterr().out
    assert main(["verify", str(folder), *key, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signed"] is True


def flipped(folder):
    content = bytearray((folder / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.skops").write_bytes(content)


ATTACKS = {
    "byte flipped": (flipped, "model.skops was changed"),
    "file added": (lambda folder: (folder / "more.txt").write_text("x"), "more.txt is not in the manifest"),
    "file missing": (lambda folder: (folder / "metrics.json").unlink(), "metrics.json is missing"),
    "file renamed": (
        lambda folder: (folder / "metrics.json").rename(folder / "metric.json"),
        "metric.json is not in the manifest",
    ),
    "not signed": (lambda folder: None, "MANIFEST.sig is missing"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_verify_refuses_what_was_tampered_with(built, tmp_path, capsys, name):
    attack, told = ATTACKS[name]
    folder = shutil.copytree(built, tmp_path / "bundle")
    attack(folder)
    signing_key(tmp_path / "key.pem", create=True)
    key = ["--trusted-key", str(tmp_path / "key.pub")] if name == "not signed" else []
    assert main(["verify", str(folder), *key]) == 1
    said = capsys.readouterr().err
    assert said.startswith("mle bundle verify: ") and told in said and said.count("\n") == 1


def test_what_is_no_bundle_has_a_status_of_its_own(tmp_path, capsys):
    assert main(["verify", str(tmp_path / "no")]) == 2
    assert "there is no" in capsys.readouterr().err
    assert main(["show", str(tmp_path)]) == 2
    assert "holds no MANIFEST.json; it is no bundle" in capsys.readouterr().err


def test_install_says_what_to_run(built, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["install", str(built), "env", "--here"]) == 0
    said = capsys.readouterr().out
    assert "churn 1.0.0 answers in env; there run" in said
    assert "python -m mlhelpers.serving.batch env/bundle INPUT OUTPUT" in said
    assert main(["install", str(built), "env", "--here"]) == 1
    assert "give a new folder" in capsys.readouterr().err
