"""`%reproduce` in a real kernel, which starts another beside itself."""


def test_a_run_is_reproduced_beside_the_open_notebook(kernel, root):
    kernel("%load_ext jupyter_mlx")
    kernel("numbers = [1, 2, 3]")
    kernel("%%track total -m total\ntotal = sum(numbers)\nopen('total.txt', 'w').write(str(total))")
    (root / "total.txt").unlink()
    shown = kernel("%reproduce total --rtol 0")
    assert "no run" in shown.text
    shown = kernel("%reproduce last --rtol 0", timeout=120)
    assert shown.status == "ok"
    # what was said meanwhile, on stderr, may arrive after it
    table = next(output["data"]["text/html"] for output in shown.outputs if "data" in output)
    assert ": same (kept as run" in table
    assert "total.txt" in table
    assert not (root / "total.txt").exists()
    assert kernel("total").text == "6"


def test_a_wrong_line_says_how_it_is_written(kernel):
    kernel("%load_ext jupyter_mlx")
    assert "the following arguments are required: run" in kernel("%reproduce").text
