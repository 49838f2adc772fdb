import platform
from importlib.metadata import version

from jupyter_mlx.capture import environment


def test_packages_have_the_versions_that_are_imported():
    found = environment.packages()
    assert found["msgspec"] == version("msgspec")
    assert found["ruamel-yaml"] == version("ruamel.yaml")


def test_variables_are_kept_by_an_allow_list(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("DATABASE_URL", "secret")
    found = environment.capture()
    assert found["variables"]["OMP_NUM_THREADS"] == "2"
    assert "secret" not in str(found)
    assert found["python"] == platform.python_version()


def test_two_captures_of_one_environment_are_equal():
    assert environment.capture() == environment.capture()
