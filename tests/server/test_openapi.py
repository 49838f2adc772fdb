"""openapi.yaml describes the routes that there are."""

from __future__ import annotations

import re
from importlib.resources import files

from ruamel.yaml import YAML

from jupyter_mlx.ledger.compare import Rank
from jupyter_mlx.server.routes import ROUTES

VERBS = {"get", "post", "put", "patch", "delete"}
SPEC = YAML(typ="safe").load(files("jupyter_mlx.server").joinpath("openapi.yaml").read_text(encoding="utf-8"))


def described() -> set[tuple[str, str]]:
    return {
        (verb, re.sub(r"\{\w+\}", "*", path))
        for path, item in SPEC["paths"].items()
        for verb in VERBS & item.keys()
    }


def answered() -> set[tuple[str, str]]:
    return {
        (verb, "/" + path.replace("([^/]+)", "*"))
        for path, handler in ROUTES
        for verb in VERBS & set(handler.__dict__)
    }


def test_every_route_is_described_and_every_description_answered():
    assert described() == answered()


async def test_answers_have_what_is_required_of_them(ask, enter):
    ident = enter()
    schemas = SPEC["components"]["schemas"]
    page = (await ask("runs")).json
    assert set(schemas["RunPage"]["required"]) == set(page)
    assert set(schemas["Run"]["required"]) == set(page["runs"][0])
    detail = (await ask("runs", ident)).json
    own = schemas["RunDetail"]["allOf"][1]
    assert set(schemas["Run"]["required"]) | set(own["required"]) == set(detail)
    assert set(own["properties"]) == set(own["required"])

    other = (await ask("compare", params={"a": ident, "b": enter(params={"lr": 1})})).json
    assert set(schemas["Comparison"]["required"]) == set(schemas["Comparison"]["properties"]) == set(other)
    assert set(schemas["Change"]["required"]) == set(other["ranked"][0])
    ranks = {rank.name.lower().replace("_", "-") for rank in Rank}
    assert set(schemas["Change"]["properties"]["rank"]["enum"]) == ranks


async def test_errors_have_the_shape_that_is_described(ask):
    required = SPEC["components"]["responses"]["Error"]["content"]["application/json"]["schema"]["required"]
    assert set((await ask("runs")).json) == set(required)
