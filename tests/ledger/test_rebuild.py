"""A ledger that is lost comes back: from records, small and large, and from what people wrote on the runs."""

import json

import pytest


@pytest.fixture
def runs(project):
    """Three sealed runs, the second with a record of more than 1 MiB."""
    made = []
    for at in range(3):
        run = project.recorder.open(
            kind="block", name=f"r{at}", params={"text": "x" * (2 << 20 if at == 1 else 1)}
        )
        for step in range(100):
            run.log({"loss": step + at / 10}, step)
        run.finish()
        made.append(run.id)
    project.recorder.flush()
    return made


def state(project):
    page = project.ledger.page()
    return {
        run.id: (
            run.name,
            run.params,
            run.metrics,
            set(run.tags),
            run.note,
            run.starred,
            project.ledger.series(run.id),
        )
        for run in page.runs
    }


def lose(project):
    project.ledger.close()
    for path in project.state.glob("ledger.db*"):
        path.unlink()


def test_a_lost_ledger_is_made_again_with_series_tags_notes_and_stars(project, runs):
    project.ledger.edit(runs[0], tags=["a", "b"], note="n")
    project.ledger.edit(runs[0], tags=["b"], starred=True)
    project.ledger.edit(runs[1], starred=True)
    project.ledger.edit(runs[1], starred=False)
    before = state(project)
    lose(project)
    assert project.rebuild_ledger() == 3
    assert state(project) == before


def test_what_was_in_the_trash_or_purged_is_so_again(project, runs):
    for run in runs[:2]:
        project.ledger.trash(run)
    project.ledger.untrash(runs[1])
    project.ledger.trash(runs[2])
    project.ledger.purge([runs[2]])
    lose(project)
    assert project.rebuild_ledger() == 2
    assert [run.id for run in project.ledger.page().runs] == [runs[1]]
    assert [run.id for run in project.ledger.page(trash=True).runs] == [runs[0]]
    assert project.ledger.needs.knows(runs[2])  # so that gc does not keep its record for a rebuild


def test_steps_that_a_record_holds_are_not_counted_twice(project, runs):
    run = project.recorder.open(kind="block", name="late")
    run.log({"a": 1.0})
    run.finish()
    project.recorder.flush()
    project.ledger.log(run.id, {"a": 2.0})  # the process holds a file of a sealed run
    lose(project)
    project.rebuild_ledger()
    assert len(project.ledger.series(run.id)["a"]) == 1
    project.ledger.log(run.id, {"a": 3.0})
    assert project.ledger.series(run.id)["a"][-1][1] == 3.0


def test_a_run_that_goes_on_while_the_ledger_is_lost_is_whole_at_its_end(project, runs):
    run = project.recorder.open(kind="block", name="on", params={"p": 1})
    run.log({"a": 1.0})
    lose(project)
    project.rebuild_ledger()
    run.log({"a": 2.0})
    assert run.finish().metrics == {"a": 2.0}
    assert len(project.ledger.series(run.id)["a"]) == 2
    assert project.ledger.get(run.id).params == {"p": 1}


def test_doctor_names_the_damage_and_rebuild_mends_it(project, runs, jmlx):
    project.ledger.close()
    (project.state / "ledger.db").write_bytes(b"no database" * 1000)
    for path in project.state.glob("ledger.db-*"):
        path.unlink()
    told = jmlx("runs", "list")
    assert told.returncode != 0
    assert "jmlx doctor --rebuild" in told.stderr
    assert jmlx("doctor", "--rebuild").returncode == 0
    assert len(json.loads(jmlx("runs", "list", "--json").stdout)) == 3


def test_a_purge_gives_the_ledgers_bytes_back(project, runs):
    for run in runs:
        project.ledger.trash(run)
    assert project.ledger.trashed() == tuple(runs)
    assert project.ledger.purge(runs) > 1 << 20
    assert project.ledger.page(trash=True).total == 0
    seq = project.ledger.seq()
    assert set(project.ledger.changed_since(0).removed) == set(runs)
    assert project.ledger.seq() == seq
