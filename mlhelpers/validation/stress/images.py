"""Perturbations of gray images in the range 0 to 1: noise, blur, occlusion, contrast and rotation.

Taught in lesson 5.3 (stress tests). All functions leave their input alone and return the same shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def _checked(images: Any) -> np.ndarray:
    images = np.asarray(images, dtype=float)
    if images.ndim != 3 or not images.size:
        raise ValueError(f"images must have the shape (n, height, width), got {images.shape}")
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError("images must hold numbers from 0 to 1; divide by the largest gray value first")
    return images


def add_noise(images: Any, scale: float, *, random_state: int | None = 0) -> np.ndarray:
    """Add normal noise to every pixel and cut to 0 to 1.

    Taught in lesson 5.3.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        Numbers from 0 to 1.
    scale : float
        Standard deviation of the noise, in units of the full range.
    random_state : int, optional
        Seed.
    """
    images = _checked(images)
    if scale < 0:
        raise ValueError(f"scale must be at least 0, got {scale}")
    rng = np.random.default_rng(random_state)
    return np.clip(images + scale * rng.standard_normal(images.shape), 0, 1)


def blur(images: Any, sigma: float) -> np.ndarray:
    """Blur each image with a Gaussian.

    Taught in lesson 5.3.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        Numbers from 0 to 1.
    sigma : float
        Standard deviation of the Gaussian in pixels; 0 changes nothing.
    """
    from scipy.ndimage import gaussian_filter

    images = _checked(images)
    if sigma < 0:
        raise ValueError(f"sigma must be at least 0, got {sigma}")
    return np.clip(gaussian_filter(images, (0, sigma, sigma)), 0, 1)  # neighbors in the batch do not mix


def occlude(images: Any, size: int, *, fill: float = 0.0, random_state: int | None = 0) -> np.ndarray:
    """Cover a square at a random place of each image.

    Taught in lesson 5.3.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        Numbers from 0 to 1.
    size : int
        Side of the square in pixels; 0 changes nothing.
    fill : float, default=0.0
        Gray value of the square.
    random_state : int, optional
        Seed. For one seed and one shape, a place is drawn per image.
    """
    images = _checked(images).copy()
    n, height, width = images.shape
    if not 0 <= size <= min(height, width):
        raise ValueError(f"size must be between 0 and {min(height, width)}, got {size}")
    rng = np.random.default_rng(random_state)
    top = rng.integers(0, height - size + 1, n)[:, None]
    left = rng.integers(0, width - size + 1, n)[:, None]
    rows, columns = np.arange(height), np.arange(width)
    inside_rows = (rows >= top) & (rows < top + size)
    inside_columns = (columns >= left) & (columns < left + size)
    images[inside_rows[:, :, None] & inside_columns[:, None, :]] = fill
    return images


def change_contrast(images: Any, factor: float) -> np.ndarray:
    """Pull every pixel toward the mean of its image, or away from it, and cut to 0 to 1.

    Taught in lesson 5.3.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        Numbers from 0 to 1.
    factor : float
        1 changes nothing, 0 leaves one even gray, more than 1 raises the contrast.
    """
    images = _checked(images)
    if factor < 0:
        raise ValueError(f"factor must be at least 0, got {factor}")
    mean = images.mean(axis=(1, 2), keepdims=True)
    return np.clip(mean + factor * (images - mean), 0, 1)


def rotate(images: Any, degrees: float) -> np.ndarray:
    """Turn each image about its center, counterclockwise, with empty corners.

    Taught in lesson 5.3.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        Numbers from 0 to 1.
    degrees : float
        Angle.
    """
    from scipy.ndimage import rotate as turn

    images = _checked(images)
    return np.clip(turn(images, degrees, axes=(1, 2), reshape=False, order=1), 0, 1)
