"""Every rule on prose and links is silent on a good lesson and fires on the fault it is for."""

import pytest

from mlhelpers.course.lessons import lint_prose
from mlhelpers.course.lessons.document import RULES


def replace(old, new):
    def change(cells, makers):
        hits = [cell for cell in cells if old in cell.source]
        assert hits, old
        hits[0].source = hits[0].source.replace(old, new, 1)

    return change


FAULTS = [
    ("L040", replace("Both agree.", "Let's delve into both.")),
    ("L041", replace("Both agree.", "Both agree!")),
    ("L042", replace("We look at part 0:", "We find 71.5 at once:")),
    ("L042", replace("- The bias is 4.2%.", "- The bias is 4.9%.")),
    ("L043", replace("Both agree.", "[Both](/tmp/ada/a.md) agree.")),
    ("L043", replace("Both agree.", "[Both](http://localhost:8888/a) agree.")),
    ("L044", replace("Both agree.", "[Both](../nowhere.md) agree.")),
    ("L045", replace("Both agree.", "![](../../docs/images/binder.svg) Both agree.")),
    ("L046", replace("Both agree.", r"Both cost \\$5.")),
    ("L047", replace("Both agree.", "![a](https://x.org/a.png) Both agree.")),
    ("L047", replace("Both agree.", '<img alt="a" src="https://x.org/a.png"> Both agree.')),
    ("L045", replace("Both agree.", '<img src="../../docs/images/binder.svg"> Both agree.')),
]


@pytest.mark.parametrize(
    ("rule", "change"), FAULTS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(FAULTS)]
)
def test_rule_fires_on_its_fault(rule, change, good, cells, check):
    change(good, cells)
    assert rule in check(good)


def test_every_rule_is_tested_and_says_what_it_wants():
    rules = {code: rule for code, (_, rule) in RULES.items() if rule.__module__ == lint_prose.__name__}
    assert set(rules) == {code for code, _ in FAULTS}
    assert all(rule.__doc__ for rule in rules.values())


@pytest.mark.parametrize(
    "change",
    [
        replace("Both agree.", "Both agree, see `a != b!` and $p < 0.05$ and ```x = 0.73```."),
        replace("Both agree.", "The 95% interval holds in lesson 2.1 and with Python 3.11 too."),
        replace("Both agree.", "Both agree, [here](#summary), [there](../syllabus.yml) and [out](https://x.org)."),
    ],
)  # fmt: skip
def test_allowed_forms_break_no_rule(change, good, cells, check):
    change(good, cells)
    assert check(good) == set()


def test_numbers_that_are_given_need_no_assertion(good, cells, check):
    good[4] = cells.text("A contact costs 7.5 dollars.", tags=["given-numbers"])
    assert check(good) == set()
