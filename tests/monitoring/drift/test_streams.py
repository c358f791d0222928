import numpy as np
import pytest

from mlhelpers.monitoring.drift import StreamDetector, detect_changes


def stream(seed, n=2000, jump=0.0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, n), rng.normal(jump, 1, n)])


STERN = {"method": "page_hinkley", "delta": 0.5, "threshold": 20}


@pytest.mark.parametrize("options", [{"method": "adwin"}, STERN])
def test_jump_is_noticed_after_it_happened_and_soon(options):
    found = detect_changes(stream(0, jump=2.0), **options)
    assert 2000 <= found.positions[0] < 2200
    table = found.table
    assert table["n"].sum() == found.n == 4000
    assert table["mean"].iloc[0] == pytest.approx(0, abs=0.2)
    assert table["mean"].iloc[-1] == pytest.approx(2, abs=0.2)
    assert "changes in 4,000 values" in found._repr_html_()


def test_quiet_streams_raise_few_alarms():
    alarms = [len(detect_changes(stream(seed)).positions) for seed in range(10)]
    assert sum(alarms) <= 3


def test_error_rate_that_doubles_is_noticed():
    rng = np.random.default_rng(2)
    wrong = np.concatenate([rng.random(3000) < 0.1, rng.random(3000) < 0.25])
    assert 3000 <= detect_changes(wrong).positions[0] < 4000


def test_detector_keeps_its_state_between_values():
    values, detector = stream(0, jump=2.0), StreamDetector(**STERN)
    noticed = [number for number, value in enumerate(values) if detector.update(value)]
    np.testing.assert_array_equal(noticed, detect_changes(values, **STERN).positions)
    assert detector.n == 4000


def test_missing_values_keep_their_place():
    values = stream(0, jump=2.0)
    values[:100] = np.nan
    detector = StreamDetector()
    assert not detector.update(np.nan)
    assert (detector.n, detector.missing) == (1, 1)
    found = detect_changes(values)
    assert found.positions[0] >= 2000
    assert found.table["n"].sum() == 3900
    assert np.isnan(detect_changes([np.nan]).table["mean"].iloc[0])


def test_sterner_settings_notice_earlier():
    values = stream(1, jump=2.0)
    late = detect_changes(values, **STERN | {"threshold": 100}).positions[0]
    assert 2000 <= detect_changes(values, **STERN).positions[0] < late


def test_page_hinkley_needs_a_tolerance_in_proportion_to_the_noise():
    assert len(detect_changes(stream(0), method="page_hinkley").positions) >= 1
    assert len(detect_changes(stream(0), **STERN).positions) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "cusum"}, "method must be one of adwin, page_hinkley"),
        ({"delta": 0}, "must be positive"),
        ({"threshold": -1}, "must be positive"),
        ({"min_values": 0}, "must be positive"),
    ],
)
def test_unusable_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        detect_changes([1.0], **options)


def test_empty_stream_is_refused():
    with pytest.raises(ValueError, match="must not be empty"):
        detect_changes([])
