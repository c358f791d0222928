"""Every rule on code and outputs is silent on good cells and fires on the fault it is for."""

import pytest
from nbformat.v4 import new_output

from mlhelpers.course.lessons import lint_code
from mlhelpers.course.lessons.document import RULES
from mlhelpers.course.lessons.lint import check_lesson


def replace(old, new):
    def change(cells, makers):
        hits = [cell for cell in cells if old in cell.source]
        assert hits, old
        hits[0].source = hits[0].source.replace(old, new, 1)

    return change


def code_cell(change):
    """Change the first plain code cell."""

    def apply(cells, makers):
        cell = next(cell for cell in cells if cell.cell_type == "code")
        change(cell, makers)

    return apply


def check_cell(change):
    """Change the check cell."""

    def apply(cells, makers):
        change(next(cell for cell in cells if "check" in cell.metadata.get("tags", [])), makers)

    return apply


def output(text, kind="stdout"):
    return code_cell(lambda cell, makers: cell.update(outputs=[new_output("stream", name=kind, text=text)]))


def set_output(make):
    return code_cell(lambda cell, makers: cell.update(outputs=[make(makers)]))


def tag_ignored(count, *, start=0):
    def change(cells, makers):
        plain_cells = [cell for cell in cells if cell.cell_type == "code"]
        for cell in plain_cells[start : start + count]:
            cell.metadata["tags"] = ["nbval-ignore-output"]

    return change


def uncaption(cells, makers):
    place = next(n for n, cell in enumerate(cells) if cell.source.startswith("The bars show"))
    cells[place].source = "Figure"


FAULTS = [
    ("L020", replace("part = 0", "\n".join(f"x{n} = {n}" for n in range(16)))),
    ("L020", replace("ax = draw()", "\n".join(f"x{n} = {n}" for n in range(26)))),
    ("L021", replace("print(part)", "print(part);  # quiet")),
    ("L023", output("UserWarning: old", "stderr")),
    ("L024", set_output(lambda make: new_output("error", ename="E", evalue="no", traceback=[]))),
    ("L025", output("saved to /tmp/ada/model.bin\n")),
    ("L025", output("saved to C:\\Users\\ada\n")),
    ("L026", set_output(lambda make: new_output("display_data", {"text/plain": "<Axes at 0x7f16a9b3c1d0>"}))),
    ("L027", set_output(lambda make: make.figure(400, 300))),
    ("L028", tag_ignored(2, start=5)),
    ("L029", tag_ignored(1)),
    ("L030", uncaption),
    ("L032", set_output(lambda make: new_output("display_data", {"text/html": '<table id="T_0a1b2">'}))),
    ("L033", output("x" * 121 + "\n")),
    ("L036", replace("# check: what the text says\n", "")),
    ("L036", replace("assert 0.03 < bias < 0.05", "print(bias)")),
    ("L036", check_cell(lambda cell, makers: cell.update(outputs=[new_output("stream", text="4\n")]))),
    ("L036", check_cell(lambda cell, makers: cell.metadata.pop("jupyter"))),
    ("L037", replace("part = 0", "part = 0.5\nassert 0.4 < part < 0.6")),
    ("L037", replace("part = 0", "part = 0.5\nassert np.isclose(part, 0.5)")),
    ("L038", replace("print(part)", "print(part.to_string())")),
]


@pytest.mark.parametrize(
    ("rule", "change"), FAULTS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(FAULTS)]
)
def test_rule_fires_on_its_fault(rule, change, good, cells, check):
    change(good, cells)
    assert rule in check(good)


def test_every_rule_is_tested_and_says_what_it_wants():
    rules = {code: rule for code, (_, rule) in RULES.items() if rule.__module__ == lint_code.__name__}
    assert set(rules) == {code for code, _ in FAULTS} | {"L022", "L031", "L034", "L035"}
    assert all(rule.__doc__ for rule in rules.values())


def test_cells_out_of_order_are_found(good, check, course):
    check(good)
    path = course / "notebooks/02_data/01_missing_data.ipynb"
    path.write_text(path.read_text().replace('"execution_count": 3', '"execution_count": 30'))
    codes = {finding.code for finding in check_lesson(path)}
    assert {"L022", "L031"} == codes


@pytest.mark.parametrize(
    "change",
    [
        tag_ignored(1, start=5),
        replace("print(part)", 'print("a;")  # text\nsql = """SELECT 1;\n"""'),
        replace("print(part)", "%matplotlib inline"),
        replace("print(part)", "if (")
    ],
)  # fmt: skip
def test_allowed_forms_break_no_rule(change, good, cells, check):
    change(good, cells)
    assert check(good) == set()


def test_alt_text_may_stand_in_the_metadata(good, cells, check):
    uncaption(good, cells)
    next(cell for cell in good if cell.source == "ax = draw()").metadata["alt"] = "Bars of gaps by column."
    assert check(good) == set()


def test_wide_text_beside_a_table_is_not_shown_and_allowed(good, cells, check):
    set_output(lambda make: new_output("display_data", {"text/html": "<table>", "text/plain": "x" * 200}))(
        good, cells
    )
    assert check(good) == set()


def test_exception_that_the_lesson_means_is_allowed(good, cells, check):
    set_output(lambda make: new_output("error", ename="E", evalue="no", traceback=[]))(good, cells)
    next(cell for cell in good if cell.cell_type == "code").metadata["tags"] = ["raises-exception"]
    assert check(good) == set()


def test_vector_figures_count_too(good, cells, check):
    set_output(lambda make: new_output("display_data", {"image/svg+xml": "x" * 100_001}))(good, cells)
    assert check(good) == {"L027"}


def test_pipeline_stage_needs_a_sound_parameters_cell_and_stored_outputs(cells, store, make, course):
    def stage(name, *body):
        return check_lesson(store(course / f"pipelines/churn/{name}.ipynb", list(body)))

    title = cells.text("# Train")
    assert stage("04_train", title, cells.code("x: int = 1", tags=["parameters"])) == []
    many = "\n".join(f"x{n}: int = {n}" for n in range(40))
    assert stage("07_a", title, cells.code(many, tags=["parameters"])) == []
    wrong = stage("05_x", title, cells.code("x: int = 'a'", tags=["parameters"]))
    assert [finding.code for finding in wrong] == ["L034"]
    none = stage("06_y", cells.text("Y"), cells.code("plt.plot()"))
    assert [finding.code for finding in none] == ["L034", "L001"]
    unrun = make("pipelines/churn/08_z.ipynb", title, cells.code("x: int = 1", tags=["parameters"]))
    assert "L022" in {finding.code for finding in check_lesson(unrun)}


@pytest.mark.parametrize(
    "source",
    [
        'frame.sort_values("score")',
        'frame.sort_values(by="score", ascending=False).head(3)',
        "series.sort_values()",
        "np.argsort(scores)[::-1]",
        "scores.argsort()",
        'frame.sort_values(["score"])',
        "np.argpartition(scores, 3)",
        "TfidfVectorizer(ngram_range=(1, 2), max_features=100)",
    ],
)
def test_sort_that_leaves_ties_to_the_processor_is_found(good, check, cells, source):
    code_cell(lambda cell, makers: cell.update(source=source))(good, cells)
    assert "L035" in check(good)


@pytest.mark.parametrize(
    "source",
    [
        'frame.sort_values("score", kind="stable")',
        'frame.sort_values(["score", "id"])',
        'np.argsort(scores, kind="stable")',
        '"a b".partition(" ")',
        'frame.nlargest(3, "score")',
        "TfidfVectorizer(min_df=2)",
        "%time frame.sort_values()",
    ],
)
def test_sort_with_a_total_order_is_good(good, check, cells, source):
    code_cell(lambda cell, makers: cell.update(source=source))(good, cells)
    assert "L035" not in check(good)


@pytest.mark.parametrize(
    "test",
    ["by_hand == helper", "np.isclose(slow, fast, atol=1e-9)", "error == 0", "after < before", "not found"],
)
def test_assertions_that_teach_stay_in_sight(good, cells, check, test):
    good[5] = cells.code(f"assert {test}")
    assert check(good) == set()
