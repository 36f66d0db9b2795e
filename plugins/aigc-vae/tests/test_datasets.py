"""Larochelle's binarisation, read from MATLAB files: whatever else a file is ends in one sentence."""

import numpy as np
import pytest

from aigc_core.errors import NotAvailable
from aigc_vae import datasets
from aigc_vae.datasets import binarized_mnist

io = pytest.importorskip("scipy.io", reason="MATLAB files are read with scipy")


def saved(tmp_path, compressed=False, **variables):
    io.savemat(tmp_path / "train.mat", variables, do_compression=compressed)
    return tmp_path / "train.mat"


def rows(count=5):
    return np.random.default_rng(0).integers(0, 2, (count, 784))


@pytest.mark.parametrize("dtype", [np.uint8, np.float64, np.bool_])
@pytest.mark.parametrize("compressed", [False, True])
def test_black_and_white_come_out(tmp_path, dtype, compressed):
    images = binarized_mnist(saved(tmp_path, compressed, X=rows().astype(dtype), y=np.zeros(3)))
    assert (images.dtype, images.shape) == (np.uint8, (5, 28, 28))
    assert np.array_equal(images.reshape(5, 784), rows() * 255)
    assert images.flags["C_CONTIGUOUS"]
    assert images.flags["WRITEABLE"]


@pytest.mark.parametrize(
    "variables",
    [{"Y": rows()}, {"X": rows()[:, :783]}, {"X": rows() * 255}, {"X": rows() * 0.5}, {"X": -rows()}, {"X": "text"}],
    ids=["other name", "narrow", "levels", "grey", "negative", "text"],
)
def test_other_matrices_are_refused(tmp_path, variables):
    with pytest.raises(ValueError, match=r"train\.mat has no matrix X of 784 columns of 0 and 1"):
        binarized_mnist(saved(tmp_path, **variables))


def test_more_rows_than_can_be_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = saved(tmp_path, X=rows())
    monkeypatch.setattr(datasets, "MOST", 4)
    monkeypatch.setattr(io, "loadmat", lambda *given, **how: pytest.fail("it was read"))
    with pytest.raises(ValueError, match="no matrix X"):
        binarized_mnist(path)


@pytest.mark.parametrize(
    "spoil", [lambda data: b"", lambda data: b"text\n" * 99, lambda data: data[:300], lambda data: data[:-9]]
)
@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_no_matlab_file_is_refused(tmp_path, spoil, compressed):
    path = saved(tmp_path, compressed, X=rows())
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=r"train\.mat is no MATLAB file|has no matrix X"):
        binarized_mnist(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        binarized_mnist(tmp_path / "train.mat")


def test_without_scipy_the_command_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy.io", None)
    with pytest.raises(NotAvailable, match="scipy") as error:
        binarized_mnist(tmp_path / "train.mat")
    assert "aigc-vae[mat]" in error.value.hint
