"""Files are scored whole or not at all, a rerun replaces, and no row is lost."""

import csv
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlhelpers.packaging import pack_bundle, sign_bundle, signing_key
from mlhelpers.serving.batch import BatchError, main, score_file, score_frames


@pytest.fixture
def table(customers):
    frame = customers.drop(columns="churned").copy()
    frame.insert(0, "customer_id", [f"{at:05d}" for at in range(len(frame))])
    frame["day"] = np.where(np.arange(len(frame)) % 3 == 0, "2027-01-30", "2027-01-31")
    return frame


def written(frame, path):
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path, index=False)
    return path


def read(path):
    return pd.read_csv(path, dtype={"customer_id": str}) if path.suffix == ".csv" else pd.read_parquet(path)


@pytest.mark.parametrize("source", ["in.csv", "in.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.parquet"])
def test_every_row_has_the_probability_of_the_bundle(bundle, table, tmp_path, source, target):
    report = score_file(bundle, written(table, tmp_path / source), tmp_path / target, rows=64)
    scores = read(tmp_path / target)
    assert (report.rows, report.scored, report.quarantined) == (400, 400, 0)
    assert scores.columns.tolist() == ["customer_id", "day", "row", "probability", "model", "bundle"]
    assert scores["customer_id"].tolist() == table["customer_id"].tolist()
    assert scores["row"].tolist() == list(range(400))
    np.testing.assert_allclose(scores["probability"], bundle.predict(table), atol=1e-9)
    assert set(scores["model"].astype(str)) == {"churn 1.0.0"}
    assert set(scores["bundle"].astype(str)) == {bundle.sha256[:12]}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source, target])


def test_number_of_rows_in_memory_changes_nothing(bundle, table, tmp_path):
    source = written(table, tmp_path / "in.parquet")
    answers = []
    for rows in (1, 7, 400, 10_000):
        score_file(bundle, source, tmp_path / "out.parquet", rows=rows)
        answers.append(read(tmp_path / "out.parquet"))
    for other in answers[1:]:
        pd.testing.assert_frame_equal(answers[0], other)


def test_refused_rows_are_put_aside_with_number_reason_and_cells(bundle, table, tmp_path):
    table["charge"] = table["charge"].astype(object)
    table.loc[3, ["contract", "charge"]] = ["weekly", "a lot"]
    table.loc[100, "region"] = None
    source = written(table, tmp_path / "in.csv")
    lines = source.read_text().splitlines()
    lines.insert(51, "short,1")  # the row of number 50
    lines.insert(52, "")
    source.write_text("\n".join(lines) + "\n")
    report = score_file(bundle, source, tmp_path / "out.parquet", rows=16)
    assert (report.rows, report.scored, report.quarantined) == (401, 398, 3)
    aside = tmp_path / "out.parquet.quarantine.csv"
    assert report.quarantine == [str(aside)]
    with aside.open(newline="") as file:
        header, first, other, short = csv.reader(file)
    assert header == ["row", "problem", *table.columns]
    assert first[0] == "3" and first[2] == "00003" and "weekly" in first
    assert "charge: expected a number" in first[1] and "contract: unseen" in first[1]
    assert other[0] == "101" and other[1].startswith("region: must not be null")
    assert short == ["50", "2 cells, the header has 6", "short,1"]
    scores = read(tmp_path / "out.parquet")
    assert scores["row"].tolist() == [n for n in range(401) if n not in (3, 50, 101)]
    kept = table.drop(index=[3, 100])
    assert scores["customer_id"].tolist() == kept["customer_id"].tolist()
    # mended and run again: the quarantine of the run before is gone
    score_file(bundle, written(kept, tmp_path / "in.csv"), tmp_path / "out.parquet")
    assert not aside.exists()


def test_line_of_another_length_far_down_is_numbered_right(bundle, table, tmp_path):
    many = pd.concat([table] * 60, ignore_index=True)  # several blocks
    source = written(many, tmp_path / "in.csv")
    lines = source.read_text().splitlines()
    for place in (20_001, 9_001):
        lines.insert(place, "x")
    source.write_text("\n".join(lines) + "\n")
    score_file(bundle, source, tmp_path / "out.parquet", rows=1000)
    scores = read(tmp_path / "out.parquet")
    assert sorted(set(range(24_002)) - set(scores["row"])) == [9000, 20_001]
    np.testing.assert_allclose(scores["probability"], bundle.predict(many), atol=1e-9)


def test_bytes_that_are_no_text_put_their_row_aside(bundle, table, tmp_path):
    source = written(table.head(4), tmp_path / "in.csv")
    source.write_bytes(source.read_bytes().replace(b"00002", b"\xff\xfe"))
    report = score_file(bundle, source, tmp_path / "out.csv")
    assert (report.scored, report.quarantined) == (3, 1)
    aside = (tmp_path / "out.csv.quarantine.csv").read_text()
    assert "no UTF-8" in aside and "�" in aside
    assert read(tmp_path / "out.csv")["row"].tolist() == [0, 1, 3]


def test_policies_change_cells_as_in_the_service(bundle, table, tmp_path):
    table.loc[0, "charge"] = 1e6
    source = written(table, tmp_path / "in.parquet")
    report = score_file(bundle, source, tmp_path / "out.parquet", policies={"charge": "clip"})
    assert (report.scored, report.changed) == (400, 1)
    assert "1 cells changed by a policy" in str(report)
    with pytest.raises(ValueError, match="policy for 'charg'"):
        score_file(bundle, source, tmp_path / "out.parquet", policies={"charg": "clip"})


def test_partitions_are_replaced_and_others_stay(bundle, table, tmp_path):
    target = tmp_path / "scores"
    score_file(bundle, written(table, tmp_path / "in.parquet"), target, partition="day", rows=50)
    parts = sorted(str(path.relative_to(target)) for path in target.rglob("*.parquet"))
    assert parts == ["day=2027-01-30/scores.parquet", "day=2027-01-31/scores.parquet"]
    assert len(read(target / parts[0])) + len(read(target / parts[1])) == 400
    again = table[table["day"] == "2027-01-31"].head(5)
    score_file(bundle, written(again, tmp_path / "in.parquet"), target, partition="day")
    assert len(read(target / parts[0])) == 134 and len(read(target / parts[1])) == 5
    whole = pd.read_parquet(target)  # as any reader of hive partitions sees it
    assert whole["probability"].notna().all() and len(whole) == 139


def test_odd_values_divide_too(bundle, table, tmp_path):
    table["day"] = pd.Series([dt.date(2027, 1, 1), None] * 200, dtype=object)
    table["place"] = ["a/b", "..", "c d", None] * 100
    source = written(table, tmp_path / "in.parquet")
    score_file(bundle, source, tmp_path / "a", partition="day")
    assert {p.name for p in (tmp_path / "a").iterdir()} == {
        "day=2027-01-01",
        "day=__HIVE_DEFAULT_PARTITION__",
    }
    score_file(bundle, source, tmp_path / "b", partition="place")
    names = {p.name for p in (tmp_path / "b").iterdir()}
    assert names == {"place=a%2Fb", "place=..", "place=c%20d", "place=__HIVE_DEFAULT_PARTITION__"}
    with pytest.raises(BatchError, match="no column 'month' to divide by"):
        score_file(bundle, source, tmp_path / "c", partition="month")
    with pytest.raises(BatchError, match="more than 1000 values"):
        score_file(
            bundle,
            written(pd.concat([table] * 3).assign(n=range(1200)), tmp_path / "n.parquet"),
            tmp_path / "d",
            partition="n",
        )
    assert not list((tmp_path / "d").rglob("*.parquet"))


def test_folder_is_scored_file_by_file_and_resumed(bundle, table, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "may").mkdir(parents=True)
    (source / "_logs").mkdir()
    written(table.head(10), source / "a.parquet")
    written(table.head(20), source / "may" / "b.parquet")
    (source / "_logs" / "x.csv").write_text("no\n")
    (source / ".hidden.csv").write_text("no\n")
    report = score_file(bundle, source, target)
    assert report.rows == 30
    assert [len(read(target / name)) for name in ("a.parquet", "may/b.parquet")] == [10, 20]
    before = (target / "a.parquet").stat().st_mtime_ns
    again = score_file(bundle, source, target, resume=True)
    assert again.rows == 0 and len(again.skipped) == 2 and "2 files were scored before" in str(again)
    assert (target / "a.parquet").stat().st_mtime_ns == before
    os.utime(source / "a.parquet", ns=(1, 1))
    assert len(score_file(bundle, source, target, resume=True).skipped) == 1
    assert len(score_file(bundle, source, target, resume=True, date="2027-01-01").skipped) == 0
    written(table.head(3), source / "c.csv")
    with pytest.raises(BatchError, match="only Parquet says what it was made from"):
        score_file(bundle, source, target, resume=True)


def test_kept_columns_are_chosen_by_name(bundle, table, tmp_path):
    source = written(table, tmp_path / "in.parquet")
    score_file(bundle, source, tmp_path / "out.parquet", keep=["region", "customer_id"], date="2027-02-01")
    names = read(tmp_path / "out.parquet").columns.tolist()
    assert names == ["region", "customer_id", "data_date", "row", "probability", "model", "bundle"]
    with pytest.raises(BatchError, match="no column 'id' to keep"):
        score_file(bundle, source, tmp_path / "out.parquet", keep=["id"])
    clash = written(table.assign(probability=1.0), tmp_path / "clash.parquet")
    with pytest.raises(BatchError, match="'probability' is also one of the score table's"):
        score_file(bundle, clash, tmp_path / "x.parquet")


def refused(*arguments, match, **options):
    with pytest.raises((BatchError, FileNotFoundError, ValueError), match=match):
        score_file(*arguments, **options)


def test_what_cannot_be_scored_is_refused_before_anything_is_written(bundle, table, tmp_path):
    source, out = written(table, tmp_path / "in.parquet"), tmp_path / "out.parquet"
    refused(bundle, tmp_path / "no.csv", out, match="there is no")
    refused(bundle, source, source, match="lie in one another")
    refused(bundle, tmp_path, tmp_path / "deep" / "out", match="lie in one another")
    refused(bundle, source, tmp_path / "out.txt", match=r"must end in \.csv or \.parquet")
    refused(bundle, source, out, rows=0, match="rows must be at least 1")
    refused(bundle, source, out, largest_share=1.5, match="from 0 to 1")
    lacking = written(table.drop(columns=["late", "region"]), tmp_path / "lacking.csv")
    refused(bundle, lacking, out, match="lacks the columns late, region; the model needs it")
    doubled = tmp_path / "doubled.csv"
    doubled.write_text("late,late\n1,2\n")
    refused(bundle, doubled, out, match="'late' twice")
    twice = pa.Table.from_arrays([pa.array([1])] * 2, names=["late", "late"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    refused(bundle, tmp_path / "twice.parquet", out, match="'late' twice")
    for name, content in (("empty.csv", b""), ("torn.parquet", b"PAR1 torn"), ("quote.csv", b'"a\n')):
        (tmp_path / name).write_bytes(content)
        refused(bundle, tmp_path / name, out, match=name)
    (tmp_path / "nothing").mkdir()
    refused(bundle, tmp_path / "nothing", tmp_path / "o", match=r"holds no \.csv or \.parquet")
    refused(bundle, tmp_path / "nothing", tmp_path / "o", partition="day", match="file by file")
    refused(bundle, source, doubled, partition="day", match="is a file; the scores need a folder")
    assert not out.exists() and not list(tmp_path.glob(".scoring-*"))


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet"])
def test_file_that_is_no_score_table_is_not_replaced(bundle, table, tmp_path, name):
    mine = written(table.head(2), tmp_path / name)
    before = mine.read_bytes()
    refused(bundle, written(table, tmp_path / "in.csv"), mine, match="no score table; nothing is replaced")
    assert mine.read_bytes() == before


def test_too_many_refused_rows_give_no_scores_but_a_quarantine(bundle, table, tmp_path):
    table.loc[:50, "late"] = -1
    source, out = written(table, tmp_path / "in.csv"), tmp_path / "out.csv"
    refused(bundle, source, out, largest_share=0.1, match="51 of 400 rows are refused, more than the share")
    assert not out.exists() and (tmp_path / "out.csv.quarantine.csv").exists()
    assert score_file(bundle, source, out, largest_share=0.2).scored == 349


def test_empty_table_gives_no_scores_and_no_error(bundle, table, tmp_path):
    report = score_file(bundle, written(table.head(0), tmp_path / "in.csv"), tmp_path / "out.csv")
    assert report.rows == 0 and report.outputs == []


def test_damage_in_the_middle_of_a_file_leaves_the_old_scores(bundle, table, tmp_path):
    source = written(pd.concat([table] * 30), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    score_file(bundle, written(table, tmp_path / "good.parquet"), out)
    before = out.read_bytes()
    content = bytearray(source.read_bytes())
    content[2000:9000] = b"\0" * 7000
    source.write_bytes(content)
    refused(bundle, source, out, match="in.parquet")
    assert out.read_bytes() == before and not list(tmp_path.glob(".scoring-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_at_any_moment_nothing_is_half_written_and_a_rerun_completes(built, bundle, table, tmp_path):
    source = written(pd.concat([table] * 300, ignore_index=True), tmp_path / "in.csv")
    out = tmp_path / "scores"
    command = [sys.executable, "-m", "mlhelpers.serving.batch", str(built), str(source), str(out)]
    command += ["--partition", "day", "--rows", "2000"]
    for seconds in (0.0, 0.05, 0.15, 0.3, 0.5, 0.8):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            until = time.monotonic() + 30
            while not list(tmp_path.glob(".scoring-*/scores-*")) and process.poll() is None:
                assert time.monotonic() < until
                time.sleep(0.01)
            time.sleep(seconds)
            process.kill()
        for path in out.rglob("*"):
            assert path.is_dir() or len(read(path)) in (40_200, 79_800)  # whole
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "120,000 rows: 120,000 scored by churn 1.0.0" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "scores"]
    whole = pd.read_parquet(out).sort_values("row")
    np.testing.assert_allclose(whole["probability"], np.tile(bundle.predict(table), 300), atol=1e-9)


def test_frames_are_scored_as_spark_hands_them_over(built, bundle, table):
    table.loc[1, "contract"] = "weekly"
    first, second = score_frames(built, [table.head(3), table.tail(2)], keep=["customer_id"])
    assert first.columns.tolist() == ["customer_id", "probability", "problem", "model"]
    assert first["probability"].isna().tolist() == [False, True, False]
    assert first["problem"].tolist()[1].startswith("contract: unseen")
    np.testing.assert_allclose(second["probability"], bundle.predict(table.tail(2)), atol=1e-9)
    with pytest.raises(BatchError, match="the frame lacks the column late"):
        next(score_frames(bundle, [table.drop(columns="late")]))


def test_command_prints_what_it_did_and_refuses_with_one(built, table, tmp_path, capsys):
    source, out = written(table, tmp_path / "in.csv"), tmp_path / "out.csv"
    assert main([str(built), str(source), str(out), "--keep", "customer_id"]) == 0
    assert capsys.readouterr().out.startswith("mle score: 400 rows: 400 scored by churn 1.0.0; ")
    policies = tmp_path / "policies.json"
    policies.write_text('{"charge": "clip"}')
    assert main([str(built), str(source), str(out), "--json", "--policies", str(policies)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scored"] == 400 and told["outputs"] == [str(out)]
    assert main([str(built), str(tmp_path / "no.csv"), str(out)]) == 1
    assert capsys.readouterr().err.startswith("mle score: there is no ")


def test_command_asks_for_the_signature_of_a_trusted_key(built, table, tmp_path, capsys):
    folder = shutil.copytree(built, tmp_path / "bundle")
    key = signing_key(tmp_path / "key.pem", create=True)
    words = [str(written(table, tmp_path / "in.csv")), str(tmp_path / "out.csv")]
    words += ["--trusted-key", str(tmp_path / "key.pub")]
    assert main([str(folder), *words]) == 1
    assert "the bundle is not signed" in capsys.readouterr().err
    sign_bundle(folder, key)
    assert main([str(pack_bundle(folder, tmp_path / "bundle.zip")), *words]) == 0
