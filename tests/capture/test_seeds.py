import random

import pytest

from jupyter_mlx.capture import seeds


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import random\nrandom.seed(42)", {"random": [42]}),
        ("import numpy as np\nnp.random.seed(1)\nrng = np.random.default_rng(2)", {"numpy": [1, 2]}),
        ("torch.manual_seed(7)\ntorch.cuda.manual_seed_all(8)", {"torch": [7, 8]}),
        ("keras.utils.set_random_seed(3)", {"all": [3]}),
        ("train_test_split(x, random_state=SEED + 1)", {"random_state": ["SEED + 1"]}),
        ("np.random.seed()", {"numpy": [None]}),
        ("%%time\nrandom.seed('a')", {"random": ["a"]}),
        ("seed = 3", {}),
        ("this is no seed(", {}),
    ],
)
def test_seeds_are_read_from_the_source(source, found):
    given = {
        name: of["set"] for name, of in seeds.capture([source]).items() if "set" in of and name != "hash"
    }
    assert given == found


def test_equal_states_have_equal_digests_and_others_differ():
    random.seed(1)
    first = seeds.capture([])["random"]["state"]
    random.random()
    assert seeds.capture([])["random"]["state"] != first
    random.seed(1)
    assert seeds.capture([])["random"]["state"] == first


def test_numpys_state_is_known_where_it_is_loaded():
    numpy = pytest.importorskip("numpy")
    numpy.random.seed(1)
    first = seeds.capture([])["numpy"]["state"]
    numpy.random.rand()
    assert seeds.capture([])["numpy"]["state"] != first
