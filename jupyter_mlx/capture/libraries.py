"""What is known of well-known libraries, for the slice: whose functions change nothing, and which do."""

from __future__ import annotations

import sys

ITERATORS = frozenset(
    {
        "csv", "glob", "io", "itertools", "os", "pathlib", "queue", "re", "select", "socket", "tarfile",
        "zipfile",
    }
)  # fmt: skip
"""Libraries whose functions give iterators, files or queues."""
SURROUNDINGS = frozenset(
    {
        "locale", "logging", "os", "shutil", "subprocess", "sys", "warnings",
    }
)  # fmt: skip
"""Libraries whose functions are called for what they do to the process or its files."""
PLOTTING = frozenset(
    {
        "altair", "bokeh", "matplotlib", "plotly", "pylab", "seaborn",
    }
)  # fmt: skip
RANDOM = frozenset(
    {
        "keras", "lightning", "pytorch_lightning", "random", "secrets", "tensorflow", "torch", "torchvision",
        "transformers",
    }
)  # fmt: skip
"""Libraries that may draw from a global random generator in any call."""
_STATEFUL = frozenset(
    {
        "__main__", "asyncio", "builtins", "concurrent", "importlib", "multiprocessing", "queue", "threading",
        "unittest",
    }
)  # fmt: skip
"""Parts of the standard library whose objects change each other."""
_THIRD_PARTY = frozenset(
    {
        "IPython", "PIL", "cv2", "duckdb", "ipywidgets", "jax", "joblib", "jupyter_mlx", "lightgbm", "numpy",
        "pandas", "polars", "pyarrow", "requests", "scipy", "skimage", "sklearn", "statsmodels", "sympy",
        "tqdm", "xgboost", "yaml",
    }
)  # fmt: skip
FUNCTIONAL = (frozenset(sys.stdlib_module_names) - _STATEFUL) | _THIRD_PARTY | PLOTTING | RANDOM
"""Libraries whose functions leave what they are given as it is, unless they are called for nothing else."""
RANDOM_WORDS = frozenset(
    {
        "choice", "choices", "gauss", "normal", "permutation", "rand", "randint", "randn", "random", "sample",
        "shuffle", "train_test_split", "uniform",
    }
)  # fmt: skip
"""Parts of names of what draws random numbers."""
SEEDS = frozenset(
    {
        "enable_full_determinism", "manual_seed", "manual_seed_all", "seed", "seed_everything",
        "set_random_seed", "set_seed", "use_deterministic_algorithms",
    }
)  # fmt: skip
"""Functions that set a random generator."""
STYLE_WORDS = frozenset(
    {
        "ioff", "ion", "rc", "rcParams", "rcdefaults", "set", "set_context", "set_palette", "set_style",
        "set_theme", "style", "switch_backend", "use",
    }
)  # fmt: skip
"""Parts of names of what changes how all later figures look."""
SETTINGS = frozenset(
    {
        "basicConfig", "chdir", "field_size_limit", "filterwarnings", "init_printing", "putenv", "rc", "rcdefaults",
        "reset_option", "seterr", "setlocale", "setcontext", "simplefilter", "umask", "unsetenv",
    }
)  # fmt: skip
"""Functions that change the process, whether their value is used or not; so do those named `set_…` and `register…`."""
SETTING_OBJECTS = frozenset({"decimal", "logging"})
"""Libraries whose objects are settings: a context, a logger."""
SAYING_WORDS = frozenset(
    {
        "critical", "debug", "error", "exception", "exit", "flush", "info", "log", "makedirs", "mkdir", "warn",
        "warning", "write",
    }
)  # fmt: skip
"""Functions that a function of the notebook may call without being one that sets something."""
FITS = frozenset({"fit", "fit_predict", "fit_resample", "fit_transform", "partial_fit", "split"})
"""Methods by which an estimator, or a splitter, draws."""
RANDOM_CLASSES = frozenset(
    {
        "AdaBoostClassifier", "AdaBoostRegressor", "BaggingClassifier", "BaggingRegressor", "BayesSearchCV",
        "BayesianGaussianMixture", "BernoulliRBM", "BisectingKMeans", "CalibratedClassifierCV", "CatBoostClassifier",
        "CatBoostRegressor", "DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier",
        "ExtraTreeRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor", "FastICA", "GaussianMixture",
        "GaussianRandomProjection", "GradientBoostingClassifier", "GradientBoostingRegressor", "GroupShuffleSplit",
        "HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "IsolationForest", "IterativeImputer",
        "KFold", "KMeans", "LatentDirichletAllocation", "LinearSVC", "MDS", "MLPClassifier", "MLPRegressor",
        "MiniBatchDictionaryLearning", "MiniBatchKMeans", "NMF", "Nystroem", "PCA", "PassiveAggressiveClassifier",
        "Perceptron", "QuantileTransformer", "RANSACRegressor", "RBFSampler", "RandomForestClassifier",
        "RandomForestRegressor", "RandomOverSampler", "RandomTreesEmbedding", "RandomUnderSampler",
        "RandomizedSearchCV", "RepeatedKFold", "RepeatedStratifiedKFold", "SGDClassifier", "SGDRegressor", "SMOTE",
        "ShuffleSplit", "SparseRandomProjection", "SpectralClustering", "StratifiedKFold", "StratifiedShuffleSplit",
        "TSNE", "TruncatedSVD", "UMAP",
    }
)  # fmt: skip
"""Classes whose objects draw from numpy's global generator where they are given no `random_state`."""
PURE_METHODS = frozenset(
    {
        "T", "abs", "all", "any", "argmax", "argmin", "astype", "capitalize", "copy", "corr", "count", "cov",
        "cumsum", "decode", "describe", "dot", "drop_duplicates", "dropna", "dt", "encode", "endswith",
        "fillna", "find", "flatten", "format", "get", "groupby", "head", "iloc", "index", "info", "isin",
        "isna", "isnull", "items", "join", "keys", "loc", "lower", "max", "mean", "median", "melt", "merge",
        "min", "mode", "notna", "nunique", "pivot_table", "plot", "predict", "predict_proba", "quantile",
        "ravel", "replace", "reset_index", "reshape", "round", "score", "select_dtypes", "set_index", "shape",
        "size", "sort_index", "sort_values", "split", "startswith", "std", "str", "strip", "sum", "tail",
        "title", "to_csv", "to_dict", "to_html", "to_json", "to_list", "to_numpy", "to_parquet", "tolist",
        "unique", "upper", "value_counts", "values", "var",
    }
)  # fmt: skip
"""Methods of the built-in types, arrays, tables and models that leave their object as it is."""
