"""``index.html``: all clips to look at, what is kept and what is not; works from the disk."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from vimoflow.factory.selection import ClipEntry, Selection
from vimoflow.files import write_text

_A_PAGE = 300
_STYLE = """
:root{color-scheme:light dark}body{font:14px/1.45 system-ui,sans-serif;margin:24px}
h1{font-size:20px}nav a,nav b{margin-right:10px}main{display:grid;gap:18px;
grid-template-columns:repeat(auto-fill,minmax(min(100%,560px),1fr))}
figure{margin:0;border:1px solid #8885;border-radius:8px;overflow:hidden}
img{width:100%;display:block;background:#8882}figcaption{padding:8px 12px}
.id{font-family:ui-monospace,monospace;font-size:12px;opacity:.75}
.out{border-color:#c60}.why{color:#c60}input{font:inherit;padding:4px 8px;width:min(100%,320px)}
"""
_FILTER = """
const find=document.querySelector('input');find.addEventListener('input',()=>{
const word=find.value.toLowerCase();for(const card of document.querySelectorAll('figure'))
card.hidden=!card.textContent.toLowerCase().includes(word)});
"""


def write_contact_sheet(selection: Selection, folder: Path) -> None:
    """Write ``index.html`` and, for many clips, ``page-2.html`` and so on; kept clips first."""
    clips = (*selection.accepted, *selection.rejected)
    pages = [clips[i : i + _A_PAGE] for i in range(0, len(clips), _A_PAGE)] or [()]
    for number, page in enumerate(pages):
        write_text(folder / _name(number), _page(selection, page, number, len(pages)))


def _name(number: int) -> str:
    return "index.html" if number == 0 else f"page-{number + 1}.html"


def _page(selection: Selection, clips: Sequence[ClipEntry], number: int, pages: int) -> str:
    links = "".join(
        f"<b>{i + 1}</b>" if i == number else f'<a href="{_name(i)}">{i + 1}</a>'
        for i in range(pages)
    )
    failed = [entry for entry in selection.videos if entry.record.error]
    errors = "".join(
        f"<li>{html.escape(e.source.name)}: {html.escape(e.record.error)}</li>" for e in failed
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Motion data set</title><style>{_STYLE}</style><h1>Motion data set: "
        f"{len(selection.accepted)} clips, {len(selection.rejected)} kept out</h1>"
        '<p><input type="search" placeholder="Filter by name, label, gate" '
        f'aria-label="Filter"></p><nav>{links if pages > 1 else ""}</nav>'
        f"<main>{''.join(_card(clip) for clip in clips)}</main>"
        + (f"<h2>Videos that could not be used</h2><ul>{errors}</ul>" if failed else "")
        + f"<script>{_FILTER}</script></html>\n"
    )


def _card(clip: ClipEntry) -> str:
    source, record = clip.video.source, clip.record
    words = [source.name, f"{record.start_s:.2f} s", source.label, source.licence]
    about = html.escape(" · ".join(word for word in words if word))
    why = "; ".join(f"{r.gate}: {r.reason}" for r in clip.rejections)
    picture = (
        f'<img loading="lazy" src="media/{record.id}-strip.jpg" alt="{about}">'
        if record.figures is not None
        else ""
    )
    reason = f'<div class="why">{html.escape(why)}</div>' if why else f"<div>{_figures(clip)}</div>"
    return (
        f'<figure class="{"out" if why else "in"}">{picture}<figcaption>{about}{reason}'
        f'<div class="id">{record.id}</div></figcaption></figure>\n'
    )


def _figures(clip: ClipEntry) -> str:
    figures = clip.record.figures
    if figures is None:
        return ""
    rows = (
        ("spread", figures.spread_mm, "mm"),
        ("reprojection", figures.reprojection_percent, "%"),
        ("fastest joint", figures.speed_mps, "m/s"),
        ("foot slide", figures.foot_slide_mm, "mm"),
    )
    return ", ".join(
        f"{name} {value:.3g} {unit}" for name, value, unit in rows if value is not None
    )
