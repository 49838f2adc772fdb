"""A Jupyter server in this process, with the extension loaded, on a project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError
from waiting import PATIENCE_S

from jupyter_mlx.ledger.run import Run, new_id
from jupyter_mlx.project import Project

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def jp_server_config():
    return {"ServerApp": {"jpserver_extensions": {"jupyter_mlx": True}}}


@pytest.fixture
def project(jp_root_dir) -> Project:
    return Project.create(jp_root_dir)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def ask(jp_fetch):
    """`await ask("runs", method="GET", …)`: the answer, an error's too."""

    async def fetch(*path: str, **how: Any) -> Answer:
        how |= {"request_timeout": PATIENCE_S, "connect_timeout": PATIENCE_S}
        if "json" in how:
            how["body"] = json.dumps(how.pop("json"))
        try:
            found = await jp_fetch("jupyter-mlx", "api", "v1", *path, **how)
        except HTTPClientError as error:
            found = error.response
        return Answer(found.code, found.headers, found.body)

    return fetch


@pytest.fixture
def enter(project):
    """`enter("fit", minute=3, metrics={…})`: a finished run in the ledger; its id."""

    def insert(name: str = "fit", *, minute: int = 0, **facts: Any) -> str:
        facts = {"kind": "cell", "status": "finished", "duration_s": 1.5, **facts}
        run = Run(id=new_id(), name=name, started_at=NOON + timedelta(minutes=minute), **facts)
        project.ledger.insert(run)
        return run.id

    return insert
