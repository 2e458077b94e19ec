"""The atlas of the benchmarks: its data are what they are said to be, its minimum is one."""

import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

from atlas import cell, generators, promise, records, report, selection
from atlas.__main__ import run_cell
from atlas.drawn import drawn
from atlas.problems import QUICK, fixed
from benchmark_utils.cross_entropy import CrossEntropy
from benchmark_utils.reference import Reference

SMALL = {
    "gaussian": lambda seed: generators.gaussian(seed, 300, 8, 0.9),
    "gaussian, 6 classes": lambda seed: generators.gaussian(seed, 300, 8, 0.3, 6),
    "blobs": lambda seed: generators.blobs(seed, 100, 7, 5, 1.0),
    "rare": lambda seed: generators.rare(seed, 4000, 9),
    "text": lambda seed: generators.text(seed, 200, 90, 12),
    "decaying": lambda seed: generators.decaying(seed, 300, 9, 1.0, 3),
    "factors": lambda seed: generators.factors(seed, 300, 20, 4),
    "raw units": lambda seed: generators.raw_units(seed, 300, 11),
    "genes": lambda seed: generators.genes(seed, 30, 200),
    "embeddings": lambda seed: generators.embeddings(seed, 300, 16, 4),
    "fourier": lambda seed: generators.fourier(seed, 300, 24),
    "splines": lambda seed: generators.splines(seed, 300, 3),
    "polynomials": lambda seed: generators.polynomials(seed, 300, 4),
    "one-hot": lambda seed: generators.one_hot(seed, 300, (3, 60, 5), 2, classes=3),
}


def dense(X):
    return X.toarray() if scipy.sparse.issparse(X) else X


@pytest.mark.parametrize("make", SMALL.values(), ids=SMALL)
def test_generated_data_are_valid_and_follow_the_seed(make):
    X, y = make(1)
    assert X.dtype == np.float64
    assert y.shape == (X.shape[0],)
    assert y.dtype.kind == "i"
    assert_array_equal(np.unique(y), np.arange(y.max() + 1))
    if scipy.sparse.issparse(X):
        assert X.format == "csr"
        assert X.indices.dtype == np.int32
    else:
        assert X.flags.c_contiguous
    assert np.isfinite(dense(X)).all()
    assert_array_equal(dense(make(1)[0]), dense(X))
    assert not np.array_equal(make(1)[0].sum(axis=0), make(2)[0].sum(axis=0))


def test_one_hot_keeps_all_dummies():
    X, _ = generators.one_hot(0, 500, (3, 40, 70))
    assert_array_equal(X.sum(axis=1), np.full((500, 1), 3.0))
    assert_array_equal(np.unique(X.data), [1.0])
    crossed, _ = generators.one_hot(0, 500, (3, 4, 5), cross=True)
    assert crossed.shape == (500, 3 + 4 + 5 + 3 * 4 + 4 * 5)
    with_numbers, _ = generators.one_hot(0, 500, (3, 4), numeric=6)
    assert_allclose(with_numbers[:, 7:].toarray().std(axis=0), 1.0, rtol=1e-12)
    assert with_numbers.shape == (500, 13)


def test_columns_have_the_structure_they_are_named_for():
    assert np.linalg.matrix_rank(generators.factors(0, 200, 30, 12, noise=0.0)[0]) == 12
    X, _ = generators.splines(0, 300, 4)
    assert_allclose(X.sum(axis=1), 4.0, rtol=1e-12)
    X, _ = generators.embeddings(0, 100, 16)
    assert_allclose(np.linalg.norm(X, axis=1), 1.0, rtol=1e-12)
    X, _ = generators.polynomials(0, 300, 4)
    assert X.shape == (300, 4 + 4 * 5 / 2)
    deviations = np.linalg.svd(generators.decaying(0, 50_000, 5, 2.0)[0], compute_uv=False)
    assert_allclose(deviations / deviations[0], np.arange(1, 6.0) ** -2, rtol=0.03)


def test_share_and_strength_of_the_labels():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100_000, 3))
    scores = LogisticRegression(C=np.inf).fit(*generators.labelled(rng, X, share=0.1, strength=2.0))
    z = scores.decision_function(X)
    assert_allclose(z.std(), 2.0, rtol=0.03)
    assert_allclose((z > 0).mean(), 0.1, rtol=0.1)


def test_a_third_of_at_least_60_data_sets_is_drawn():
    kept, random = list(fixed()), list(drawn(0))
    names = [problem.name for problem in selection.problems(0)]
    assert len(names) == len(set(names)) == len(kept) + len(random) >= 60
    assert 3 * len(random) >= len(names)
    assert {problem.kind for problem in random} < {problem.kind for problem in kept}
    assert set(QUICK) < {problem.name for problem in kept}
    assert len(selection.select(0, quick=True)) == 12
    assert len(selection.select(0)) == 3 * len(names)
    assert [C for _, C in selection.select(0, "^tiny: iris$", Cs=[5.0])] == [5.0]


def test_drawn_shapes_follow_the_seed():
    def shapes(seed):
        small = [problem for problem in drawn(seed) if problem.kind in ("tiny", "n < p")]
        return [problem.make()[0].shape for problem in small]

    assert shapes(3) == shapes(3)
    assert shapes(3) != shapes(4)
    assert all(shape[0] >= 50 for shape in shapes(3))


OBJECTIVES = {
    "binary": lambda: generators.gaussian(0, 200, 6, 0.9),
    "binary, bad units": lambda: generators.raw_units(0, 500, 9),
    "several classes": lambda: generators.gaussian(0, 300, 5, 0.3, 4),
    "fewer rows than columns": lambda: generators.genes(0, 30, 90),
    "sparse": lambda: generators.one_hot(0, 400, (4, 6, 30)),
    "sparse, several classes": lambda: generators.text(0, 150, 60, 15, 3),
}


@pytest.mark.parametrize("C", [0.01, 1e4])
@pytest.mark.parametrize("make", OBJECTIVES.values(), ids=OBJECTIVES)
def test_reference_is_the_minimum(make, C, monkeypatch):
    X, y = make()
    objective = CrossEntropy(X, y, C)
    found = Reference(objective).minimise()
    assert found.gap <= 1e-13
    assert_allclose(objective.value(found.coef, found.intercept), found.value, rtol=1e-15)
    monkeypatch.setattr(Reference, "max_hessian", 0)  # conjugate gradients in place of a factor
    assert_allclose(Reference(objective).minimise().value, found.value, rtol=1e-12)
    if not scipy.sparse.issparse(X) and C * X.var(axis=0).max() < 1e6:
        peer = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000)
        peer.fit(X, y)
        assert_allclose(objective.value(peer.coef_, peer.intercept_), found.value, rtol=1e-9)


@pytest.mark.parametrize("make", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_gap_is_a_bound_on_the_way(make, steps, monkeypatch):
    objective = CrossEntropy(*make(), 1.0)
    minimum = Reference(objective).minimise().value
    monkeypatch.setattr(Reference, "max_steps", steps)
    on_the_way = Reference(objective).minimise()
    true_gap = on_the_way.value / minimum - 1
    assert on_the_way.gap * (1 + 1e-9) + 1e-14 >= true_gap


def test_time_limit_ends_what_takes_longer():
    with cell.time_limit(10.0):
        pass
    limited = cell.time_limit(0.01)(time.sleep)
    with pytest.raises(cell.OutOfTimeError):
        limited(10.0)


@pytest.mark.filterwarnings("ignore")  # lbfgs with a loose tolerance
def test_cell_tells_times_and_true_gaps(monkeypatch, capsys):
    monkeypatch.setattr(cell, "PEERS", {"lbfgs": (1.0, 1e-8), "newton-cholesky": (1e-8,)})
    data = generators.gaussian(0, 200, 4)
    cell.run(data, 1.0, 1, None)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    last = told[-1]
    assert [record.get("done") for record in told].count(True) == 1
    assert (last["n"], last["p"], last["classes"]) == (200, 4, 2)
    assert list(last["ours"]) == [str(tol) for tol in cell.OURS]
    assert list(last["peers"]) == ["lbfgs[1]", "lbfgs[1e-08]", "newton-cholesky[1e-08]"]
    assert last["peers"]["lbfgs[1]"]["gap"] > 1e-6
    peer = LogisticRegression(C=1.0, tol=1.0).fit(*data)
    value = CrossEntropy(*data, 1.0).value(peer.coef_, peer.intercept_)
    assert_allclose(last["peers"]["lbfgs[1]"]["gap"], value / last["minimum"] - 1, rtol=1e-6)
    assert all(fit["seconds"] > 0 for fit in last["ours"].values())
    known = {name: last[name] for name in ("minimum", "certified", "peers")}
    monkeypatch.setattr(cell.Cell, "scout_peers", None)
    monkeypatch.setattr(cell.Cell, "find_minimum", None)
    cell.run(data, 1.0, 1, known)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["done"]


def test_a_peer_that_fails_does_not_stop_the_cell(monkeypatch, capsys):
    monkeypatch.setattr(cell, "PEERS", {"no-such-solver": (1.0, 0.1), "newton-cholesky": (1e-8,)})
    cell.run(generators.gaussian(0, 200, 4), 1.0, 1, None)
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["done"]
    assert list(last["peers"]) == ["newton-cholesky[1e-08]"]


def test_cells_run_in_processes_of_their_own():
    request = {"problem": "tiny: 100 x 4", "C": 1.0, "threads": 1, "seed": 0, "known": None}
    found = run_cell(request, 300.0)
    assert found["done"]
    assert "error" not in found
    assert (found["n"], found["p"]) == (100, 4)
    assert min(records.fastest(found[side])[1] for side in ("ours", "peers")) > 0
    assert run_cell(request, 0.01) == {"error": "ended after 0.01 s"}
    assert run_cell(request | {"problem": "no such"}, 300.0) == {"error": "StopIteration"}


def record(problem="tiny: a", C=1.0, ours=(0.1, 1e-7), peers=(0.2, 1e-7), label="x", **more):
    seconds, gap = ours
    fits = {"1e-06": {"seconds": seconds, "gap": gap, "n_iter": 3, "converged": True}}
    peer = {"seconds": peers[0], "gap": peers[1], "n_iter": 9}
    known = {"kind": "tiny", "n": 10, "p": 2, "threads": 1, "minimum": 3.0, "certified": 1e-15}
    told = {"problem": problem, "C": C, "label": label, "ours": fits, "peers": {"lbfgs[0.1]": peer}}
    return known | told | {"done": True} | more


def test_ratio_counts_accurate_fits_only():
    assert records.speed_ratio(record()) == 2.0
    assert records.speed_ratio(record(peers=(0.05, 1e-6))) == 0.5
    assert records.speed_ratio(record(peers=(0.01, 1.01e-6))) == np.inf
    assert records.speed_ratio(record(ours=(0.01, 2e-6))) == 0.0
    assert np.isnan(records.speed_ratio(record(ours=(None, None), peers=(None, None))))


def test_broken_promises():
    assert records.broken(record()) == {}
    bad = record(ours=(0.1, 2e-6))
    assert records.broken(bad) == {"1e-06": 2e-6}
    bad["ours"] = {"auto": {"seconds": 0.1, "gap": 2e-10, "n_iter": 3, "converged": True}}
    assert records.broken(bad) == {"auto": 2e-10}
    bad["ours"]["auto"]["converged"] = False
    assert records.broken(bad) == {}


def test_records_are_kept_and_found_again(tmp_path):
    path = tmp_path / "folder/cells.jsonl"
    kept = records.Records(path)
    kept.add(record(minimum=4.0, done=False, error="ended after 1 s"))
    kept.add(record())
    kept.add(record(label="y", minimum=5.0, done=False, error="ended after 1 s"))
    kept = records.Records(path)
    key = {"problem": "tiny: a", "C": 1.0, "threads": 1}
    assert [r["label"] for r in kept.find(**key)] == ["y", "x", "x"]
    assert kept.known(**key)["minimum"] == 3.0
    assert kept.known(**key | {"C": 2.0}) is None


def test_report(tmp_path, capsys):
    kept = records.Records(tmp_path / "cells.jsonl")
    kept.add(record(peers=(0.5, 0.0)))
    kept.add(record("tiny: b", peers=(0.08, 0.0)))
    kept.add(record("tiny: c", 100.0, ours=(0.1, 2e-6)))
    kept.add(record("tiny: d", ours=(0.1, 0.0), peers=(1.0, 1.0)))
    at_default = {"gap": 3e-11, "seconds": 1.0, "n_iter": 1, "converged": True}
    kept.find(problem="tiny: d")[0]["ours"]["auto"] = at_default
    kept.add(record("tiny: e", done=False, error="no package", ours=(None, None)) | {"ours": {}})
    report.write_report(kept, "x", tmp_path)
    text = (tmp_path / "atlas.md").read_text()
    assert text in capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    # The geometric mean of 5 and 0.8 is 2; a cell that only one of the two finished has no part.
    assert ["all", "2.00 (3, 1)", "- (1, 1)", "2.00 (4, 2)"] in rows
    assert ["tiny: c, C=100", "1e-06", "2.0e-06"] in rows
    assert ["tiny: b, C=1", "10 x 2", "tol=1e-06: 100 ms", "lbfgs[0.1]: 80 ms", "0.80"] in rows
    assert "- tiny: e, C=1: no package" in text
    assert "default tol: 3.0e-11, tiny: d, C=1." in text
    assert (tmp_path / "atlas_1.png").stat().st_size > 1000
    assert not (tmp_path / "atlas_2.png").exists()


class Liar:
    """Says that it has converged, and stays at zero."""

    converged_ = True

    def __init__(self, **parameters):
        self.intercept_ = np.zeros(1)

    def fit(self, X, y):
        n_scores = 1 if y.max() == 1 else y.max() + 1
        self.coef_, self.intercept_ = np.zeros((n_scores, X.shape[1])), np.zeros(n_scores)
        return self


def test_promise_notices_what_is_broken(monkeypatch, capsys):
    monkeypatch.setattr(promise, "GDLogisticRegression", Liar)
    problem = promise.RandomProblem(seed=0, number=0)
    verdicts = list(promise.check(problem))
    assert [verdict.outcome for verdict in verdicts] == ["broken"] * len(promise.TOLS)
    assert all(verdict.ratio > 1 for verdict in verdicts)
    assert promise.search(0, 60.0, only=[0]) == len(promise.TOLS)
    assert verdicts[0].problem in capsys.readouterr().out
    monkeypatch.setattr(Liar, "converged_", False)
    assert promise.search(0, 60.0, only=[0]) == 0


def test_promise_goes_on_after_a_fit_that_fails(monkeypatch, capsys):
    def fail(self, X, y):
        raise ValueError("no")

    monkeypatch.setattr(promise, "GDLogisticRegression", Liar)
    monkeypatch.setattr(Liar, "fit", fail)
    assert promise.search(0, 60.0, only=[0, 1]) == 2 * len(promise.TOLS)
    assert "ValueError('no')" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("gap", "outcome"), [(0.0, "kept"), (1e-9, "uncertain"), (0.5, "uncertain")]
)
def test_promise_believes_no_more_than_is_certain(gap, outcome, monkeypatch):
    data = generators.gaussian(0, 200, 4)
    monkeypatch.setattr(promise.RandomProblem, "make", lambda self: ("gaussian", 1.0, data))
    found = Reference(CrossEntropy(*data, 1.0)).minimise()
    monkeypatch.setattr(Reference, "minimise", lambda self: dataclasses.replace(found, gap=gap))
    verdicts = {
        verdict.tol: verdict.outcome for verdict in promise.check(promise.RandomProblem(0, 0))
    }
    assert verdicts["auto"] == outcome
    assert verdicts["0.001"] == ("kept" if gap < 1e-4 else "uncertain")


def test_random_problems_follow_seed_and_number():
    def made(seed, number):
        kind, C, (X, y) = promise.RandomProblem(seed, number).make()
        return kind, C, X.shape, X.sum(), y.sum()

    assert made(1, 2) == made(1, 2)
    assert len({made(*pair) for pair in ((1, 2), (2, 1), (1, 3))}) == 3


@pytest.mark.parametrize("n_classes", [2, 4])
def test_losses_of_samples_that_are_certain_keep_their_digits(n_classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 4)), np.arange(50) % n_classes
    X[:, :n_classes] += 8 * np.eye(n_classes)[y]
    coef = 3 * np.eye(n_classes, 4) if n_classes > 2 else np.array([[-3.0, 3.0, 0.0, 0.0]])
    z = X.astype(np.longdouble) @ coef.T
    z = z if n_classes > 2 else np.hstack([0 * z, z])
    others = np.exp(z - z[np.arange(50), y][:, None])
    others[np.arange(50), y] = 0
    expected = np.log1p(others.sum(axis=1)).sum() + np.square(coef).sum() / 2e12
    found = CrossEntropy(X, y, 1e12).value(coef, np.zeros(len(coef)))
    assert_allclose(found, float(expected), rtol=1e-12)
