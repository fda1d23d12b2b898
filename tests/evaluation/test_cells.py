import numpy as np
import pytest
import torch

from warmstart.evaluation.cells import LISTED, cell_samples
from warmstart.evaluation.metrics import confusion
from warmstart.evaluation.projection import project


def test_each_cell_lists_its_surest_mistakes_and_its_least_sure_right_answers() -> None:
    rng = np.random.default_rng(0)
    outputs, labels = torch.from_numpy(rng.normal(size=(300, 3)) * 2), rng.integers(-1, 3, 300)
    counts, ids = confusion(outputs, labels), [str(i) for i in range(300)]
    said, sure = outputs.argmax(1).numpy(), outputs.softmax(1).max(1).values.numpy()
    cells = cell_samples(outputs, labels, ids)
    assert [(c.row == c.column, -c.count) for c in cells] == sorted((c.row == c.column, -c.count) for c in cells)
    assert {(c.row, c.column): c.count for c in cells} == {(i, j): n for (i, j), n in np.ndenumerate(counts) if n}
    for cell in cells:
        inside = np.flatnonzero((labels == cell.row) & (said == cell.column))
        order = inside[np.argsort(sure[inside])]
        expected = order[:3] if cell.row == cell.column else order[::-1][:8]
        assert [int(one.id) for one in cell.samples] == expected.tolist()
        assert [one.probability for one in cell.samples] == pytest.approx(sure[expected].tolist())


def test_with_very_many_cells_the_list_ends_with_the_rarest_left_out() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 60, 4000)
    cells = cell_samples(torch.from_numpy(rng.normal(size=(4000, 60))), labels, [str(i) for i in range(4000)])
    assert LISTED - 8 < sum(len(cell.samples) for cell in cells) <= LISTED
    assert cells[0].count >= cells[-1].count


def test_alike_features_lie_together_and_the_same_seed_gives_the_same_picture() -> None:
    rng = np.random.default_rng(0)
    group = np.arange(60) % 3
    features = 5 * np.eye(3, 20)[group] + 0.3 * rng.normal(size=(60, 20))
    places, method = project(features, seed=1)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (group[distances.argmin(1)] == group).all()
    assert np.abs(places).max() == pytest.approx(1)
    assert np.ptp(places[:, 0]) >= np.ptp(places[:, 1])
    assert "t-SNE" in method
    assert np.array_equal(places, project(features, seed=1)[0])


def test_too_few_samples_are_no_picture() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        project(np.zeros((9, 4)))


def test_samples_that_are_all_the_same_have_a_place_too() -> None:
    assert np.isfinite(project(np.ones((12, 4)))[0]).all()
