import pytest

from mlhelpers.packaging import build_bundle, load_bundle


@pytest.fixture(scope="module")
def bundle(built):
    return load_bundle(built)


@pytest.fixture(scope="module")
def other(parts, customers, tmp_path_factory):
    from mlhelpers.training import fit, make_boosting

    model = fit(
        make_boosting(["charge", "late"], ["contract", "region"], max_iter=3), customers, customers["churned"]
    )
    folder = tmp_path_factory.mktemp("other") / "bundle"
    return load_bundle(build_bundle(folder, **parts | {"model": model, "version": "2.0.0"}))
