"""The order of stages that never ran, guessed from their code: it may be wrong, and blocks nothing."""

from __future__ import annotations

import pytest
from pipeline_project import actions

from jupyter_mlx.pipelines.opening import opened


def test_who_opens_a_file_to_write_comes_before_who_reads_it(project, runner, notebook, stages):
    notebook("nb/two", "text = open('../mid.txt').read()\nopen('../end.txt', 'w').write(text)")
    notebook("nb/one", "open('../mid.txt', 'w').write('1')")
    stages("  two: {notebook: nb/two.ipynb}\n  one: {notebook: nb/one.ipynb}\n")
    assert runner.pipeline().upstream == {"one": set(), "two": {"one"}}
    assert actions(runner.run()) == {"one": "ran", "two": "ran"}
    assert (project.root / "end.txt").read_text() == "1"


def test_a_wrong_guess_is_told_and_overcome_by_the_next_run(runner, notebook, stages):
    # nothing in the code says who writes
    notebook("two", "import io\nname = 'mid.txt'\nio.FileIO(name).read()")
    notebook("one", "import io\nname = 'mid.txt'\nio.FileIO(name, 'w').write(b'1')")
    stages("  two: {notebook: two.ipynb}\n  one: {notebook: one.ipynb}\n")
    assert runner.pipeline().upstream["one"] == {"two"}
    first = runner.run()
    assert actions(first) == {"two": "failed", "one": "ran"}
    assert "the order of stages that never ran is guessed from their code" in str(first.failures[0])
    assert runner.pipeline().upstream == {"one": set(), "two": {"one"}}
    assert actions(runner.run()) == {"one": "cached", "two": "ran"}


def test_a_stage_is_still_left_out_after_one_whose_code_opens_its_file_to_write(runner, notebook, stages):
    notebook("one", "raise RuntimeError('no')\nopen('mid.txt', 'w').write('1')")
    notebook("two", "open('mid.txt').read()")
    stages("  two: {notebook: two.ipynb}\n  one: {notebook: one.ipynb}\n")
    assert actions(runner.run()) == {"one": "failed", "two": "skipped"}


@pytest.mark.parametrize(
    ("source", "read", "written"),
    [
        ("open('a')", "a", ""),
        ("open('a', 'w')", "", "a"),
        ("open('a', mode='xb')", "", "a"),
        ("open('a', 'r+')", "a", "a"),
        ("open('a', how)", "", ""),
        ("with gzip.open('a', 'wt') as f: f.write('b')", "", "a"),
        ("Path('a').write_text(Path('b').read_text())", "b", "a"),
        ("p = Path('a')\nwith p.open('w') as f: json.dump({}, f)", "", "a"),
        ("p = 'a'\ndf = pd.read_csv(p)\ndf.to_parquet('b')", "a", "b"),
        ("np.savetxt('a', np.load('b'))", "b", "a"),
        ("json.dump(x, open('a', 'w'))", "", "a"),
        ("pickle.load(open('a', 'rb'))", "a", ""),
        ("shutil.copy('a', 'b')", "a", "b"),
        ("df.to_csv(f'a/{seed}.csv')", "", "a/{seed}.csv"),
        ("%%track\nopen('a', 'w')", "", "a"),
        ("print('a')", "", ""),
        ("not python(", "", ""),
    ],
)
def test_what_code_opens_to_read_and_to_write_shows_in_its_calls(source, read, written):
    found = opened(source)
    assert (found.read, found.written) == (set(read.split()), set(written.split()))
