"""Each rule finds its fault, at its line, and a sound workflow has none."""

import pytest

from mlhelpers.delivery import lint_workflow

SOUND = """
on: push
permissions: {contents: read}
jobs:
  train:
    runs-on: ubuntu-latest
    outputs:
      digest: ${{ steps.fit.outputs.digest }}
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with: {python-version: "3.10"}
      - uses: actions/cache@v4
        with:
          path: ~/wheels
          key: wheels-${{ hashFiles('requirements.lock') }}
      - id: fit
        if: steps.fit.outcome != 'x' || true
        run: |
          python train.py
          echo "a || true | b" > note
      - shell: bash
        run: python -m pytest | tee log
      - uses: actions/upload-artifact@v5
        with: {name: model, path: model.bin}
  staging:
    needs: train
    runs-on: ubuntu-latest
    steps:
      - uses: actions/download-artifact@v5
        with: {name: model}
      - run: test "${{ needs.train.outputs.digest }}" = "$(sha256sum model.bin)"
""".replace("        if: steps.fit.outcome != 'x' || true\n", "")


def found(path):
    return [(row.line, row.rule) for row in lint_workflow(path).itertuples()]


def test_a_sound_workflow_has_no_finding(write):
    assert found(write(SOUND)) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (("needs: train", "needs: trian"), (25, "WFL001")),
        (("  train:\n    runs-on", "  train:\n    needs: staging\n    runs-on"), (5, "WFL001")),
        (("steps.fit.outputs", "steps.fti.outputs"), (8, "WFL002")),
        (("needs.train.outputs.digest", "needs.train.outputs.hash"), (31, "WFL002")),
        (("needs.train.outputs.digest", "needs.check.outputs.digest"), (31, "WFL002")),
        (
            ("      - id: fit\n", "      - id: fit\n        if: steps.later.outcome == 'success'\n"),
            (18, "WFL002"),
        ),
        (("needs.train.outputs.digest", "needs.train +"), (31, "WFL002")),
        (('"3.10"', "3.10"), (12, "WFL003")),
        (("    needs: train\n", "    needs: train\n    env: {V: 1.10}\n"), (27, "WFL003")),
        (("      - id: fit\n", "      - id: fit\n        continue-on-error: true\n"), (18, "WFL004")),
        (("    needs: train\n", "    needs: train\n    continue-on-error: true\n"), (27, "WFL004")),
        (("python train.py\n", "python train.py || true\n"), (19, "WFL005")),
        (("python train.py\n", "python train.py || :\n"), (19, "WFL005")),
        (("python train.py\n", "python train.py || exit 0  # fine\n"), (19, "WFL005")),
        (("python train.py\n", "set +e\n          python train.py\n"), (19, "WFL005")),
        (("python train.py\n", "python train.py; true\n"), (19, "WFL005")),
        (("with: {name: model}", "with: {name: models}"), (29, "WFL006")),
        (("      - shell: bash\n        run", "      - run"), (21, "WFL007")),
        (("${{ hashFiles('requirements.lock') }}", "${{ runner.os }}"), (16, "WFL008")),
        (("      - run: test", "      - run: python train.py\n      - run: test"), (31, "WFL009")),
    ],
)
def test_each_fault_is_found_at_its_line(write, change, finding):
    assert change[0] in SOUND
    told = found(write(SOUND.replace(*change, 1)))
    assert finding in told
    assert {rule for _, rule in told} <= {finding[1], "WFL002", "WFL006"}


@pytest.mark.parametrize(
    "change",
    [
        ("on: push\n", "on: push\ndefaults: {run: {shell: bash}}\n"),
        ("  train:\n", "  train:\n    defaults: {run: {shell: bash}}\n"),
        ("run: python -m pytest", "run: set -o pipefail; python -m pytest"),
    ],
)
def test_pipefail_may_be_set_elsewhere(write, change):
    assert (
        found(write(SOUND.replace("      - shell: bash\n        run", "      - run").replace(*change, 1)))
        == []
    )


def test_an_artifact_may_be_of_the_job_itself_or_without_a_name(write):
    steps = """
    - uses: actions/upload-artifact@v5
      with: {name: a, path: x}
    - uses: actions/download-artifact@v5
      with: {name: a}
    - uses: actions/download-artifact@v5
    """
    assert found(write(steps=steps)) == []


def test_what_sets_up_or_tests_may_be_done_in_each_job(write):
    more = "      - run: python -m pip install -r requirements.lock\n      - run: python -m pytest\n"
    text = SOUND.replace("      - id: fit\n", more + "      - id: fit\n").replace(
        "      - run: test", more + "      - run: test"
    )
    assert found(write(text)) == []


def test_the_finding_says_where_and_what_to_do(write):
    row = lint_workflow(write(SOUND.replace('"3.10"', "3.10"))).iloc[0]
    assert row["where"] == "train, Run actions/setup-python@v6"
    assert row["what to do"] == 'python-version: 3.10 is read as 3.1; write "3.10" in quotes'
