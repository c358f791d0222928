"""Steps do here what they do on GitHub; what cannot be done here is refused by name."""

import os
import time

import psutil
import pytest

from mlhelpers.delivery import WorkflowError, run_workflow


def statuses(result):
    return result.table["status"].tolist()


def log(result, number=-1):
    return result.table["log"].iloc[number]


def test_jobs_run_in_the_order_of_needs_and_hand_on_outputs_and_artifacts(run):
    result = run("""
        on: push
        env: {GREETING: hello}
        jobs:
          last:
            needs: [first]
            runs-on: ubuntu-latest
            steps:
              - uses: actions/download-artifact@v5
                with: {name: model, path: got}
              - run: echo "$GREETING ${{ needs.first.outputs.digest }} $(cat got/model.bin)"
          first:
            runs-on: ubuntu-latest
            outputs: {digest: "${{ steps.fit.outputs.digest }}"}
            steps:
              - uses: actions/checkout@v5
              - id: fit
                run: |
                  python train.py
                  mkdir out && echo model > out/model.bin
                  echo "digest=abc" >> "$GITHUB_OUTPUT"
              - uses: actions/upload-artifact@v5
                with: {name: model, path: out/}
    """)
    assert result and result.jobs == {"first": "success", "last": "success"}
    assert result.table["job"].tolist() == ["first"] * 3 + ["last"] * 2
    assert result.outputs["first"] == {"digest": "abc"}
    assert "trained" in log(result, 1) and log(result) == "hello abc model\n"
    assert (result.artifacts / "model" / "model.bin").read_text() == "model\n"
    assert (result.table["start"].diff().dropna() >= 0).all()
    assert "green" in result._repr_html_()


def test_a_failed_step_skips_the_rest_and_the_jobs_after_it(run):
    result = run("""
        on: push
        jobs:
          first:
            runs-on: ubuntu-latest
            steps:
              - run: exit 3
              - run: echo never
              - if: always()
                run: echo cleans up
              - if: failure()
                run: echo tells
          second: {needs: first, runs-on: ubuntu-latest, steps: [{run: echo never}]}
          third: {needs: first, if: always(), runs-on: ubuntu-latest, steps: [{run: echo runs}]}
          fourth: {needs: first, if: failure(), runs-on: ubuntu-latest, steps: [{run: echo runs}]}
    """)
    assert not result and "red" in result._repr_html_()
    assert result.jobs == {"first": "failure", "second": "skipped", "third": "success", "fourth": "success"}
    assert statuses(result) == ["failure", "skipped", "success", "success", "skipped", "success", "success"]
    assert result.table["exit"].iloc[0] == 3 and len(result.failed) == 1


@pytest.mark.parametrize(
    ("shell", "green"),
    [("", True), ("shell: bash", False), ("shell: sh", True), ("shell: bash -eo pipefail {0}", False)],
)
def test_a_pipe_hides_a_failure_unless_the_shell_is_named(run, shell, green):
    """GitHub takes `bash -e` where no shell is named, and pipefail where bash is."""
    assert bool(run(steps=f"- run: false | cat\n  {shell}")) is green


def test_the_first_failing_command_ends_a_script(run):
    assert "after" not in log(run(steps="- run: |\n    false\n    echo after"))


def test_python_is_a_shell(run):
    assert log(run(steps="- run: print(1 + 1)\n  shell: python")) == "2\n"


def test_defaults_of_job_and_workflow_choose_shell_and_folder(run):
    result = run("""
        on: push
        defaults: {run: {shell: python}}
        jobs:
          one: {runs-on: ubuntu-latest, steps: [{run: print(2)}]}
          two:
            runs-on: ubuntu-latest
            defaults: {run: {shell: sh, working-directory: inner}}
            steps: [{run: mkdir inner, working-directory: .}, {run: basename $PWD}]
    """)
    assert result.table["log"].tolist() == ["2\n", "", "inner\n"]


def test_a_folder_that_is_not_there_fails_the_step(run):
    result = run(steps="- run: pwd\n  working-directory: none")
    assert not result and "there is no folder none" in log(result)


def test_steps_share_files_but_no_shell(run):
    result = run(
        steps="""
        - run: export MODE=fast; echo "KEPT=$MODE" >> "$GITHUB_ENV"
        - run: echo "<$MODE> <$KEPT>"
        - run: |
            mkdir tools; printf '#!/bin/sh\\necho tool' > tools/mine; chmod +x tools/mine
            echo "$PWD/tools" >> "$GITHUB_PATH"
        - run: mine
        - run: echo "<$KEPT>"
          env: {KEPT: own}
    """
    )
    assert result.table["log"].tolist()[1::2] == ["<> <fast>\n", "tool\n"] and log(result) == "<own>\n"


def test_outputs_of_several_lines(run):
    result = run(
        steps="""
        - id: a
          run: printf 'text<<END\\none\\ntwo=2\\nEND\\nlast=x<<y\\n' >> "$GITHUB_OUTPUT"
        - run: echo "${{ steps.a.outputs.text }}|${{ steps.a.outputs.last }}|${{ steps.b.outputs.no }}"
    """
    )
    assert log(result) == "one\ntwo=2|x<<y|\n"


def test_a_line_that_is_no_output_fails_the_step(run):
    result = run(steps='- run: echo digest >> "$GITHUB_OUTPUT"')
    assert not result and "'digest' is no name=value" in log(result)


def test_what_may_fail_is_marked_and_green(run):
    result = run(
        steps="""
        - id: flaky
          run: exit 1
          continue-on-error: true
        - run: echo "${{ steps.flaky.outcome }} ${{ steps.flaky.conclusion }}"
    """
    )
    assert result and statuses(result) == ["ignored", "success"] and log(result) == "failure success\n"
    assert len(result.failed) == 1


def test_a_job_that_may_fail_leaves_the_workflow_green(run):
    result = run("""
        on: push
        jobs:
          one: {runs-on: ubuntu-latest, continue-on-error: true, steps: [{run: exit 1}]}
    """)
    assert result and result.jobs == {"one": "ignored"}


def test_secrets_and_masked_values_are_hidden(run):
    steps = """
    - run: echo "key ${{ secrets.KEY }}"; echo "::add-mask::made-here"; echo made-here
    """
    result = run(steps=steps, secrets={"KEY": "s3cret"})
    assert log(result) == "key ***\n***\n"


def test_the_environment_is_that_of_a_fresh_machine(run, monkeypatch):
    monkeypatch.setenv("MY_OWN", "here")
    result = run(
        steps="""
        - run: echo "<$MY_OWN> $CI $GITHUB_REF $GITHUB_EVENT_NAME $GITHUB_JOB"; ls -A "$HOME"
          env: {WHERE: "${{ github.workspace }}"}
        - run: test "$WHERE" = "" && test "$PWD" = "$GITHUB_WORKSPACE"
    """
    )
    assert log(result, 0) == "<> true refs/heads/main push one\n" and result


def test_the_summary_of_all_steps(run):
    result = run(steps='- run: echo "# Gate" >> $GITHUB_STEP_SUMMARY\n- run: echo ok >> $GITHUB_STEP_SUMMARY')
    assert result.summary == "# Gate\nok\n"


def test_checkout_brings_the_commit_and_a_plain_folder(run, write, tmp_path, repository):
    assert log(run(steps="- uses: actions/checkout@v5\n- run: ls")) == "requirements.lock\ntrain.py\n"
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.txt").write_text("a")
    steps = "- uses: actions/checkout@v5\n  with: {path: sub}\n- run: ls sub"
    found = run_workflow(write(steps=steps), source=tmp_path / "plain", folder=tmp_path / "other")
    assert log(found) == "a.txt\n"
    missing = run(steps="- uses: actions/checkout@v5\n  with: {ref: no-such-branch}")
    assert not missing and "no-such-branch" in log(missing)


def test_a_second_checkout_replaces_the_first(run):
    again = "- uses: actions/checkout@v5\n- run: rm train.py\n- uses: actions/checkout@v5\n- run: ls"
    assert "train.py" in log(run(steps=again))


def test_a_run_can_be_repeated_in_the_same_folder(run):
    steps = "- uses: actions/checkout@v5\n- run: echo x > new && test $(ls | wc -l) = 3"
    assert run(steps=steps) and run(steps=steps)


@pytest.mark.parametrize(
    ("version", "green"),
    [("3.11", True), ("3.x", True), ("3", True), (">=3.9", True), ("3.10", False), ('"3.1"', False)],
)
def test_setup_python_gives_this_python_or_fails(run, version, green):
    version = version if version.startswith('"') else f'"{version}"'
    steps = f"- uses: actions/setup-python@v6\n  with: {{python-version: {version}}}\n- run: python -V"
    assert bool(run(steps=steps)) is green


def test_a_bare_version_is_another_one_as_on_github(run):
    result = run(steps="- uses: actions/setup-python@v6\n  with: {python-version: 3.10}")
    assert not result and "Python 3.1 is asked for" in log(result)


def test_an_artifact_is_relative_to_what_its_files_share(run):
    result = run(
        steps="""
        - run: mkdir -p a/b; echo 1 > a/b/1.txt; echo 2 > a/2.txt
        - uses: actions/upload-artifact@v5
          id: up
          with:
            path: |
              a/b/1.txt
              a/2.txt
        - uses: actions/download-artifact@v5
          with: {path: all}
        - run: find all -type f | sort; test ${#DIGEST} = 64
          env: {DIGEST: "${{ steps.up.outputs.artifact-digest }}"}
    """
    )
    assert result and log(result) == "all/artifact/2.txt\nall/artifact/b/1.txt\n"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("- uses: actions/download-artifact@v5\n  with: {name: none}", "no artifact 'none'; there are none"),
        (
            "- uses: actions/upload-artifact@v5\n  with: {path: no, if-no-files-found: error}",
            "no files at 'no'",
        ),
        (
            "- run: touch a\n" + "- uses: actions/upload-artifact@v5\n  with: {path: a}\n" * 2,
            "is there already",
        ),
        ("- uses: actions/cache@v4\n  with: {path: x}", "needs a `key`"),
    ],
)
def test_an_action_that_cannot_do_its_work_fails_its_step(run, steps, said):
    result = run(steps=steps)
    assert not result and said in log(result)


def test_an_upload_of_nothing_warns_and_one_may_overwrite(run):
    steps = "- run: touch a\n- uses: actions/upload-artifact@v5\n  with: {path: none}\n"
    steps += "- uses: actions/upload-artifact@v5\n  with: {path: a, overwrite: true}\n" * 2
    result = run(steps=steps)
    assert result and "no files" in log(result, 1)


def test_a_cache_is_kept_for_the_next_run_by_its_key(run):
    steps = """
    - uses: actions/checkout@v5
    - uses: actions/cache@v4
      id: cache
      with:
        path: ~/wheels
        key: "wheels-KEY"
        restore-keys: wheels-
    - run: mkdir -p ~/wheels; cat ~/wheels/* || true; echo made >> ~/wheels/one
    - run: echo "hit ${{ steps.cache.outputs.cache-hit }}"
    """
    by_lock = steps.replace("KEY", "${{ hashFiles('requirements.lock') }}")
    assert log(run(steps=by_lock)) == "hit false\n"
    again = run(steps=by_lock)
    assert log(again) == "hit true\n" and "made" in log(again, 2)
    other = run(steps=steps.replace("KEY", "${{ hashFiles('none') }}x"))
    assert log(other) == "hit false\n" and "made" in log(other, 2), "restore-keys brings the nearest"


def test_a_failed_job_keeps_no_cache(run):
    steps = "- uses: actions/cache@v4\n  with: {path: x, key: k}\n- run: mkdir -p x; exit 1"
    assert "no cache" in log(run(steps=steps), 0) and "no cache" in log(run(steps=steps), 0)


def test_a_step_that_hangs_is_ended_with_all_that_it_started(run):
    begun = time.perf_counter()
    result = run(steps="- run: sleep 987 & sleep 986", timeout_s=0.5)
    assert not result and "ended after 0.5 s" in log(result)
    assert time.perf_counter() - begun < 10
    commands = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert not any(command and command[:2] in (["sleep", "986"], ["sleep", "987"]) for command in commands)


def test_a_step_has_its_own_limit(run):
    assert "ended after 0.3 s" in log(run(steps="- run: sleep 60\n  timeout-minutes: 0.005"))


def test_what_a_step_leaves_running_lives_until_its_job_ends(run):
    result = run(
        steps="""
        - run: sleep 600 & echo $! > pid
        - run: kill -0 $(cat pid) && echo alive && cp pid $GITHUB_WORKSPACE/../pid
    """
    )
    assert log(result) == "alive\n"
    pid = int((result.artifacts.parent / "jobs" / "one" / "pid").read_text())
    end = time.monotonic() + 5
    while time.monotonic() < end and psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie":
        time.sleep(0.02)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"


def test_one_job_runs_with_those_that_it_needs(run):
    text = """
        on: push
        jobs:
          a: {runs-on: u, steps: [{run: echo}]}
          b: {runs-on: u, needs: a, steps: [{run: echo}]}
          c: {runs-on: u, steps: [{run: echo}]}
    """
    assert list(run(text, job="b").jobs) == ["a", "b"]
    with pytest.raises(WorkflowError, match="no job 'd'; the jobs are a, c, b"):
        run(text, job="d")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("- uses: docker/build-push-action@v6", "the action docker/build-push-action has no equivalent here"),
        ("- uses: actions/checkout@v5\n  with: {submodules: true}", "knows no `submodules` here"),
        ("- run: dir\n  shell: pwsh", "no shell 'pwsh'"),
        ("- run: echo ${{ no.such }}", "line 6: job 'one', step .*no context 'no'"),
        ("- run: echo\n  if: what(1)", "no function 'what'"),
        ("- run: echo\n  env: {A: '${{ toJSON(1) }}'}", "no function 'toJSON'"),
    ],
)
def test_what_cannot_be_done_here_is_refused_by_name(run, steps, message):
    with pytest.raises(WorkflowError, match=message):
        run(steps=steps)


@pytest.mark.parametrize(
    "key", ["strategy: {matrix: {x: [1]}}", "container: {image: x}", "services: {db: {image: x}}"]
)
def test_containers_and_matrices_are_refused_before_the_first_step(run, key, tmp_path):
    with pytest.raises(WorkflowError, match=f"line 5: job 'one': `{key.split(':')[0]}` cannot be run here"):
        run(f"on: push\njobs:\n  one:\n    runs-on: u\n    {key}\n    steps: [{{run: touch {tmp_path}/ran}}]")
    assert not (tmp_path / "ran").exists()


def test_a_condition_of_a_job_that_cannot_be_read_is_told(run):
    with pytest.raises(WorkflowError, match=r"line 3: job 'one': no context 'x'"):
        run("on: push\njobs:\n  one: {runs-on: u, if: x.y, steps: [{run: echo}]}")


def test_a_source_that_is_not_there_is_told(write, tmp_path):
    with pytest.raises(FileNotFoundError, match="source: there is no folder none"):
        run_workflow(write(steps="- run: echo"), source=tmp_path / "none", folder=tmp_path / "run")


def test_nothing_is_written_beside_the_folder(run, repository):
    before = sorted(os.listdir(repository))
    assert run(steps="- uses: actions/checkout@v5\n- run: touch new")
    assert sorted(os.listdir(repository)) == before
