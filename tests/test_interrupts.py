"""An interrupt that meets code which cannot raise it."""

import subprocess
import sys

from waiting import PATIENCE_S

CODE = """
import os, signal, sys, time
from jupyter_mlx.interrupts import insist

if sys.argv[1] == "insist":
    insist()

class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

try:
    one = Deaf()
    del one
    for _ in range(200):
        time.sleep(0.01)
    print("went on")
except KeyboardInterrupt:
    print("interrupted")
"""


def said(word):
    command = [sys.executable, "-c", CODE, word]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_S)


def test_an_interrupt_that_could_not_be_raised_comes_again():
    assert said("nothing").stdout == "went on\n"  # or there would be nothing to test
    heard = said("insist")
    assert (heard.stdout, heard.stderr) == ("interrupted\n", "")
