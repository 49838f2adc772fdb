"""`jm.log_model` and `jm.load`: the safest format that there is, and nothing opened that somebody else wrote as code."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import jupyter_mlx as jm
from jupyter_mlx import models
from jupyter_mlx.project import OutsideProjectError

X = np.arange(40, dtype="float32").reshape(20, 2)
Y = np.arange(20) % 2
MINE, THEIRS = (lambda: b"m" * 32), (lambda: b"t" * 32)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


def logged(model, name="model"):
    """The model as it comes back, and its path."""
    with jm.run("train") as run:
        path = jm.log_model(model, name)
    return jm.load(run.id, path), path


def predicts_the_same(model, back):
    return np.allclose(model.predict(X), back.predict(X))


def test_arrays_come_back_from_formats_that_execute_nothing(project):
    back, path = logged(X)
    assert path == "models/model.npy"
    assert (back == X).all()
    back, path = logged({"a": X, "b": Y})
    assert path == "models/model.safetensors"
    assert (back["a"] == X).all()
    assert (back["b"] == Y).all()


def test_models_of_xgboost_come_back_as_what_they_were(project):
    xgboost = pytest.importorskip("xgboost")
    for made in (xgboost.XGBClassifier(n_estimators=3), xgboost.XGBRegressor(n_estimators=3)):
        model = made.fit(X, Y)
        back, path = logged(model)
        assert path == "models/model.xgboost.json"
        assert type(back) is type(model)
        assert predicts_the_same(model, back)
    booster, _ = logged(model.get_booster(), "booster")
    assert type(booster) is xgboost.Booster


def test_models_of_lightgbm_come_back_as_boosters(project):
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMRegressor(n_estimators=3, min_child_samples=1, verbose=-1).fit(X, Y)
    back, path = logged(model)
    assert path == "models/model.lightgbm.txt"
    assert predicts_the_same(model, back)


def test_a_model_of_scikit_learn_comes_back_to_who_made_it(project):
    linear = pytest.importorskip("sklearn.linear_model")
    model = linear.LinearRegression().fit(X, Y)
    back, path = logged(model, "linear/first")
    assert path.startswith("models/linear/first.")
    assert predicts_the_same(model, back)


def test_a_loop_of_torch_logs_its_tensors_and_its_weights_come_back(project):
    torch = pytest.importorskip("torch")
    net = torch.nn.Linear(2, 1)
    with jm.run(
        "train", lr=torch.tensor(0.1), shape=torch.ones(2), nowhere=torch.ones(2, device="meta")
    ) as run:
        for _ in range(2):
            jm.log(loss=(net(torch.from_numpy(X)) ** 2).mean())
        paths = [
            jm.log_model(net),
            jm.log_model(net.state_dict(), "weights"),
            jm.log_model(net.weight, "one"),
        ]
    kept = project.ledger.get(run.id)
    assert [len(points) for points in project.ledger.series(run.id).values()] == [2]
    assert (kept.params["lr"], kept.params["shape"]) == (pytest.approx(0.1), [1, 1])
    net_back, weights, one = (jm.load(run.id, path) for path in paths)
    assert paths[0] == "models/model.pt"
    for name, tensor in net.state_dict().items():
        assert torch.equal(net_back[name], tensor)
        assert torch.equal(weights[name], tensor)
    assert torch.equal(one, net.weight)


def test_a_graph_of_onnx_comes_back_whole(project):
    onnx = pytest.importorskip("onnx")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    relu = onnx.helper.make_node("Relu", ["x"], ["y"])
    model = onnx.helper.make_model(onnx.helper.make_graph([relu], "g", ends[:1], ends[1:]))
    back, path = logged(model)
    assert (path, back) == ("models/model.onnx", model)


def test_skops_asks_whether_a_type_is_trusted_that_is_not_its_own(project):
    pytest.importorskip("skops")
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(3).fit(X, Y)
    with jm.run("train") as run:
        path = jm.log_model(forest)
    assert path == "models/model.skops"
    with pytest.raises(models.UntrustedModelError, match=r"trusted=\['sklearn.tree._tree.Tree'\]") as told:
        jm.load(run.id, path)
    assert predicts_the_same(forest, jm.load(run.id, path, trusted=told.value.needs))


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_what_somebody_else_pickled_is_named_and_not_opened(project):
    end, data = models.write(Evil(), THEIRS)
    assert end == models.PICKLE
    with pytest.raises(models.UntrustedModelError, match=r"pathlib.*Path.touch|getattr|Path"):
        models.read(f"model{end}", data, MINE)
    for changed in (data.replace(b"\n", b"\nx", 1), pickle.dumps(Evil()), b"", b"no pickle"):
        with pytest.raises(models.UntrustedModelError):
            models.read(f"model{end}", changed, THEIRS)
    assert not Path("executed").exists()
    models.read(f"model{end}", data, THEIRS)
    assert Path("executed").exists()


def test_a_model_is_an_output_of_its_run_and_a_newer_one_replaces_it(project):
    with jm.run("train") as first:
        path = jm.log_model(X)
        assert jm.log_model(X + 1) == path
    with jm.run("train") as second:
        jm.log_model(X + 2)
    found = [jm.load(run.id, path)[0, 0] for run in (first, second)]
    assert found == [1, 2]
    assert [file.path for file in project.ledger.get(second.id).outputs] == [path]


def test_a_file_that_no_run_made_is_not_replaced(project):
    Path("models").mkdir()
    Path("models/model.npy").write_bytes(b"mine")
    with jm.run("train"), pytest.raises(models.ModelInTheWayError, match="no run made it"):
        jm.log_model(X)
    assert Path("models/model.npy").read_bytes() == b"mine"
    with jm.run("train"), pytest.raises(OutsideProjectError):
        jm.log_model(X, "../../model")
