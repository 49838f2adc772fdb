"""A layered layout of a graph without cycles: each node below all that it depends on, few crossings.

The steps are those of Sugiyama, Tagawa and Toda (1981): layers by the longest
path; a bend in each layer that an edge passes; order by the mean place of the
neighbours; then places, moved towards those of the neighbours.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

ROUNDS = 12
BEND = 8.0
"""The width that an edge takes of a layer that it passes."""

Node: TypeAlias = "tuple[str, ...]"
"""`(name,)`, or of a bend `(from, to, layer)`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is; x to the right, layers downwards from 0."""

    places: Mapping[str, tuple[float, int]]
    """Name → the middle of its box, and its layer."""
    edges: tuple[tuple[tuple[float, int], ...], ...]
    """Each edge as its points, the upper end first."""
    width: float
    layers: int


def layout(upstream: Mapping[str, Collection[str]], widths: Mapping[str, float], gap: float) -> Layout:
    """Lay out a graph: name → the names that it depends on, which come before it in `upstream`."""
    rank: dict[str, int] = {}
    for name, above in upstream.items():
        rank[name] = max((rank[each] + 1 for each in above), default=0)
    chains = [
        [(start,), *((start, end, str(i)) for i in range(rank[start] + 1, rank[end])), (end,)]
        for end, above in upstream.items()
        for start in sorted(above)
    ]
    layers: list[list[Node]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for name, layer in rank.items():
        layers[layer].append((name,))
    ups: dict[Node, list[Node]] = {}
    downs: dict[Node, list[Node]] = {}
    for chain in chains:
        for layer, node in enumerate(chain[1:-1], rank[chain[0][0]] + 1):
            layers[layer].append(node)
        for upper, lower in itertools.pairwise(chain):
            ups.setdefault(lower, []).append(upper)
            downs.setdefault(upper, []).append(lower)
    _ordered(layers, ups, downs)
    x = _placed(layers, ups, downs, lambda node: widths[node[0]] if len(node) == 1 else BEND, gap)
    left = min((x[(name,)] - widths[name] / 2 for name in rank), default=0.0)
    right = max((x[(name,)] + widths[name] / 2 for name in rank), default=0.0)
    places = {name: (x[(name,)] - left, layer) for name, layer in rank.items()}
    edges = [
        tuple((x[node] - left, layer) for layer, node in enumerate(chain, rank[chain[0][0]]))
        for chain in chains
    ]
    return Layout(places, tuple(edges), right - left, len(layers))


def _ordered(
    layers: list[list[Node]], ups: Mapping[Node, list[Node]], downs: Mapping[Node, list[Node]]
) -> None:
    """Sort each layer by the mean place of the neighbours, downwards and upwards in turn."""
    for turn in range(ROUNDS):
        neighbours, order = (ups, layers) if turn % 2 == 0 else (downs, layers[::-1])
        for before, layer in itertools.pairwise(order):
            place = {node: i / max(1, len(before) - 1) for i, node in enumerate(before)}
            own = {node: i / max(1, len(layer) - 1) for i, node in enumerate(layer)}
            layer.sort(key=lambda node: _mean(neighbours.get(node, ()), place, own[node]))


def _placed(
    layers: Sequence[Sequence[Node]],
    ups: Mapping[Node, list[Node]],
    downs: Mapping[Node, list[Node]],
    width: Callable[[Node], float],
    gap: float,
) -> dict[Node, float]:
    """The middle of each node: near those of its neighbours, without overlaps, in the layer's order."""
    x: dict[Node, float] = {}
    for layer in layers:
        x |= _apart(layer, dict.fromkeys(layer, 0.0), width, gap)
    for turn in range(ROUNDS):
        neighbours, order = (ups, layers) if turn % 2 == 0 else (downs, layers[::-1])
        for layer in order:
            x |= _apart(
                layer, {node: _mean(neighbours.get(node, ()), x, x[node]) for node in layer}, width, gap
            )
    return x


def _apart(
    layer: Sequence[Node], wanted: Mapping[Node, float], width: Callable[[Node], float], gap: float
) -> dict[Node, float]:
    """The wanted places, moved so far apart that no two overlap, and as a whole as little as can be."""
    found: dict[Node, float] = {}
    least = float("-inf")
    for node in layer:
        half = width(node) / 2
        found[node] = max(wanted[node], least + half)
        least = found[node] + half + gap
    shift = sum(wanted[node] - found[node] for node in layer) / max(1, len(layer))
    return {node: place + shift for node, place in found.items()}


def _mean(nodes: Collection[Node], place: Mapping[Node, float], default: float) -> float:
    return sum(place[node] for node in nodes) / len(nodes) if nodes else default
