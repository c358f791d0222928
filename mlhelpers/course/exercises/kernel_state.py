"""What grading rests on in a kernel, by name.

`tripwires` executes this text in the kernel, so it imports nothing of ours.

A value is told by its code, not by its address, so that two kernels agree.
"""

import builtins
import functools
import hashlib
import json
import sys
import threading
import types

HOOKS = (
    "show",
    "_show",
    "run",
    "_run",
    "transform",
    "set_custom",
    "should",
    "compile",
    "get_exc",
    "excepthook",
)
OWN = ("IPython", "ipykernel", "matplotlib")
PACKAGES = ("numpy", "pandas", "sklearn", "scipy", "mlhelpers", "math", "json", "builtins", *OWN[:2])
SITE = ("display", "get_ipython", "exit", "quit", "copyright", "credits", "license", "help", "_")
FUNCTIONS = {
    "numpy": "isclose allclose array_equal all any abs isnan asarray array shape sum mean sort unique",
    "numpy.testing": "assert_allclose assert_array_equal assert_equal assert_almost_equal",
    "pandas.testing": "assert_frame_equal assert_series_equal assert_index_equal",
    "math": "isclose isnan isfinite",
    "inspect": "getsource signature",
    "json": "dumps loads",
    "hashlib": "sha256",
}
METHODS = "equals __eq__ __ne__ __init__ all any isna"


def told(value, depth=0):
    """A function by its code, anything else by its type and name."""
    value = getattr(value, "__func__", value)
    inner = getattr(value, "__wrapped__", None)
    if isinstance(inner, types.FunctionType) and depth < 4:
        return told(inner, depth + 1) + "/" + type(value).__name__
    code = getattr(value, "__code__", None)
    if isinstance(code, types.CodeType):
        parts = (code.co_code, code.co_names, code.co_varnames, code.co_filename, code.co_firstlineno)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    if isinstance(value, functools.partial):
        return "partial"
    return type(value).__name__ + ":" + str(getattr(value, "__qualname__", ""))


def look(shell):
    """JSON of what is in force in the kernel of `shell`."""
    seen = {}
    for name, value in vars(shell).items():
        if callable(value) and not isinstance(value, type) and name.startswith(HOOKS):
            seen["IPython's " + name] = told(value)
    for kind in type(shell).__mro__:
        if "InteractiveShell" in kind.__name__:
            for name, value in vars(kind).items():
                if isinstance(value, types.FunctionType) and name.startswith(HOOKS):
                    seen["IPython's " + kind.__name__ + "." + name] = told(value)
    custom = shell.custom_exceptions
    seen["IPython's exception handler"] = str(custom) + (told(shell.CustomTB) if custom else "")
    seen["IPython's ast_transformers"] = str([type(x).__name__ for x in shell.ast_transformers])
    manager = shell.input_transformer_manager
    for part in ("cleanup_transforms", "line_transforms", "token_transformers"):
        names = [getattr(x, "__name__", type(x).__name__) for x in getattr(manager, part)]
        seen["IPython's " + part] = str(names)
    seen["IPython's input_transformers_post"] = str(len(shell.input_transformers_post))
    seen["IPython's transform_cell"] = told(manager.transform_cell)
    for event, hooks in shell.events.callbacks.items():
        strange = [h for h in hooks if not str(getattr(h, "__module__", "")).startswith(OWN)]
        seen["IPython's " + event + " hooks"] = str(len(strange))
    seen["IPython's compiler"] = type(shell.compile).__module__ + str(shell.compile.flags & 0x0FFF)
    for name in ("__call__", "ast_parse", "cache"):
        seen["IPython's compiler." + name] = told(getattr(shell.compile, name, None))
    seen["IPython's traceback writer"] = type(shell.InteractiveTB).__module__
    for name, value in vars(builtins).items():
        if callable(value) and name not in SITE:
            seen["builtins." + name] = told(value)
    seen["sys.meta_path"] = str([type(f).__name__ for f in sys.meta_path if type(f).__module__ == "__main__"])
    seen["sys.settrace"] = str(type(sys.gettrace()))  # a debugger or a coverage tool may be there already
    seen["sys.setprofile"] = str(sys.getprofile() is None)
    seen["threading.settrace"] = str(type(getattr(threading, "_trace_hook", None)))
    for module, names in FUNCTIONS.items():
        if module in sys.modules:
            for name in names.split():
                seen[module + "." + name] = told(getattr(sys.modules[module], name, None))
    for kind in ("DataFrame", "Series", "Index") if "pandas" in sys.modules else ():
        owner = getattr(sys.modules["pandas"], kind, None)
        for name in METHODS.split():
            seen["pandas." + kind + "." + name] = told(getattr(owner, name, None))
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in PACKAGES:
            if not isinstance(module, types.ModuleType) or type(module).__module__ == "__main__":
                seen["sys.modules[" + repr(name) + "]"] = "no module"
            elif getattr(module, "__file__", None):
                seen["sys.modules[" + repr(name) + "]"] = str(module.__file__)
    return json.dumps(seen)
