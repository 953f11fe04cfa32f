"""The script of the deconvolutional network, and the pictures it learns from."""

import sys
from pathlib import Path

import numpy as np
import pytest

from conformance.errors import UsageError
from examples import deconvolutional_network, running
from examples.sample_pictures import even, pieces, shrunken
from examples.two_layers import Data, cut


def test_a_photograph_shrinks_to_the_means_of_squares() -> None:
    """Four by four pixels to one; a fifth row is cut off."""
    picture = np.concatenate([np.ones((4, 4)), np.arange(16.0).reshape(4, 4)], axis=1)

    assert shrunken(np.pad(picture, ((0, 1), (0, 0)))).tolist() == [[1.0, 7.5]]


def test_contrast_is_made_even() -> None:
    """A pattern of 1 on the left and 10 on the right becomes 1 on the right, and more than 0.1 on the left."""
    pattern = np.tile([[1.0, -1.0], [-1.0, 1.0]], (20, 20))
    strength = np.where(np.arange(40) < 20, 1.0, 10.0)

    found = np.abs(even(7 + pattern * strength))

    assert found[:, 30] == pytest.approx(1)
    assert (found[:, 5] > 0.1).all()
    assert (found[:, 5] < 1).all()


def test_pieces_need_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said."""
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)

    with pytest.raises(UsageError, match=r"pip install -e '\.\[examples\]'"):
        pieces(1, 8, 0)


def test_the_same_seed_gives_the_same_pieces() -> None:
    """Real photographs: of this size, finite, and not alike."""
    pytest.importorskip("sklearn")
    pytest.importorskip("PIL")

    one, two = (pieces(2, 12, 3) for _ in range(2))

    assert one.shape == (2, 12, 12, 1)
    assert (one == two).all()
    assert np.isfinite(one).all()
    assert not np.allclose(one[0], one[1])


def test_filters_begin_as_pieces_of_length_one() -> None:
    """Each is found in the image, but for its length."""
    image = np.arange(1.0, 26.0).reshape(1, 5, 5, 1)

    filters = cut(image, 2, 3, np.random.default_rng(0))

    assert filters.shape == (2, 2, 1, 3)
    assert np.allclose((filters**2).sum((0, 1, 2)), 1)
    assert np.allclose(np.diff(filters[:, :, 0], axis=1)[..., 0, :] * 5, np.diff(filters[:, :, 0], axis=0)[0])


def test_the_script_writes_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the reference, six images of six by six: nothing rises, nothing is wrong, and every name is escaped."""

    def tiny(count: int, seed: int) -> list[Data]:
        images = np.random.default_rng(seed).standard_normal((count, 6, 6, 1))
        return [Data("<script>noise", images, (3, 4), (3, 4), 4.0)]

    for name, value in {"datasets": tiny, "SLOW": 4, "FAST": 6, "IN_STEP": 2, "ALIKE": [1.0, 4.0]}.items():
        monkeypatch.setattr(deconvolutional_network, name, value)
    monkeypatch.setattr(deconvolutional_network, "SPARSE", [10.0, 20.0, 40.0, 80.0])
    out = tmp_path / "page.html"
    arguments = ["--target", "reference", "--images", "6", "--epochs", "2", "--out", str(out)]

    assert running.run(deconvolutional_network.deconvolutional_network, arguments) == 0

    assert "0 of 4 runs wrong; the objective rose in 0 steps" in capsys.readouterr().out
    page = out.read_text()
    assert "<script>noise" not in page
    assert page.count("<svg") == 3 + 4
    assert page.count("data:image/png;base64,") > 4 + 4 + 6 * 3
