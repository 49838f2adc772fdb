"""Training loops of the real frameworks; one that is not installed is skipped by its name."""

import subprocess
import sys
import textwrap

from libraries import require
from waiting import PATIENCE_S

SINK = """
import sys
logged, active = [], True
from jupyter_mlx.capture.training import hook
def begin():
    return (lambda metrics, step: logged.append((step, dict(metrics)))) if active else None
hook.follow(begin)
hook.follow(begin)
assert not set(hook.FRAMEWORKS) & set(sys.modules)
import numpy as np
x = np.random.default_rng(0).normal(size=(60, 3)); y = (x[:, 0] > 0).astype(int)
"""


def trained(framework, source, before=""):
    """Run a training in a process of its own, as the frameworks stay patched; what was printed."""
    require(framework)
    code = before + SINK + textwrap.dedent(source)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_xgboost_logs_each_iteration():
    assert trained(
        "xgboost",
        """
        import xgboost
        from xgboost import XGBClassifier
        XGBClassifier(n_estimators=3).fit(x, y, eval_set=[(x, y)], verbose=False)
        print([step for step, _ in logged] == [0, 1, 2], sorted(logged[0][1]))
        logged.clear()
        data = xgboost.DMatrix(x, y)
        xgboost.train({"eval_metric": "error"}, data, 2, evals=[(data, "train")], verbose_eval=False)
        xgboost.cv({"eval_metric": "error"}, data, 1, nfold=2)
        print([step for step, _ in logged], sorted(logged[0][1]), isinstance(logged[-1][1]["test.error"], float))
        active = False
        logged.clear()
        xgboost.train({}, data, 2, evals=[(data, "train")], verbose_eval=False)
        print(logged)
        """,
    ) == ["True", "['validation_0.logloss']", "[0,", "1,", "0]", "['train.error']", "True", "[]"]  # fmt: skip


def test_lightgbm_logs_each_iteration_also_with_early_stopping():
    assert trained(
        "lightgbm",
        """
        import lightgbm
        model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1)
        model.fit(x, y, eval_set=[(x[:30], y[:30])], callbacks=[lightgbm.early_stopping(2, verbose=False)])
        print([step for step, _ in logged], sorted(logged[0][1]))
        logged.clear()
        lightgbm.train({"verbose": -1}, lightgbm.Dataset(x, y), 2)
        print(logged)
        """,
    ) == ["[0,", "1,", "2]", "['valid_0.binary_logloss']", "[]"]  # fmt: skip


def test_keras_logs_each_epoch():
    assert trained(
        "keras",
        """
        import keras
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile(loss="mse")
        model.fit(x, y, epochs=2, verbose=0, validation_split=0.2)
        model.fit(x, y, epochs=1, verbose=0, callbacks=keras.callbacks.LambdaCallback())
        model.evaluate(x, y, verbose=0)
        print([step for step, _ in logged], sorted(logged[0][1]))
        """,
    ) == ["[0,", "1,", "0]", "['loss',", "'val_loss']"]  # fmt: skip


def test_lightning_logs_each_epoch():
    assert trained(
        "lightning",
        """
        import lightning.pytorch as pl, torch
        class Module(pl.LightningModule):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(3, 1)
            def training_step(self, batch, at):
                loss = self.layer(batch[0]).pow(2).mean()
                self.log("loss", loss)
                return loss
            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), 0.1)
        data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(x, dtype=torch.float32)))
        trainer = pl.Trainer(
            max_epochs=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False)
        trainer.fit(Module(), data)
        print([step for step, _ in logged], sorted(logged[0][1]))
        """,
    ) == ["[0,", "1]", "['loss']"]  # fmt: skip


def test_the_trainer_of_transformers_logs_what_it_logs():
    require("torch", "accelerate")
    assert trained(
        "transformers",
        """
        import tempfile, torch
        from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, logging
        logging.set_verbosity_error()
        model = BertForSequenceClassification(BertConfig(
            vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))
        data = [{"input_ids": torch.randint(0, 30, (8,)), "labels": torch.tensor(i % 2)} for i in range(16)]
        arguments = TrainingArguments(
            output_dir=tempfile.mkdtemp(), num_train_epochs=2, per_device_train_batch_size=8, logging_steps=1,
            eval_strategy="epoch", report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True)
        sys.stdout = sys.stderr  # the trainer prints what it logs
        trainer = Trainer(model=model, args=arguments, train_dataset=data, eval_dataset=data)
        kept = len(trainer.callback_handler.callbacks)
        trainer.train()
        sys.stdout = sys.__stdout__
        print([step for step, found in logged if "loss" in found], [s for s, found in logged if "eval_loss" in found])
        print(len(trainer.callback_handler.callbacks) == kept)
        """,
        "import os; os.environ['HF_HUB_OFFLINE'] = '1'\n",
    ) == ["[1,", "2,", "3,", "4]", "[2,", "4]", "True"]  # fmt: skip


def test_a_framework_that_was_imported_before_is_seen_too():
    source = """
    import lightgbm
    lightgbm.LGBMClassifier(n_estimators=1, verbose=-1).fit(x, y, eval_set=[(x, y)])
    print(len(logged), lightgbm.__spec__.loader.__class__.__name__)
    """
    require("lightgbm")
    code = "import lightgbm\n" + SINK.replace(
        "assert not set(hook.FRAMEWORKS)", "assert 1 or set(hook.FRAMEWORKS)"
    )
    code += textwrap.dedent(source)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.stdout.split() == ["1", "SourceFileLoader"], done.stderr


def test_a_framework_of_another_shape_is_imported_all_the_same(tmp_path):
    (tmp_path / "keras.py").write_text("answer = 42")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{SINK}\nimport keras\nprint(keras.answer)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.stdout.strip() == "42"
    assert "does not see the training of keras" in done.stderr
