"""Normal form of a stored lesson: the same source and results give the same bytes on every machine.

Used by `mle lesson save`, and by `mle lesson check` to see whether a file is in it.
"""

from __future__ import annotations

import copy
import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE_INFO = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
CELL_METADATA = ("alt", "nbgrader", "tags")
IMAGE_METADATA = ("height", "width")
ADDRESS = re.compile(r"\bat 0x[0-9A-Fa-f]{6,}")
STYLER_ID = re.compile(r"\bT_([0-9a-f]{5})(?=[\"_ ])")


def normalize(notebook: NotebookNode) -> NotebookNode:
    """Copy of `notebook` in normal form.

    Cell ids derive from the cell's source, execution counts go 1..n over the executed cells, metadata keeps
    only what authors write (tags, alt, nbgrader, reasons for a broken rule), neighboring pieces of one stream
    are merged, and the random ids of pandas tables and memory addresses are replaced.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Version 4.

    Returns
    -------
    nbformat.NotebookNode
    """
    import nbformat

    result = nbformat.v4.new_notebook()
    result.metadata.update(copy.deepcopy({"kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO}))
    if "formats" in notebook.metadata.get("jupytext", {}):
        result.metadata["jupytext"] = {"formats": notebook.metadata.jupytext.formats}
    if notebook.metadata.get("mle"):
        result.metadata["mle"] = copy.deepcopy(notebook.metadata.mle)
    seen: dict[str, int] = {}
    count = 0
    for cell in notebook.cells:
        new = nbformat.from_dict({"cell_type": cell.cell_type, "metadata": _cell_metadata(cell)})
        new["source"] = cell.source.strip("\n")
        new["id"] = _cell_id(new, seen)
        if cell.get("attachments"):
            new["attachments"] = cell.attachments
        if cell.cell_type == "code":
            new["execution_count"] = None
            if cell.get("execution_count") is not None and new.source.strip():
                count += 1
                new["execution_count"] = count
            new["outputs"] = _outputs(cell.get("outputs", []), new)
        result.cells.append(new)
    return result


def dumps(notebook: NotebookNode) -> str:
    """Text of `notebook` in normal form, as it is stored.

    Parameters
    ----------
    notebook : nbformat.NotebookNode

    Returns
    -------
    str

    Raises
    ------
    nbformat.ValidationError
        If the result were not a valid notebook.
    """
    import nbformat

    normal = normalize(notebook)
    nbformat.validate(normal)
    return nbformat.writes(normal).rstrip("\n") + "\n"


def _cell_metadata(cell: NotebookNode) -> dict:
    kept = {key: copy.deepcopy(cell.metadata[key]) for key in CELL_METADATA if cell.metadata.get(key)}
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    return kept


def _cell_id(cell: NotebookNode, seen: dict[str, int]) -> str:
    """Eight hexadecimal digits from the source; the second cell with the same source gets others."""
    text = f"{cell.cell_type}\n{cell.source}"
    seen[text] = seen.get(text, 0) + 1
    return hashlib.sha256(f"{text}\n{seen[text]}".encode()).hexdigest()[:8]


def _outputs(outputs: list[NotebookNode], cell: NotebookNode) -> list[NotebookNode]:
    result: list[NotebookNode] = []
    for output in copy.deepcopy(outputs):
        output.pop("transient", None)
        if output.output_type == "stream" and result and result[-1].get("name") == output.name:
            result[-1]["text"] += output.text
            continue
        if output.output_type == "execute_result":
            output["execution_count"] = cell.execution_count
        if output.output_type == "error":  # the frames hold folders of this machine
            output["traceback"] = [f"{output.ename}: {output.evalue}"]
        if "data" in output:
            output["metadata"] = {
                mime: {key: value for key, value in options.items() if key in IMAGE_METADATA}
                for mime, options in output.get("metadata", {}).items()
                if isinstance(options, dict) and any(key in IMAGE_METADATA for key in options)
            }
            if "text/plain" in output.data:  # the linter still finds it: nbval would see another address
                output.data["text/plain"] = ADDRESS.sub("at 0x" + 12 * "0", output.data["text/plain"])
            if "text/html" in output.data:
                output.data["text/html"] = _stable_html(output.data["text/html"], cell["id"])
        result.append(output)
    return result


def _stable_html(html: str, seed: str) -> str:
    """Replace the random five digits that a pandas Styler puts into its ids."""
    ids = list(dict.fromkeys(STYLER_ID.findall(html)))
    for number, old in enumerate(ids):
        new = hashlib.sha256(f"{seed}{number}".encode()).hexdigest()[:5]
        html = re.sub(rf"\bT_{old}(?=[\"_ ])", f"T_{new}", html)
    return html
