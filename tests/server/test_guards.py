"""Who may ask, and what is refused before it is looked at."""

from __future__ import annotations

import json
import re
from http.cookies import SimpleCookie
from urllib.parse import quote

import pytest
from jupyter_server.auth.authorizer import Authorizer
from tornado.httpclient import HTTPClientError

from jupyter_mlx.server.routes import ROUTES

VERBS = ("get", "post", "put", "patch", "delete")
SAMPLE = "0123456789abcdef"


def verbs_of(handler) -> list[str]:
    """The verbs that a handler answers itself."""
    return [verb for verb in VERBS if verb in handler.__dict__]


def url_of(path: str) -> str:
    return "jupyter-mlx/api/v1/" + path.replace("([^/]+)", SAMPLE)


ALL = [(verb.upper(), url_of(path)) for path, handler in ROUTES for verb in verbs_of(handler)]


@pytest.mark.parametrize(("method", "path"), ALL)
async def test_without_a_token_every_route_is_closed(
    http_server_client, jp_base_url, jp_serverapp, method, path
):
    body = "{}" if method in ("POST", "PATCH") else None
    with pytest.raises(HTTPClientError) as refused:
        await http_server_client.fetch(jp_base_url + path, method=method, body=body)
    assert refused.value.code == 403
    assert json.loads(refused.value.response.body)["error"]["code"] == "http"


class Nobody(Authorizer):
    """Lets in whoever has the token, and lets nobody do anything."""

    def is_authorized(self, handler, user, action, resource) -> bool:
        return resource != "jupyter_mlx"


@pytest.mark.parametrize(("method", "path"), ALL)
async def test_every_route_asks_the_authorizer(jp_serverapp, jp_web_app, jp_fetch, method, path):
    jp_web_app.settings["authorizer"] = Nobody(parent=jp_serverapp)
    body = "{}" if method in ("POST", "PATCH") else None
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(*path.split("/"), method=method, body=body)
    assert refused.value.code == 403


XSRF = "a" * 32


@pytest.fixture
def browser(http_server_client, jp_base_url, jp_serverapp):
    """`await browser(method, path, **headers)`: asks with a cookie, as a page does; the status."""
    jar: list[str] = []

    async def log_in() -> None:
        token = jp_serverapp.identity_provider.token
        answer = await http_server_client.fetch(f"{jp_base_url}api/status?token={token}")
        cookies = SimpleCookie("; ".join(answer.headers.get_list("Set-Cookie")))
        jar.extend(
            f"{name}={morsel.value}" for name, morsel in cookies.items() if name.startswith("username")
        )
        jar.append(f"_xsrf={XSRF}")

    async def fetch(method: str, path: str, body: str | None = None, **headers: str) -> int:
        if not jar:
            await log_in()
        answer = await http_server_client.fetch(
            f"{jp_base_url}jupyter-mlx/api/v1/{path}",
            method=method,
            body=body,
            headers={"Cookie": "; ".join(jar), **headers},
            raise_error=False,
        )
        return answer.code

    return fetch


async def test_a_change_needs_the_xsrf_token_beside_the_cookie(browser, enter):
    ident = enter()
    assert await browser("GET", "runs") == 200
    assert await browser("DELETE", f"runs/{ident}") == 403
    assert await browser("PATCH", f"runs/{ident}", "{}") == 403
    assert await browser("POST", "pipeline/run", "{}") == 403
    assert await browser("POST", "snapshots", "{}") == 403
    assert await browser("POST", "jobs", "{}") == 403
    assert await browser("DELETE", f"jobs/{SAMPLE}") == 403
    assert await browser("POST", "project", "{}") == 403
    assert await browser("POST", "runs/actions", f'{{"ids": ["{ident}"]}}') == 403
    assert await browser("POST", f"runs/{ident}/restore", "{}") == 403
    assert await browser("POST", f"runs/{ident}/reproductions", "{}") == 403
    assert await browser("DELETE", f"runs/{ident}/reproductions") == 403
    assert await browser("DELETE", f"runs/{ident}", **{"X-XSRFToken": XSRF}) == 204


async def test_another_origin_is_refused(browser, enter):
    ident = enter()
    away = {"Origin": "https://evil.example", "X-XSRFToken": XSRF}
    assert await browser("GET", "runs", **away) in (403, 404)
    assert await browser("GET", f"report?ids={ident}", **away) in (403, 404)
    assert await browser("POST", f"runs/{ident}/restore", "{}", **away) in (403, 404)
    assert await browser("POST", f"runs/{ident}/reproductions", "{}", **away) in (403, 404)
    assert await browser("DELETE", f"runs/{ident}", **away) in (403, 404)
    assert await browser("POST", "runs/actions", f'{{"ids": ["{ident}"]}}', **away) in (403, 404)
    assert await browser("POST", "project", "{}", **away) in (403, 404)


async def test_reading_changes_nothing(ask, enter, project):
    ident = enter()
    before = project.ledger.seq()
    for path in (
        "runs",
        "runs/names",
        "runs/ids",
        "runs/groups",
        f"runs/{ident}",
        f"runs/{ident}/outputs",
        f"runs/{ident}/lineage",
        f"runs/{ident}/notebook",
        f"runs/{ident}/script",
        f"runs/{ident}/figures",
        f"runs/{ident}/reproductions",
        "compare/runs",
        "compare/columns",
        "report",
        "data",
        "pipeline",
        "events",
    ):
        assert (await ask(*path.split("/"), params={"by": "tag", "ids": ident})).status == 200
    assert project.ledger.seq() == before


HOSTILE = [
    "..",
    "../../etc/passwd",
    "..\\..\\x",
    "a\0b",
    "last",
    "%",
    "'; DROP TABLE runs; --",
    "x" * 5000,
    "ABCDEF",
    "abc",
    "abcd\n",
]


@pytest.mark.parametrize("ident", HOSTILE)
async def test_what_is_no_id_is_refused_before_it_is_looked_up(ask, project, ident):
    for rest in ("", "/outputs", "/lineage", "/notebook", "/script", "/figures", "/series", "/reproductions"):
        answer = await ask("runs", quote(ident, safe="") + rest, params={"metric": "loss"})
        assert answer.status in (400, 404)
        assert answer.status == 400 or "runs" not in answer.body.decode()


@pytest.mark.parametrize("digest", [*HOSTILE, "b3:" + "A" * 64, "b3:" + "0" * 63, "sha256:" + "0" * 64])
async def test_what_is_no_digest_is_refused_before_it_is_looked_up(ask, project, digest):
    assert (await ask("objects", quote(digest, safe=""))).status in (400, 404)


async def test_an_encoded_way_out_of_the_project_leads_nowhere(
    http_server_client, jp_base_url, jp_serverapp, project
):
    token = jp_serverapp.identity_provider.token
    for path in ("objects/..%2f..%2fmlx.yaml", "objects/%2e%2e/mlx.yaml", "runs/..%2F..%2Fledger.db"):
        answer = await http_server_client.fetch(
            f"{jp_base_url}jupyter-mlx/api/v1/{path}",
            headers={"Authorization": f"token {token}"},
            raise_error=False,
        )
        assert answer.code in (400, 404)
        assert b"stages" not in answer.body


async def test_answers_are_never_a_page(ask, enter):
    name = "<script>alert(1)</script>"
    enter(name)
    answer = await ask("runs")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(answer.body)["runs"][0]["name"] == name


def test_no_route_answers_a_verb_that_has_no_guard():
    for _, handler in ROUTES:
        for verb in verbs_of(handler):
            method = getattr(handler, verb)
            # `authorized` wraps last and `web.authenticated` around it
            assert hasattr(method, "__wrapped__"), (handler, verb)
            assert hasattr(method.__wrapped__, "__wrapped__"), (handler, verb)
        assert handler.auth_resource == "jupyter_mlx"
        assert re.fullmatch(r"[A-Z]\w+Handler", handler.__name__)
