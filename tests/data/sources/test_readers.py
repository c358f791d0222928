"""Promises of the readers on inputs that pandas alone reads wrongly without a word."""

import json
import sqlite3
from contextlib import closing

import pandas as pd
import pytest

from mlhelpers.data.sources import SourceError, read_csv, read_events, read_sql

USAGE = {"customer_id": "text", "month": "date", "data_gb": "number", "calls": "integer"}
LINES = ["customer_id,month,data_gb,calls", "C1,2025-01-01,1.5,3", "C2,2025-01-01,,4", "C1,2025-02-01,2,5"]


@pytest.fixture
def usage(tmp_path):
    path = tmp_path / "usage.csv"

    def write(*lines, encoding="utf-8"):
        path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
        return path

    return write


def test_csv_is_read_as_declared(usage):
    frame, provenance = read_csv(usage(*LINES), columns=USAGE, key=["customer_id", "month"])
    assert [str(dtype) for dtype in frame.dtypes] == ["object", "datetime64[ns]", "float64", "int64"]
    assert frame["data_gb"].isna().sum() == 1
    assert provenance.to_dict()["rows"] == 3
    assert provenance.source == "usage.csv"


def test_a_field_reading_NA_is_text(usage):
    path = usage("customer_id,month,data_gb,calls", "NA,2025-01-01,1,2")
    assert read_csv(path, columns=USAGE)[0]["customer_id"].tolist() == ["NA"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["customer_id,month,calls", "C1,2025-01-01,3"], "usage.csv: column 'data_gb' is missing"),
        (
            [LINES[0], "C1,2025-01-01,12x,3"],
            r"column 'data_gb': 1 of 1 values are no number .*'12x' in row 2",
        ),
        ([LINES[0], "C1,yesterday,1,3"], r"column 'month': 1 of 1 values are no date"),
        ([LINES[0], "C1,2025-01-01,1,3.5"], r"column 'calls': 1 of 1 values are no integer"),
        ([LINES[0]], "a header but no rows"),
        ([*LINES, LINES[1]], r"column 'customer_id', 'month': 2 rows share their key \(first: C1"),
        ([*LINES, "a,b,c,d,e,f"], "not a table"),
    ],
)
def test_each_fault_of_a_csv_names_file_column_and_reason(usage, lines, message):
    with pytest.raises(SourceError, match=message):
        read_csv(usage(*lines), columns=USAGE, key=["customer_id", "month"])


def test_other_encodings_are_refused_with_the_line(usage):
    with pytest.raises(SourceError, match=r"usage.csv: line 3: not UTF-8 \(byte 0xfc\)"):
        read_csv(usage(*LINES[:2], "Zürich,2025-01-01,1,2", encoding="latin-1"), columns=USAGE)


def test_empty_and_absent_files_are_told_apart(tmp_path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(SourceError, match=r"empty.csv: the file is empty"):
        read_csv(tmp_path / "empty.csv", columns=USAGE)
    with pytest.raises(FileNotFoundError, match=r"absent.csv: no such file"):
        read_csv(tmp_path / "absent.csv", columns=USAGE)


def test_integers_with_gaps_become_floats(usage):
    frame, _ = read_csv(usage(LINES[0], "C1,2025-01-01,1,", "C2,2025-01-01,1,7"), columns=USAGE)
    assert frame["calls"].dtype == "float64"


def test_an_undeclared_kind_is_an_error(usage):
    with pytest.raises(ValueError, match=r"columns\['calls'\]: kind 'int'"):
        read_csv(usage(*LINES), columns={"calls": "int"})


@pytest.fixture
def crm(tmp_path):
    path = tmp_path / "crm.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table customers (customer_id text, birth_year)")
        connection.executemany("insert into customers values (?, ?)", [("C1", 1980), ("C2", 1990)])
    return path


def test_sql_result_is_read_with_its_query_as_provenance(crm):
    query = "select * from customers where birth_year > 1985"
    frame, provenance = read_sql(crm, query, columns={"customer_id": "text", "birth_year": "integer"})
    assert frame.to_dict("records") == [{"customer_id": "C2", "birth_year": 1990}]
    assert provenance.query == query
    again = read_sql(crm, query, columns={"customer_id": "text", "birth_year": "integer"})[1]
    assert again == provenance


def test_sql_faults_name_file_and_query(crm, tmp_path):
    with pytest.raises(SourceError, match=r"crm.sqlite: the query failed \(.*no such table: bills"):
        read_sql(crm, "select * from bills", columns={"a": "text"})
    (tmp_path / "text.sqlite").write_text("this is no database, only a longer text file " * 20)
    with pytest.raises(SourceError, match=r"text.sqlite: the query failed .*not a database"):
        read_sql(tmp_path / "text.sqlite", "select * from customers", columns={"a": "text"})


def test_sql_parameters_are_values_and_stand_in_the_record(crm):
    query, columns = "select customer_id from customers where customer_id = :who", {"customer_id": "text"}
    found, provenance = read_sql(crm, query, columns=columns, params={"who": "C1"})
    assert found["customer_id"].tolist() == ["C1"]
    assert provenance.query == f"{query} -- {{'who': 'C1'}}"
    with pytest.raises(SourceError, match="no rows"):
        read_sql(crm, query, columns=columns, params={"who": "C1' or '1'='1"})


def test_no_rows_are_an_error_unless_they_may_be_an_answer(crm):
    query = "select customer_id, birth_year, birth_year as share, customer_id as day from customers where 0"
    columns = {"customer_id": "text", "birth_year": "integer", "share": "number", "day": "date"}
    with pytest.raises(SourceError, match=r"crm.sqlite: the query returned no rows; give may_be_empty=True"):
        read_sql(crm, query, columns=columns)
    frame, provenance = read_sql(crm, query, columns=columns, key="customer_id", may_be_empty=True)
    assert frame.dtypes.astype(str).tolist() == ["object", "int64", "float64", "datetime64[ns]"]
    assert (len(frame), provenance.rows, provenance.columns) == (0, 0, 4)


def test_an_empty_answer_still_needs_its_columns(crm):
    with pytest.raises(SourceError, match="column 'amount' is missing"):
        read_sql(crm, "select * from customers where 0", columns={"amount": "number"}, may_be_empty=True)


def test_the_hash_of_a_query_tells_rows_columns_and_order_apart(crm):
    query, columns = "select * from customers order by customer_id", {"customer_id": "text"}
    hashes = {
        read_sql(crm, text, columns=kinds)[1].sha256
        for text in (query, f"{query} desc", f"{query} limit 1")
        for kinds in (columns, columns | {"birth_year": "integer"})
    }
    assert len(hashes) == 6


def test_a_missing_sql_parameter_is_named(crm):
    with pytest.raises(SourceError, match="who"):
        read_sql(crm, "select :who as a", columns={"a": "text"}, params={"whom": 1})


def test_sql_cannot_write(crm):
    with pytest.raises(SourceError, match=r"readonly|read-only|query failed"):
        read_sql(crm, "insert into customers values ('C3', 1)", columns={"customer_id": "text"})


def test_numbers_where_text_is_declared_are_refused(crm):
    with pytest.raises(SourceError, match=r"column 'birth_year': 2 of 2 values are no text"):
        read_sql(crm, "select * from customers", columns={"birth_year": "text"})


EVENT = {"event_id": "text", "ts": "date", "type": "text"}


def write_events(path, events, end="\n"):
    path.write_text("\n".join(e if isinstance(e, str) else json.dumps(e) for e in events) + end)
    return path


def test_unfinished_last_line_waits_for_the_next_read(tmp_path):
    one = {"event_id": "1", "ts": "2025-01-01T10:00:00", "type": "ticket_opened", "extra": {"a": 1}}
    path = write_events(tmp_path / "events.jsonl", [one, '{"event_id": "2", "ts'], end="")
    frame, provenance = read_events(path, columns=EVENT, key="event_id")
    assert frame["event_id"].tolist() == ["1"]
    assert provenance.kind == "events"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"event_id": "1"', "{}"], "line 1: not JSON"),
        (["[1]", "{}"], "line 1: a JSON object is wanted"),
        ([{"event_id": "1", "ts": "2025-01-01"}], "column 'type' is missing"),
        ([{"event_id": "1", "ts": "2025-01-01", "type": "a"}] * 2, "column 'event_id': 2 rows share"),
        ([""], "no complete event"),
    ],
)
def test_each_fault_of_an_event_log_is_named(tmp_path, lines, message):
    path = write_events(tmp_path / "events.jsonl", lines, end="" if lines == [""] else "\n")
    if lines == [""]:
        path.write_text("{")
    with pytest.raises(SourceError, match=message):
        read_events(path, columns=EVENT, key="event_id")


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
