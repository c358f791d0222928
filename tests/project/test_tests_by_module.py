"""A module's tests are found by its name: tests/ mirrors mlhelpers/."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE, TESTS = ROOT / "mlhelpers", ROOT / "tests"
# Folders of tests that are no stage: what holds for notebooks, pipelines, exercises and the repository.
OTHER = {"notebooks", "pipelines", "exercises", "project"}
# Modules whose tests are elsewhere, with the reason.
ELSEWHERE = {
    **{
        f"course/exercises/{name}": "attacked in test_exercises_exploits.py, where all of it works together"
        for name in ("confine", "sandbox", "kernel_state", "tripwires", "stand_in", "submission")
    },
    "course/exercises/nbgrader": "called by every test that releases or grades",
}
# Test files that name no module, with the reason.
NO_MODULE = {
    "delivery/test_github": "deploy/github: the workflow and the project that it is for",
    "serving/test_reliability": "the checks of benchmarks/reliability.py on all of serving",
}


def is_excused(name, reasons):
    return any(name == known or name.startswith((f"{known}/", f"{known}_")) for known in reasons)


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        if not path.stem.startswith("__"):
            yield path.relative_to(PACKAGE).with_suffix("")


def files_of(module):
    """Test files that a module has by its name."""
    folder = TESTS / module.parent
    return [*folder.glob(f"test_{module.name}.py"), *folder.glob(f"test_{module.name}_*.py")]


@pytest.mark.parametrize("module", [str(module) for module in modules()])
def test_every_module_has_tests_of_its_name(module):
    if not is_excused(module, ELSEWHERE):
        found = files_of(Path(module))
        assert found, f"write tests/{Path(module).parent}/test_{Path(module).name}.py"


def test_every_test_file_names_a_module_or_its_topic():
    strangers = []
    for path in sorted(TESTS.rglob("test_*.py")):
        place = path.relative_to(TESTS)
        if place.parts[0] in OTHER or is_excused(str(place.with_suffix("")), NO_MODULE):
            continue
        folder = PACKAGE / place.parent
        known = [module.stem for module in folder.glob("*.py")] + [folder.name]
        name = path.stem.removeprefix("test_")
        if not any(name == module or name.startswith(f"{module}_") for module in known):
            strangers.append(str(place))
    assert strangers == [], "no module of this name in the mirrored folder; rename or move the tests"


def test_no_exception_is_out_of_date():
    for name in ELSEWHERE:
        assert (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file(), name
    for name in NO_MODULE:
        assert list(TESTS.glob(f"{name}*.py")), name
