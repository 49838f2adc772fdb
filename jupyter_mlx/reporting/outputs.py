"""Cell outputs as HTML that runs nothing: they are other people's content.

What is HTML is sanitised by an allow-list; an image stands in an `img`, where
an SVG runs no script; all else is text. The page's content policy is the
second fence.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from markupsafe import Markup

As: TypeAlias = Literal["image", "html", "text", "error", "code", "verdict", "histogram", "absent"]

RASTER = ("image/png", "image/jpeg", "image/gif", "image/webp")
SVG = "image/svg+xml"
LONGEST_TEXT = 20_000
LONGEST_HTML = 200_000
MOST_BARS = 200

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details",
    "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img",
    "ins", "kbd", "li", "mark", "ol", "p", "pre", "s", "samp", "small", "span", "strong", "sub", "summary",
    "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var",
}  # fmt: skip
_CELL = {"colspan", "rowspan", "align"}
_ATTRIBUTES = {
    "*": {"style", "title", "lang", "dir"}, "a": {"href"}, "img": {"src", "alt", "width", "height"},
    "td": _CELL, "th": {*_CELL, "scope"}, "col": {"span"}, "ol": {"start"},
}  # fmt: skip
_STYLES = {
    "background-color", "border", "border-bottom", "border-collapse", "border-left", "border-right", "border-top",
    "color", "font-style", "font-weight", "margin", "padding", "text-align", "text-decoration", "vertical-align",
    "white-space", "width",
}  # fmt: skip
"""None that could lay something over the rest of the page, or fetch anything."""
_WITH_CONTENT = {
    "script",
    "style",
    "title",
    "template",
    "noscript",
    "iframe",
    "object",
    "svg",
    "math",
    "head",
}
_LINK = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


@dataclass(frozen=True, slots=True)
class Shown:
    """One output, ready for the page."""

    kind: As
    text: str = ""
    """Plain text; of an image its `data:` address."""
    html: Markup = field(default_factory=Markup)
    facts: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def shown(output: Mapping[str, Any]) -> Shown | None:
    """An output of the notebook format as the page shows it; None where there is nothing to see."""
    kind = output.get("output_type")
    if kind == "stream":
        text = _plain(output.get("text", ""))
        return _text(text) if text.strip() else None
    if kind == "error":
        trace = "\n".join(map(str, output.get("traceback") or ()))
        return Shown("error", _plain(trace or f"{output.get('ename', '')}: {output.get('evalue', '')}"))
    data = output.get("data")
    return _rich(data) if isinstance(data, Mapping) else None


def image(data: Mapping[str, Any]) -> str | None:
    """The `data:` address of the picture in an output's data; None where there is none."""
    for mime in RASTER:
        text = _joined(data.get(mime, ""))
        if text and _BASE64.fullmatch(text):
            return f"data:{mime};base64,{''.join(text.split())}"
    drawing = _joined(data.get(SVG, ""))
    if drawing:
        return f"data:{SVG};base64,{base64.b64encode(drawing.encode('utf-8', 'replace')).decode()}"
    return None


def sanitised(text: str) -> Markup:
    """HTML of which nothing is left but text, tables, links and pictures that it holds itself."""
    import nh3

    return Markup(  # noqa: S704 (what is left has been sanitised)
        nh3.clean(
            text,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            clean_content_tags=_WITH_CONTENT,
            attribute_filter=_attribute,
            filter_style_properties=_STYLES,
            url_schemes={"http", "https", "mailto", "data"},
            link_rel="noopener noreferrer",
        )
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "src":
        return value if tag == "img" and _IMAGE.fullmatch(value) else None
    return value


def _rich(data: Mapping[str, Any]) -> Shown | None:
    own = data.get("application/json")
    if isinstance(own, Mapping) and isinstance(own.get("verdict"), str):
        return Shown("verdict", facts=_verdict(own))
    if isinstance(own, Mapping) and (bars := _bars(own)):
        return Shown("histogram", facts=bars)
    picture = image(data)
    if picture:
        return Shown("image", picture)
    plain = _plain(data.get("text/plain", ""))
    if "text/html" in data:
        found = _html(_joined(data["text/html"]), plain)
        if found is not None:
            return found
    for mime in ("text/markdown", "text/latex"):
        if mime in data:
            return _text(_plain(data[mime]))
    if own is not None:
        return Shown("code", json.dumps(own, indent=2, ensure_ascii=False, default=str)[:LONGEST_TEXT])
    return _text(plain) if plain.strip() else None


def _html(text: str, plain: str) -> Shown | None:
    if len(text) > LONGEST_HTML:
        return None if plain else Shown("absent", note=f"HTML of {len(text):,} characters is left out")
    clean = sanitised(text)
    is_empty = not clean.striptags().strip() and "<img" not in clean
    if is_empty and "<script" in text.lower():
        return Shown(
            "text",
            plain,
            note="this needs scripts, which do not run here; the run's tab in JupyterLab shows it",
        )
    return None if is_empty else Shown("html", html=clean)


def _verdict(own: Mapping[str, Any]) -> dict[str, Any]:
    """What `jmlx reproduce` keeps, whole; what is not of its shape is left out."""
    found: dict[str, Any] = {name: str(own.get(name) or "") for name in ("of", "verdict", "problem")}
    for part in ("metrics", "outputs", "files"):
        found[part] = [_named(each, ("state", "was", "now", "detail")) for each in _mappings(own.get(part))]
    found["environment"] = [_named(each, ("a", "b")) for each in _mappings(own.get("environment"))]
    notes = own.get("notes")
    found["notes"] = [str(note) for note in notes] if isinstance(notes, (list, tuple)) else []
    return found


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, (list, tuple)) else []


def _named(each: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {"name": str(each.get("name", "")), **{key: each.get(key) for key in keys}}


def _bars(own: Mapping[str, Any]) -> dict[str, Any] | None:
    """The bars of a histogram, each as high as its share of the highest; None for other JSON."""
    counts, edges = own.get("counts"), own.get("edges")
    if not (isinstance(counts, Sequence) and isinstance(edges, Sequence) and 0 < len(counts) <= MOST_BARS):
        return None
    if len(edges) != len(counts) + 1 or not all(
        isinstance(number, (int, float)) and not isinstance(number, bool) for number in (*counts, *edges)
    ):
        return None
    most = max(counts) or 1
    shares = [max(0.0, min(1.0, count / most)) for count in counts]
    return {"name": str(own.get("name", "")), "shares": shares, "edges": (edges[0], edges[-1]), "most": most}


def _text(text: str) -> Shown:
    if len(text) <= LONGEST_TEXT:
        return Shown("text", text)
    return Shown(
        "text", text[:LONGEST_TEXT], note=f"{len(text) - LONGEST_TEXT:,} more characters are left out"
    )


def _plain(text: Any) -> str:
    """Text without the colours of a terminal."""
    import click

    return click.unstyle(_joined(text))


def _joined(text: Any) -> str:
    return (
        text
        if isinstance(text, str)
        else "".join(map(str, text))
        if isinstance(text, Sequence)
        else str(text)
    )
