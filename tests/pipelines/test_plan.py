"""Plans: what would run, and why, from values alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from jupyter_mlx.pipelines.fingerprint import Fingerprint
from jupyter_mlx.pipelines.pipeline import Pipeline
from jupyter_mlx.pipelines.plan import OPEN, Known, Plan
from jupyter_mlx.pipelines.result import DataVersion, Result
from jupyter_mlx.pipelines.stage import Stage

A = Stage("a", "a", "a.py", inputs=("raw",), outputs=("a",))
B = Stage("b", "b", "b.py", inputs=("a",), outputs=("b",))
C = Stage("c", "c", "c.py", inputs=("b/x",), outputs=("c",))
PIPELINE = Pipeline((A, B, C), {"a": frozenset(), "b": frozenset({"a"}), "c": frozenset({"b"})})


@dataclass
class World:
    """A project of values: work tree, code, lock, results."""

    tree: dict = field(default_factory=lambda: {"raw": "r1"})
    code: dict = field(default_factory=lambda: {"a": "c1", "b": "c1", "c": "c1"})
    last: dict = field(default_factory=dict)
    results: dict = field(default_factory=dict)
    gone: set = field(default_factory=set)
    composed: dict = field(default_factory=dict)
    changed: dict = field(default_factory=dict)
    seen: tuple = ()

    def fingerprint(self, stage, inputs):
        return Fingerprint(
            self.code[stage.name], "k", params=stage.params, inputs=inputs, outputs=stage.outputs
        )

    def plan(self, pipeline=PIPELINE, force=()):
        known = Known(
            fingerprint=self.fingerprint,
            version=self.tree.get,
            last=self.last,
            result=lambda fingerprint: self.results.get(fingerprint.digest),
            missing_output=lambda result: next((p for p in result.outputs if p in self.gone), None),
            force=frozenset(force),
            composed=lambda path, _: self.composed.get(path, OPEN),
            changed=lambda stage, _: self.changed.get(stage),
            seen=lambda *_: self.seen,
        )
        return Plan.of(pipeline, known)

    def ran(self, *stages):
        """Each stage ran on what is there, and wrote what depends on it alone."""
        for stage in stages:
            fingerprint = self.fingerprint(stage, {path: self.tree[path] for path in stage.inputs})
            made = {
                p: DataVersion(p, "folder", f"{p}<{fingerprint.digest.short}", 1, 1) for p in stage.outputs
            }
            result = Result(fingerprint, {}, made, duration_s=2.0)
            self.last[stage.name] = self.results[fingerprint.digest] = result
            self.tree |= {path: version.digest for path, version in made.items()}
            self.tree |= {f"{path}/x": f"x in {version.digest}" for path, version in made.items()}
        return self

    def steps(self, **options):
        return {step.name: (step.action, step.reason) for step in self.plan(**options).steps}


@pytest.fixture
def world():
    return World().ran(A, B, C)


def test_a_new_pipeline_never_ran():
    assert World().steps() == dict.fromkeys("abc", ("run", "never ran"))


def test_nothing_changed_is_cached(world):
    assert world.steps() == dict.fromkeys("abc", ("cached", "cached"))
    assert world.plan().rows()[0] == {"name": "a", "action": "cached", "reason": "cached", "duration_s": 2.0}


def test_a_change_runs_the_stage_and_what_may_depend_on_it(world):
    world.code["b"] = "c2"
    assert world.steps() == {
        "a": ("cached", "cached"),
        "b": ("run", "code changed"),
        "c": ("run", "upstream: b runs"),
    }


def test_a_changed_input_is_named(world):
    world.tree["raw"] = "r2"
    assert world.steps()["a"] == ("run", "raw changed")


def test_a_stage_with_a_change_of_its_own_says_so_even_when_an_upstream_stage_runs(world):
    world.code |= {"a": "c2", "c": "c2"}
    assert world.steps() == {
        "a": ("run", "code changed"),
        "b": ("run", "upstream: a runs"),
        "c": ("run", "code changed"),
    }


def test_going_back_is_cached(world):
    before = world.tree["b/x"]
    world.code["a"] = "c2"
    world.ran(A, B, C)
    world.code["a"] = "c1"
    plan = world.plan()
    # c reads a part of b: nobody says what that is before b's result lies there again
    assert [step.action for step in plan.steps] == ["cached", "cached", "run"]
    assert plan["c"].reason == "upstream: b/x is not known before what b made is brought back"
    world.composed["b/x"] = before
    assert world.steps() == dict.fromkeys("abc", ("cached", "cached"))


def test_the_kept_version_of_an_upstream_output_counts_not_what_lies_there(world):
    world.tree["a"] = "edited by hand"
    assert world.steps()["b"] == ("cached", "cached")


def test_a_result_whose_objects_are_gone_runs_again(world):
    world.gone = {"b"}
    assert world.steps() == {
        "a": ("cached", "cached"),
        "b": ("run", "output b missing"),
        "c": ("run", "upstream: b runs"),
    }


def test_an_input_that_nobody_makes_is_missing(world):
    del world.tree["raw"]
    assert (world.plan()["a"].reason, world.plan()["a"].missing) == ("raw missing", "raw")
    assert world.plan()["b"].missing == ""


def test_force_runs_the_named_stage_and_what_depends_on_it(world):
    assert world.steps(force=["b"]) == {
        "a": ("cached", "cached"),
        "b": ("run", "forced"),
        "c": ("run", "upstream: b runs"),
    }


def test_several_changes_are_all_named(world):
    world.code["a"] = "c2"
    changed = replace(A, params={"x": 1})
    world.tree["raw"] = "r2"
    pipeline = Pipeline((changed,), {"a": frozenset()})
    assert world.steps(pipeline=pipeline)["a"] == ("run", "code changed, params changed, raw changed")


def test_several_stages_upstream_are_counted():
    d = Stage("d", "d", "d.py", inputs=("a", "b"), outputs=("d",))
    pipeline = Pipeline((A, B, d), {"a": frozenset(), "b": frozenset({"a"}), "d": frozenset("ab")})
    world = World()
    world.code["d"] = "c1"
    world.ran(A, B, d)
    world.code["a"] = "c2"
    assert world.steps(pipeline=pipeline)["d"] == ("run", "upstream: a and 1 more run")


def test_an_output_that_was_changed_by_hand_is_named(world):
    world.changed["b"] = "b/y"
    step = world.plan()["b"]
    assert (step.action, step.changed) == ("cached", "b/y")
    assert step.reason == "b/y was changed by hand (stage b made another)"
    assert world.steps()["c"] == ("cached", "cached")


def ran_with_seen(world, **more):
    """`a` ran, and was seen to read what it does not declare: path → digest."""
    world.tree |= more
    fingerprint = world.fingerprint(A, {path: world.tree[path] for path in ("raw", *more)})
    files = {path: DataVersion(path, "file", world.tree[path], 1, 1) for path in ("raw", *more)}
    result = replace(world.last["a"], fingerprint=fingerprint, inputs=files, seen=tuple(more))
    world.last["a"] = result
    world.results = {fingerprint.digest: result}


def test_of_undeclared_inputs_only_those_that_changed_are_named(world):
    ran_with_seen(world, c="c1", d="d1")
    world.code["a"] = "c2"
    # of the new code nobody knows what it reads
    assert world.steps()["a"] == ("run", "code changed")
    world.tree["d"] = "d2"
    assert world.steps()["a"] == ("run", "code changed, d changed")
    world.code["a"], world.seen = "c1", (("e",), ("c", "d"))
    assert world.steps()["a"] == ("run", "d changed")
