"""Reading a cell, statement by statement in the order of its execution, for what it does with names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .methods import moves
from .names import Kind, Later, Names, Scope, Touch, bound_in, chain, kind_of, parameters, shared
from .noting import Noting, gives_any_name


def walk(tree: ast.Module, found: Names) -> None:
    """Fill `found` with what a cell's statements do. Raises RecursionError."""
    walker = _Walk(found)
    walker.block(tree.body, walker.bound)
    found.settles = walker.bound


class _Walk(Noting, ast.NodeVisitor):
    """Goes through a cell in the order of its execution."""

    def block(self, body: Sequence[ast.stmt], bound: set[str]) -> None:
        """Statements one after another; `bound` grows by what each surely binds."""
        before, self.bound = self.bound, bound
        for statement in body:
            outer, self.made = self.made, []
            makers, self.makers = self.makers, set()
            self.visit(statement)
            if self.made:
                holders = shared(statement) | bound_in([statement])[0]
                self.attach(holders, self.made)
            self.made, self.makers = outer, makers
        self.bound = before

    def inner(self, *bodies: Sequence[ast.stmt]) -> None:
        """Blocks that may be executed or not."""
        for body in bodies:
            self.block(body, set(self.bound))

    def target(self, node: ast.expr, kind: Kind, *, surely: bool = True) -> None:
        """Bind what stands left of a `=`, or change the object that it is a part of."""
        if isinstance(node, ast.Name):
            self.bind(node.id, kind, surely=surely)
        elif isinstance(node, (ast.Tuple, ast.List)):
            for part in node.elts:
                self.target(part, "const" if kind == "const" else "other", surely=surely)
        elif isinstance(node, ast.Starred):
            self.target(node.value, "solid", surely=surely)
        else:
            self.visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.assign(target, node.value)
        self.link(shared(node.value).union(*map(shared, node.targets)))

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        if (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            for part, given in zip(target.elts, value.elts, strict=True):
                self.assign(part, given)
        else:
            self.target(target, kind_of(value))
            self.note_value(target, value)
            if isinstance(target, (ast.Tuple, ast.List)):
                self.use_up(value, mildly=True)

    def use_up(self, node: ast.expr, *, mildly: bool = False) -> None:
        """An expression's value is iterated over."""
        for name in shared(node):
            self.touch(Touch(name, consumes=True, mildly=mildly))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is None:
            return
        self.visit(node.value)
        self.target(node.target, kind_of(node.value))
        self.link(shared(node.value) | shared(node.target))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        for name in shared(node.target):
            self.load(name)
            self.touch(Touch(name))
        self.target(node.target, kind_of(node.value))
        self.link(shared(node.value) | shared(node.target))

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.load(target.id)
                self.bind(target.id, "const", surely=False)
                self.bound.discard(target.id)
            else:
                self.visit(target)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.iterate(node.target, node.iter, own=False)
        bound = set(self.bound) | bound_in([node.target])[0]
        self.block(node.body, bound)
        self.inner(node.orelse)

    visit_AsyncFor = visit_For  # noqa: N815 (ast's name)

    def iterate(self, target: ast.expr, source: ast.expr, *, own: bool) -> None:
        self.visit(source)
        self.use_up(source)
        if not own:
            self.target(target, "other", surely=False)
        self.link(shared(source) | shared(target))

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self.inner(node.body, node.orelse)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self.inner(node.body, node.orelse)

    def visit_Try(self, node: ast.Try) -> None:
        self.inner(node.body, node.orelse)
        for handler in node.handlers:
            if handler.type is not None:
                self.visit(handler.type)
            if handler.name:
                self.bind(handler.name, surely=False)
            self.block(handler.body, self.bound | {handler.name or ""})
        self.inner(node.finalbody)

    visit_TryStar = visit_Try  # noqa: N815

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            for name in shared(item.context_expr):
                self.touch(Touch(name, by=name))
            if item.optional_vars is not None:
                self.target(item.optional_vars, "other")
                self.link(shared(item.context_expr) | shared(item.optional_vars))
        # what is below may be left early, and the exception swallowed
        self.inner(node.body)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        for case in node.cases:
            names = bound_in([case.pattern])[0]
            for name in names:
                self.bind(name, surely=False)
            self.link(shared(node.subject) | names)
            self.visit(case.pattern)
            if case.guard is not None:
                self.visit(case.guard)
            self.block(case.body, self.bound | names)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            # `import a.b` adds to what `import a.c` gave
            self.bind(name, "import", surely=alias.asname is not None or "." not in alias.name)
            self.note_import(name, alias.name if alias.asname else name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.found.defines_any = True
                continue
            name = alias.asname or alias.name
            self.bind(name, "import")
            self.note_import(name, f"{module}.{alias.name}")

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            self.call(value, alone=True)
        else:
            self.visit(node.value)

    @contextmanager
    def inside(self, own: set[str], later: Later | None = None, *, is_class: bool = False) -> Iterator[None]:
        self.scopes.append(Scope(own, is_class))
        if later is not None:
            self.laters.append(later)
        yield
        self.scopes.pop()
        if later is not None:
            self.laters.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, node.args, *([node.returns] if node.returns else ())):
            self.visit(part)
        defaults = [default for default in (*node.args.defaults, *node.args.kw_defaults) if default]
        own, others = bound_in(node.body)
        plain = all(kind_of(default) == "const" for default in defaults) and not node.decorator_list
        later = Later()
        with self.inside((own | parameters(node.args)) - others, later):
            self.block(node.body, set())
        self.finish(node, later, "def" if plain else "other", defaults)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        later = Later()
        own = bound_in(node.body)[0]
        held = [*node.bases]
        plain = not (node.decorator_list or node.bases or node.keywords)
        with self.inside(own, is_class=True):
            for statement in node.body:
                self.visit(statement)
                if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
                    held.append(statement.value)
                plain = plain and isinstance(
                    statement, (ast.FunctionDef, ast.Expr, ast.AnnAssign, ast.Pass, ast.AsyncFunctionDef)
                )
        # its methods: functions that the body made, without a name of the notebook
        for made in self.made:
            later.add(made)
        self.made = []
        self.finish(node, later, "class" if plain and node.name not in later.uses else "other", held)
        if any(map(moves, node.body)):
            self.found.moving.add(node.name)

    def finish(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        later: Later,
        kind: Kind,
        held: Sequence[ast.expr],
    ) -> None:
        """Bind what a `def` or `class` made."""
        if node.decorator_list:
            # a decorator may call it at once
            self.at_once(later)
        for decorator in node.decorator_list:
            root, path = chain(decorator)
            if isinstance(decorator, ast.Attribute) and root and not self.is_own(root):
                # `@f.register`: a call of what stands there
                self.touch(Touch(root, root, path))
        self.bind(node.name, kind)
        self.link({node.name, *(later.uses - later.words)}.union(*map(shared, (*node.decorator_list, *held))))
        if self.is_own(node.name):
            self.made.append(later)
        else:
            self.attach([node.name], [later])

    def at_once(self, later: Later) -> None:
        """What a function does is done here already."""
        for name in later.uses:
            self.load(name)
        for name in later.binds:
            self.bind(name, surely=False)
        for touch in later.touches:
            self.touch(touch)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        later = Later()
        with self.inside(parameters(node.args), later):
            self.visit(node.body)
        self.made.append(later)
        self.at_once(later)

    def visit_comprehension_of(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        first = node.generators[0]
        self.visit(first.iter)
        later = Later()
        targets = bound_in([generator.target for generator in node.generators])[0]
        with self.inside(targets, later):
            for generator in node.generators:
                if generator is not first:
                    self.iterate(generator.target, generator.iter, own=True)
                for test in generator.ifs:
                    self.visit(test)
            for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
                self.visit(part)
        self.use_up(first.iter)
        self.at_once(later)
        if isinstance(node, ast.GeneratorExp):
            self.made.append(later)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_comprehension_of  # noqa: N815

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.load(node.id)
        else:
            self.bind(node.id, surely=False)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.target(node.target, kind_of(node.value), surely=False)
        self.link(shared(node.value) | shared(node.target))

    def visit_Starred(self, node: ast.Starred) -> None:
        self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            self.use_up(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        self.generic_visit(node)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                self.use_up(right, mildly=True)

    def visit_Attribute(self, node: ast.Attribute | ast.Subscript) -> None:
        self.generic_visit(node)
        if gives_any_name(node):
            self.opaque()
        if not isinstance(node.ctx, ast.Load):
            for name in shared(node.value):
                self.touch(Touch(name))

    visit_Subscript = visit_Attribute  # noqa: N815

    def visit_Call(self, node: ast.Call) -> None:
        self.call(node, alone=False)
