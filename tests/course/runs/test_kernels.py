import nbformat
import pytest

from mlhelpers.course.runs.failures import NotebookError
from mlhelpers.course.runs.run import run_notebook


def printed(path):
    outputs = [o for cell in nbformat.read(path, 4).cells for o in cell.get("outputs", [])]
    return "".join(o.text for o in outputs if o.output_type == "stream")


def test_dead_kernel_is_named_and_the_executed_part_is_kept(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = make(
        "dies.ipynb", "print('alive', flush=True)", "import os\nos.kill(os.getpid(), 9)", "print('never')"
    )
    with pytest.raises(NotebookError, match=r"cell 2 .*the kernel died") as caught:
        run_notebook(path)
    assert caught.value.first_line == "import os"
    assert printed("dies.out.ipynb") == "alive\n"


def test_notebook_for_another_language_is_refused(make, tmp_path):
    path = make("r.ipynb", "cat(1)")
    notebook = nbformat.read(path, 4)
    notebook.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    nbformat.write(notebook, path)
    with pytest.raises(ValueError, match="a notebook for R"):
        run_notebook(path, tmp_path / "out.ipynb")
    assert not (tmp_path / "out.ipynb").exists()


def test_kernel_that_takes_too_much_memory_is_ended_and_named(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = make("large.ipynb", "x = b'1' * 700_000_000\nimport time\ntime.sleep(60)")
    with pytest.raises(NotebookError, match="held more than 500 MB"):
        run_notebook(path, megabytes=500)
