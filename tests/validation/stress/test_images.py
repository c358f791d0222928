import numpy as np
import pytest

from mlhelpers.validation.stress import add_noise, blur, change_contrast, occlude, rotate

RNG = np.random.default_rng(0)
IMAGES = RNG.random((5, 8, 6))
CHANGES = {
    "noise": lambda images: add_noise(images, 0.3),
    "blur": lambda images: blur(images, 1),
    "occlusion": lambda images: occlude(images, 3),
    "contrast": lambda images: change_contrast(images, 2),
    "rotation": lambda images: rotate(images, 20),
}


@pytest.mark.parametrize("name", CHANGES)
def test_shape_and_range_stay_and_the_input_is_left_alone(name):
    before = IMAGES.copy()
    changed = CHANGES[name](IMAGES)
    assert changed.shape == IMAGES.shape
    assert changed.min() >= 0 and changed.max() <= 1
    assert not np.allclose(changed, IMAGES)
    np.testing.assert_array_equal(IMAGES, before)


@pytest.mark.parametrize("name", CHANGES)
def test_same_seed_gives_the_same_images(name):
    np.testing.assert_array_equal(CHANGES[name](IMAGES), CHANGES[name](IMAGES))


@pytest.mark.parametrize(
    "changed",
    [
        add_noise(IMAGES, 0),
        blur(IMAGES, 0),
        occlude(IMAGES, 0),
        change_contrast(IMAGES, 1),
        rotate(IMAGES, 0),
    ],
)
def test_strength_of_nothing_changes_nothing(changed):
    np.testing.assert_allclose(changed, IMAGES)


def test_noise_has_the_scale_asked_for():
    gray = np.full((20, 30, 30), 0.5)
    assert add_noise(gray, 0.05).std() == pytest.approx(0.05, rel=0.03)
    assert not np.array_equal(add_noise(gray, 0.05), add_noise(gray, 0.05, random_state=1))


def test_blur_keeps_images_of_a_batch_apart():
    images = np.zeros((3, 9, 9))
    images[1, 4, 4] = 1
    changed = blur(images, 1)
    assert changed[[0, 2]].sum() == 0
    assert changed[1].sum() == pytest.approx(1, abs=0.01)
    assert changed[1, 4, 4] < 0.2


def test_square_of_the_given_size_is_covered():
    covered = occlude(np.ones((50, 8, 6)), 3, fill=0.25)
    np.testing.assert_array_equal((covered == 0.25).sum(axis=(1, 2)), 9)
    rows = (covered == 0.25).any(axis=2).argmax(axis=1)
    assert set(rows) == set(range(6))
    assert (occlude(np.ones((2, 6, 6)), 6) == 0).all()


def test_contrast_of_nothing_is_the_mean():
    flat = change_contrast(IMAGES, 0)
    np.testing.assert_allclose(flat.std(axis=(1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(flat.mean(axis=(1, 2)), IMAGES.mean(axis=(1, 2)))


def test_quarter_turn_equals_numpy():
    square = RNG.random((2, 7, 7))
    np.testing.assert_allclose(rotate(square, 90), np.rot90(square, axes=(1, 2)), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: add_noise(IMAGES[0], 0.1), "shape"),
        (lambda: add_noise(np.zeros((0, 8, 8)), 0.1), "shape"),
        (lambda: add_noise(IMAGES * 255, 0.1), "from 0 to 1"),
        (lambda: add_noise(IMAGES * np.nan, 0.1), "from 0 to 1"),
        (lambda: add_noise(IMAGES, -1), "scale"),
        (lambda: blur(IMAGES, -1), "sigma"),
        (lambda: occlude(IMAGES, 7), "between 0 and 6"),
        (lambda: change_contrast(IMAGES, -1), "factor"),
    ],
)
def test_unusable_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
