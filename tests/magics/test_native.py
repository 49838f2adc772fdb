"""What a front end gets from a tracked cell is, message by message, what it gets from the cell alone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

import pytest
from waiting import PATIENCE_S

CELLS = {
    "an empty cell": "",
    "empty lines": "\n\n",
    "only a comment": "# nothing to do",
    "a value": "x = 20\nx + 1",
    "a value that a semicolon hides": "1 + 1;",
    "None at the end": "print('x')\nNone",
    "the last value, In and Out": "_, len(Out) > 0, In[-1]",
    "a value that is long": "list(range(2000))",
    "a magic's value": "%precision 3\n3.14159",
    "an assignment from a magic": "files = %sx echo one\nfiles",
    "top-level await": "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "async for and with": "async def g():\n    yield 1\nasync for i in g():\n    print(i)",
    "an error in await": "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    1 / 0\nawait f()",
    "asyncio.run in the loop": "import asyncio\nasync def f(): pass\nc = f()\ntry:\n    asyncio.run(c)\nfinally:\n    c.close()",
    "a task that goes on": "import asyncio\nasync def f():\n    print('task')\nt = asyncio.ensure_future(f())\nawait t",
    "streams": "import sys\nprint('out', flush=True)\nprint('err', file=sys.stderr, flush=True)\nprint('out')",
    "a carriage return": "for i in range(3):\n    print(i, end='\\r')",
    "a traceback": "def f():\n    return 1 / 0\n\nf()",
    "a chain of exceptions": "try:\n    {}['x']\nexcept KeyError as e:\n    raise ValueError('y') from e",
    "a syntax error": "x = 1\ny = = 2",
    "an indentation error": "if True:\nx = 1",
    "an open bracket": "x = [1,\n2",
    "a return outside": "return 1",
    "an unknown name": "nowhere",
    "an unknown magic": "%nowhere",
    "an unknown cell magic": "%%nowhere\nx",
    "an error in a line magic": "%run nowhere.py",
    "SystemExit": "import sys, warnings\nwarnings.simplefilter('ignore')\nsys.exit(3)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "an exception that cannot be shown": "class E(Exception):\n    def __str__(self): raise ValueError\nraise E()",
    "a warning": "import warnings\nwarnings.simplefilter('always')\nwarnings.warn('careful')",
    "a display": "from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'), metadata={'a': 1})",
    "a display of several": "display({'text/plain': 'raw', 'text/html': '<i>'}, raw=True)\ndisplay(1, 2)",
    "an update of a display": "h = display('one', display_id='here')\nh.update('two')",
    "an update from elsewhere": "from IPython.display import update_display\ndisplay(1, display_id='d')\nupdate_display(2, display_id='d')",
    "a cleared output": "from IPython.display import clear_output\nprint('gone', flush=True)\nclear_output(wait=True)\nprint('stays')",
    "a progress bar": "from IPython.display import ProgressBar\nfor _ in ProgressBar(2): pass",
    "a repr that raises": "class R:\n    def __repr__(self): raise ValueError('no repr')\nR()",
    "a figure": "%matplotlib inline\nimport matplotlib.pyplot as plt\n_ = plt.plot([1, 2])",
    "a widget": "import ipywidgets as w\ns = w.IntSlider(3)\ns",
    "an Output widget": "import ipywidgets as w\no = w.Output()\ndisplay(o)\nwith o:\n    print('inside')\nprint('outside')",
    "an interactive widget": "import ipywidgets as w\nw.interactive(lambda x: print(x), x=2)",
    "%%time": "%%time\nx = 3\nx",
    "%%timeit": "%%timeit -n 1 -r 1\npass",
    "%%capture": "%%capture captured\nprint('inside')\n5",
    "%%bash": "%%bash\necho from bash\necho to stderr >&2",
    "%%html": "%%html\n<b>bold</b>",
    "%%writefile": "%%writefile written.py\nx = 1",
    "%%script that fails": "%%script false\nx",
    "%run": "with open('r.py', 'w') as f:\n    _ = f.write('print(__name__)')\n%run r.py",
    "%autoreload": "%load_ext autoreload\n%autoreload 2\nimport json\n%autoreload 0",
    "%load": "with open('l.py', 'w') as f:\n    _ = f.write('x = 1')\n%load l.py",
    "help": "len?",
    "automagic": "pwd",
    "automagic with an argument": "precision 4",
    "a shell command": "!echo shelled",
    "a child's output": "import subprocess, sys\n_ = subprocess.run([sys.executable, '-c', 'print(1)'])",
    "os.write": "import os\n_ = os.write(1, b'raw\\n')",
    "a fork": "import os\npid = os.fork()\nif pid == 0:\n    os._exit(7)\nos.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
    "a pool": "from multiprocessing import get_context\nwith get_context('fork').Pool(1) as p:\n    print(p.map(abs, [-1]))",
    "threads": "import threading\nt = threading.Thread(target=print, args=['from a thread'])\nt.start()\nt.join()",
    "a cell in a cell": "r = get_ipython().run_cell('1 / 0')\nr.success",
    "names that are taken": "get_ipython = print = open = display = 1\nopen",
    "standard streams that are taken": "import sys, io\nkept = sys.stdout\nsys.stdout = io.StringIO()\nprint('lost')\nsys.stdout = kept\nprint('seen')",
    "a folder that is left": "import os\nhere = os.getcwd()\nos.makedirs('deeper', exist_ok=True)\nos.chdir('deeper')\nprint(1)\nos.chdir(here)",
    "a trace function": "import sys\nsys.settrace(lambda *a: None)\nx = 1\nsys.settrace(None)",
    "a deep recursion": "import sys\nn = sys.getrecursionlimit()\nsys.setrecursionlimit(120)\ndef f(): f()\ntry:\n    f()\nfinally:\n    sys.setrecursionlimit(n)",
    "tabs and CRLF": "if True:\r\n\tprint('x')\r\n",
    "other alphabets": "größe = '日本語 🎉'\ngröße",
    "a long cell": "\n".join(f"x{i} = {i}" for i in range(500)),
    "input": "name = input('name? ')\nprint(name)",
    "getpass": "import getpass\nlen(getpass.getpass())",
    "%pdb": "%pdb on\n1 / 0",
    "%debug": "def f(a):\n    return a / 0\nr = get_ipython().run_cell('f(1)')\n%debug",
}  # fmt: skip
EXPANDED = {"pwd", "precision 4"}
"""What IPython expands only where it is all of a cell."""
AFTER = {"names that are taken": "del get_ipython, print, open, display", "%pdb": "%pdb off"}
ANSWERS = {"input": ["me"], "getpass": ["secret"], "%pdb": ["p 6 * 7", "q"], "%debug": ["p a", "up", "q"]}
OUTPUTS = {
    "stream", "display_data", "execute_result", "error", "update_display_data", "clear_output", "comm_open", "comm_msg",
    "comm_close",
}  # fmt: skip


@dataclass
class Answer:
    """All that a front end gets for one request, without what differs from one execution to the next."""

    reply: dict[str, Any]
    messages: list[tuple[str, Any]] = field(default_factory=list)
    prompts: list[tuple[str, bool]] = field(default_factory=list)
    counts: int = 0
    """By how much `execution_count` is more than the last cell's."""


class FrontEnd:
    """Speaks to a kernel as a notebook does, also answering what it asks for."""

    def __init__(self, kernel: Any) -> None:
        self.kernel, self.client, self.count = kernel, kernel.client, None

    def send(self, code: str, **content: Any) -> str:
        """Ask for an execution; the request's id."""
        asked = {
            "code": code, "silent": False, "store_history": True, "allow_stdin": True, "stop_on_error": False,
            "user_expressions": {"state": "repr((_, len(In) - len(_ih), sorted(Out) == sorted(_oh)))"},
        }  # fmt: skip
        message = self.client.session.msg("execute_request", asked | content, metadata={"cellId": "c"})
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def wait(
        self,
        request: str,
        answers: tuple[str, ...] | list[str] = (),
        after_output: Callable[[], Any] | None = None,
    ) -> Answer:
        """Everything until the kernel is idle again; `after_output` is called when it has shown something."""
        given, answer = list(answers), Answer({})
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=0.05 if given else PATIENCE_S)
            except Empty:
                assert time.monotonic() < deadline, "the kernel does not answer"
                if self.client.stdin_channel.msg_ready():
                    asked = self.client.get_stdin_msg()["content"]
                    answer.prompts.append((asked["prompt"], asked["password"]))
                    self.client.input(given.pop(0))
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in OUTPUTS:
                _add(answer.messages, kind, content)
                if after_output is not None:
                    after_output()
                    after_output = None
        while (reply := self.client.get_shell_msg(timeout=PATIENCE_S))["parent_header"].get(
            "msg_id"
        ) != request:
            pass
        count = reply["content"].get("execution_count")
        answer.counts = count - (self.count if self.count is not None else count)
        self.count = count
        answer.reply = _plain(
            {key: value for key, value in reply["content"].items() if key != "execution_count"}
        )
        answer.messages = [(kind, _plain(content)) for kind, content in answer.messages]
        return answer

    def __call__(self, code: str, answers: tuple[str, ...] | list[str] = (), **content: Any) -> Answer:
        return self.wait(self.send(code, **content), answers)


def _add(messages: list[tuple[str, Any]], kind: str, content: dict[str, Any]) -> None:
    """Texts of one stream are one, however the kernel cut them."""
    if (
        kind == "stream"
        and messages
        and messages[-1][0] == kind
        and messages[-1][1]["name"] == content["name"]
    ):
        messages[-1][1]["text"] += content["text"]
    else:
        messages.append((kind, content))


def _plain(value: Any) -> Any:
    """Without colours, counts, addresses, ids and times."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key != "execution_count"}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, str):
        return value
    text = re.sub(r"\x1b\[[0-9;]*m", "", value)
    text = re.sub(
        r"\b(Cell In|In|Out) ?\[\d+\]|\b0x[0-9a-f]+|ipykernel_\d+/\d+|\b\d+\.py|\b[\w-]*[0-9a-f]{16,}\w*",
        "…",
        text,
    )
    return re.sub(r"[\d.]+(e\+\d+)? ?([μµ]s|us|ns|ms|s|min)\b", "…", text)


def alone(source: str) -> str:
    """The cell with its lines where they are below `%%track`."""
    return source if source.startswith("%%") or source in EXPANDED else f"# %%track\n{source}"


@pytest.fixture(scope="module")
def front(loaded):
    """The module's kernel, as a front end sees it."""
    return FrontEnd(loaded)


@pytest.mark.parametrize("name", CELLS)
def test_a_tracked_cell_is_executed_as_the_cell_alone(front, name, last):
    source, answers = CELLS[name], ANSWERS.get(name, ())

    def execute(code):
        front("42")
        answer = front(code, answers)
        if name in AFTER:
            front(AFTER[name])
        return answer

    front("%reset -f")
    plain, tracked = execute(alone(source)), execute(f"%%track n\n{source}")
    if tracked != plain:
        # what is imported, warned of or shown but once was so the first time
        plain = execute(alone(source))
    assert tracked.messages == plain.messages
    assert tracked == plain
    run = last()
    assert run.source == source
    assert run.status == ("finished" if plain.reply["status"] == "ok" else run.status)
    assert run.status != "running"


@pytest.mark.parametrize("content", [{"store_history": False}, {"silent": True}], ids=str)
def test_a_request_that_leaves_no_trace_leaves_none(front, content):
    front("42")
    plain = front("# %%track\nprint(1)\n5", **content)
    front("42")
    assert front("%%track\nprint(1)\n5", **content) == plain


def test_queued_cells_each_keep_their_own(front, root, last):
    requests = [front.send(f"%%track queued{i}\nprint({i})\n{i} * 10") for i in range(3)]
    for i, request in enumerate(requests):
        texts = [
            content.get("text") or content["data"]["text/plain"]
            for _, content in front.wait(request).messages
        ]
        assert texts == [f"{i}\n", str(i * 10)]
        assert last(f"name = queued{i}").cell_outputs[0]["text"] == f"{i}\n"


@pytest.mark.parametrize(
    "body",
    [
        "import subprocess\nsubprocess.run(['sleep', '60'])",
        "import threading\nthreading.Event().wait(60)",
        "import numpy as np\na = np.ones((3000, 3000))\nfor _ in range(1000):\n    a @ a",
    ],
    ids=["child", "lock", "native"],
)
def test_an_interrupt_ends_a_tracked_cell_as_it_does_the_cell_alone(front, body, last):

    def interrupt():
        time.sleep(0.3)  # it has printed, and is in the call by then
        front.kernel.manager.interrupt_kernel()

    codes = (f"# %%track\nprint('go', flush=True)\n{body}", f"%%track\nprint('go', flush=True)\n{body}")
    answers = [front.wait(front.send(code), after_output=interrupt) for code in codes]
    assert [a.reply["ename"] for a in answers] == ["KeyboardInterrupt"] * 2
    assert [[kind for kind, _ in a.messages] for a in answers] == [["stream", "error"]] * 2
    assert last().status == "interrupted"


def test_exit_in_a_tracked_cell_ends_the_kernel_and_the_run(start, root, last):
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    process = kernel.manager.provisioner.process
    assert kernel("%%track leaving\nexit").status == "ok"
    assert process.wait(PATIENCE_S) == 0
    assert last("name = leaving").status == "finished"


def test_a_restarted_kernel_goes_on(start, root, last):
    kernel = start(root)
    kernel("%load_ext jupyter_mlx\nx = 1")
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=PATIENCE_S)
    kernel("%load_ext jupyter_mlx")
    assert "NameError" in kernel("%%track restarted\nx").text
    assert last("name = restarted").status == "failed"
