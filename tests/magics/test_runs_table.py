"""`%runs` in a real kernel: the widgets' messages, and the static table beside them."""

import contextlib
import subprocess
import sys
from queue import Empty

import pytest
from waiting import PATIENCE_S

from jupyter_mlx.magics.widgets import ROWS

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def many(kernel):
    """A page and a half of runs, `r0` the oldest, with `acc` from 0 up."""
    total = ROWS + ROWS // 2
    kernel(
        "import jupyter_mlx as jm\n"
        f"for at in range({total}):\n    with jm.run(f'r{{at}}', lr=at / 10): jm.log(acc=at)"
    )
    yield total
    kernel("for run in jm.runs().id:\n    jm.api._project().ledger.trash(run)")


def until_idle(kernel, request):
    """What the kernel sends for a request: (type, content) each."""
    found = []
    while True:
        try:
            message = kernel.client.get_iopub_msg(timeout=PATIENCE_S)
        except Empty:
            raise AssertionError("the kernel did not answer in time") from None
        if message["parent_header"].get("msg_id") == request:
            found.append((message["msg_type"], message["content"]))
            if found[-1] == ("status", {"execution_state": "idle"}):
                with contextlib.suppress(Empty):
                    kernel.client.get_shell_msg(timeout=0.2)
                return found


class Front:
    """The models that a front end holds, kept up by the kernel's messages."""

    def __init__(self, kernel, code):
        self.kernel, self.models = kernel, {}
        self.shown = None
        self.take(until_idle(kernel, kernel.send(code)))

    def take(self, messages):
        for kind, content in messages:
            if kind == "comm_open":
                self.models[content["comm_id"]] = dict(content["data"]["state"])
            elif kind == "comm_msg" and content["data"]["method"] == "update":
                self.models[content["comm_id"]] |= content["data"]["state"]
            elif kind == "comm_close":
                self.models.pop(content["comm_id"])
            elif kind == "execute_result":
                self.shown = content["data"]

    def send(self, comm, data):
        content = {"comm_id": comm, "data": data}
        message = self.kernel.client.session.msg("comm_msg", content)
        self.kernel.client.shell_channel.send(message)
        self.take(until_idle(self.kernel, message["header"]["msg_id"]))

    def set(self, comm, **state):
        self.send(comm, {"method": "update", "state": state, "buffer_paths": []})

    def click(self, text):
        self.send(self.find("ButtonModel", text), {"method": "custom", "content": {"event": "click"}})

    def find(self, model, text=""):
        return next(
            comm
            for comm, state in self.models.items()
            if state.get("_model_name") == model
            and text in str(state.get("description", "")) + str(state.get("icon", ""))
        )

    @property
    def text(self):
        return " ".join(
            str(state.get("value", ""))
            for state in self.models.values()
            if state.get("_model_name") == "HTMLModel"
        )

    @property
    def count(self):
        return next(
            state["value"]
            for state in self.models.values()
            if " of " in str(state.get("value", "")) and state["_model_name"] == "LabelModel"
        )


def test_the_table_filters_sorts_and_pages(kernel, many):
    front = Front(kernel, "%runs")
    assert VIEW in front.shown
    assert front.count == f"1 to {ROWS} of {many}"
    before = len(front.models)
    front.click("chevron-right")
    assert front.count == f"{ROWS + 1} to {many} of {many}"
    assert ">r0<" in front.text
    front.click("chevron-left")
    assert len(front.models) <= before

    front.click("metrics.acc")
    assert f">r{many - 1}<" in front.text
    front.click("metrics.acc")
    assert ">r0<" in front.text

    front.set(front.find("TextModel"), value="acc > 3 and acc < 6")
    assert front.count == "1 to 2 of 2"
    front.set(front.find("TextModel"), value="acc >")
    assert "expected a value" in front.text
    assert front.count == "1 to 2 of 2"


def test_a_run_opens_below_and_two_are_compared(kernel, many):
    front = Front(kernel, "%runs")
    boxes = [comm for comm, state in front.models.items() if state.get("_model_name") == "CheckboxModel"]
    button = front.find("ButtonModel", "Compare")
    assert front.models[button]["disabled"]
    for box in boxes[:2]:
        front.set(box, value=True)
    assert not front.models[button]["disabled"]
    front.click("Compare")
    assert "param" in front.text
    assert "lr" in front.text
    ident = next(
        state["description"]
        for state in front.models.values()
        if state.get("tooltip") == "show this run below"
    )
    front.click(ident)
    assert 'sandbox=""' in front.text
    assert "&lt;!DOCTYPE html&gt;" in front.text


def test_columns_are_chosen(kernel, many):
    front = Front(kernel, "%runs")
    chooser = front.find("SelectMultipleModel")
    names = front.models[chooser]["_options_labels"]
    front.set(chooser, index=[names.index("kind")])
    assert ">block<" in front.text
    assert "ago" not in front.text


def test_the_saved_output_has_the_static_table_too(kernel, many):
    data = kernel("%runs name = r3").outputs[0]["data"]
    assert VIEW in data
    assert data["text/html"].startswith("<table>")
    assert "r3" in data["text/plain"]


def test_names_are_text_in_the_widgets_too(kernel):
    kernel("%%track <script>alert(1)</script>\n1")
    front = Front(kernel, "%runs")
    assert "<script>" not in front.text.replace("&lt;script&gt;", "")
    assert "&lt;script&gt;" in front.text


def test_a_terminal_gets_the_static_table(project):
    project.recorder.open(kind="block", name="first").finish()
    project.recorder.flush()
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "-c", "%load_ext jupyter_mlx\nprint(repr(get_ipython().run_line_magic('runs', '')._repr_mimebundle_().keys()))"],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=PATIENCE_S,
    )  # fmt: skip
    assert "dict_keys(['text/plain', 'text/html'])" in done.stdout, done.stderr
