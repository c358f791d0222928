"""Packaging: model files and verified bundles.

Names load when they are first used (lessons 6.1 to 6.3).
"""

from mlhelpers.lazy import lazy_names

_HOME = {
    "TRUSTED_TYPES": "formats",
    "UntrustedModelError": "formats",
    "load_model": "formats",
    "compare_formats": "formats",
    "save_model": "formats",
    "Problem": "rows",
    "infer_signature": "signature",
    "RowReader": "rows",
    "validate_rows": "rows",
    "Bundle": "bundle",
    "Parity": "parity",
    "compare": "parity",
    "InstallError": "install",
    "imported_distributions": "requirements",
    "pinned_closure": "requirements",
    "install_bundle": "install",
    "link_distributions": "install",
    "BundleError": "archive",
    "build_bundle": "build",
    "sign_bundle": "build",
    "probe_rows": "probes",
    "pack_bundle": "bundle",
    "signing_key": "signing",
    "public_key": "signing",
    "NotConvertible": "onnx_export",
    "to_onnx": "onnx_export",
    "onnx_session": "onnx_export",
    "loads_model": "formats",
    "load_bundle": "bundle",
    "alias_manifest": "registry",
    "alias_source": "registry",
    "load_registered": "registry",
    "manifest_hash": "manifest",
    "write_mlflow_model": "mlflow_model",
    "register_bundle": "registry",
    "resolve_alias": "registry",
    "set_alias": "registry",
    "promote": "registry",
    "rollback": "registry",
    "history": "registry",
    "next_version": "versions",
    "explain_version": "versions",
}
__all__ = sorted(_HOME)
__getattr__, __dir__ = lazy_names(__name__, _HOME)
