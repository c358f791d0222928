"""Promises of the readers on inputs that pandas alone reads wrongly without a word."""

import sqlite3
from contextlib import closing

import pandas as pd
import pytest

from mlhelpers.data.sources import SourceError, read_csv, read_events, read_sql

LONG = [9007199254740993, 9007199254740992]


@pytest.fixture
def write(tmp_path):
    def save(text, name="rows.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return save


@pytest.mark.parametrize("value", ["18446744073709551615", "-9223372036854775809", "1e300", "9" * 40])
def test_integers_beyond_64_bits_are_refused_with_column_and_row(write, value):
    for gap in ("", "\n,"):
        with pytest.raises(SourceError, match=r"rows.csv: column 'n', row 3: .*beyond 64-bit integers"):
            read_csv(write(f"n,a\n1,1\n{value},2{gap}\n"), columns={"n": "integer"})


def test_the_largest_64_bit_integers_are_read_exactly(write):
    path = write("n\n9223372036854775807\n-9223372036854775808\n")
    frame, _ = read_csv(path, columns={"n": "integer"})
    assert frame["n"].tolist() == [2**63 - 1, -(2**63)]
    assert frame["n"].dtype == "int64"


def test_long_identifiers_with_a_gap_stay_distinct_in_every_source(write, tmp_path):
    columns = {"id": "integer", "a": "integer"}
    path = tmp_path / "crm.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table t (id integer, a integer)")
        connection.executemany("insert into t values (?, ?)", [(LONG[0], 1), (LONG[1], 2), (None, 3)])
    lines = "".join('{"id": ' + str(value) + ', "a": 1}\n' for value in (*LONG, "null"))
    for frame, _ in (
        read_csv(write(f"id,a\n{LONG[0]},1\n{LONG[1]},2\n,3\n"), columns=columns),
        read_sql(path, "select * from t", columns=columns),
        read_events(write(lines, "log.jsonl"), columns=columns),
    ):
        assert frame["id"].dropna().tolist() == LONG


def test_a_long_identifier_beside_a_decimal_point_stays_exact(write):
    frame, _ = read_csv(write(f"id\n{LONG[0]}\n7.0\n"), columns={"id": "integer"})
    assert frame["id"].tolist() == [LONG[0], 7]


def test_a_trailing_delimiter_is_refused_with_its_line(write):
    with pytest.raises(SourceError, match=r"line 2 has 3 fields, the header has 2.*end of the line"):
        read_csv(write("name,plan\nx,basic,\n"), columns={"name": "text", "plan": "text"})


def test_short_row_is_named_with_its_line(write):
    with pytest.raises(SourceError, match=r"rows.csv: line 4 has 1 fields, the header has 2"):
        read_csv(write('id,note\n7,"two\nlines"\n8\n'), columns={"id": "integer"})


def test_blank_lines_at_the_end_and_long_cells_are_read(write):
    frame, _ = read_csv(write(f"id,note\r\n1,{'x' * 200_000}\r\n\r\n"), columns={"id": "integer"})
    assert frame["id"].tolist() == [1]


def test_doubled_names_are_refused_in_every_source(write, tmp_path):
    with pytest.raises(SourceError, match=r"rows.csv: column 'n' stands there twice"):
        read_csv(write("id,n,n\n1,2,3\n"), columns={"id": "integer"})
    with pytest.raises(SourceError, match=r"line 1: field 'n' stands there twice"):
        read_events(write('{"n": 1, "n": 2}\n'), columns={"n": "integer"})
    path = tmp_path / "crm.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table t (n integer)")
        connection.execute("insert into t values (1)")
    with pytest.raises(SourceError, match=r"column 'n' stands there twice"):
        read_sql(path, "select n, n from t", columns={"n": "integer"})


@pytest.mark.parametrize("word", ["today", "now", "Today", " now "])
def test_words_for_the_moment_of_the_run_are_no_dates(write, word):
    with pytest.raises(SourceError, match=r"column 'day': 1 of 2 values are no date .* in row 3"):
        read_csv(write(f"day\n2024-01-01\n{word}\n"), columns={"day": "date"})


def test_a_number_in_an_event_is_no_date(write):
    with pytest.raises(SourceError, match=r"column 'day': 1 of 1 values are no date"):
        read_events(write('{"day": 1700000000}\n'), columns={"day": "date"})


def test_a_far_date_is_read(write):
    frame, _ = read_csv(write("id,until\n1,2024-01-01T10:30\n2,9999-12-31\n3,\n"), columns={"until": "date"})
    assert frame["until"].tolist()[:2] == [pd.Timestamp("2024-01-01 10:30"), pd.Timestamp("9999-12-31")]
    assert frame["until"].isna().tolist() == [False, False, True]


def test_dates_with_several_offsets_are_the_same_instants_in_utc(write):
    path = write("at\n2024-10-27T02:30:00+02:00\n2024-10-27T02:30:00+01:00\n")
    frame, _ = read_csv(path, columns={"at": "date"})
    assert frame["at"].diff().iloc[1] == pd.Timedelta(1, "h")
    assert str(frame["at"].dtype) == "datetime64[ns, UTC]"


def test_dates_with_and_without_zone_are_refused_with_the_row(write):
    with pytest.raises(SourceError, match=r"column 'at', row 3: some dates have a zone"):
        read_csv(write("at\n2024-01-01\n2024-01-01T10:00:00Z\n"), columns={"at": "date"})


def test_spellings_of_a_gap_are_gaps_where_they_are_declared(write):
    path = write("n,day\n?,2024-01-01\n2, ?\n")
    columns = {"n": "integer", "day": "date"}
    frame, _ = read_csv(path, columns=columns, missing=("?",))
    assert frame.isna().to_numpy().tolist() == [[True, False], [False, True]]
    with pytest.raises(SourceError, match=r"values are no integer \(first: '\?' in row 2"):
        read_csv(path, columns=columns)
    with pytest.raises(TypeError, match="missing: give a list"):
        read_csv(path, columns=columns, missing="?")


def test_true_and_false_are_no_numbers(write):
    with pytest.raises(SourceError, match=r"column 'n': 1 of 1 values are no integer"):
        read_events(write('{"n": true}\n'), columns={"n": "integer"})


def test_line_separators_of_unicode_stay_inside_their_event(write):
    text = '{"id": 1, "note": "one\u2028two"}\r\n{"id": 2, "note": "three\x85four"}\n'
    frame, _ = read_events(write(text), columns={"id": "integer", "note": "text"})
    assert frame["note"].tolist() == ["one\u2028two", "three\x85four"]
