"""Coloured text of a terminal on stdin, as it looks in a dark window, to an SVG on stdout.

The window has its own background, so that it reads on a light page and on a dark one. The template is rich's own
without the web fonts: a picture that asks the network for something shows nothing where it may not.
"""

import html
import io
import re
import sys

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WIDTH = 80
THEME = TerminalTheme(
    (22, 27, 34),
    (214, 221, 228),
    [(110, 118, 129), (255, 123, 114), (86, 211, 100), (227, 179, 65), (121, 192, 255), (188, 140, 255), (86, 212, 221), (214, 221, 228)],
)
FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
FORMAT = FORMAT.replace("Fira Code, monospace", "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace")

console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False)
lines = sys.stdin.read().rstrip("\n")
console.print(Text(sys.argv[1], style="bold green"))
console.print(Text.from_ansi(lines), soft_wrap=True)
# The window's edge would cut the last line's descenders.
console.print()
def without_outer_spaces(run):
    """Some renderers drop leading spaces, and stretch what is left over their place."""
    text = html.unescape(run["text"]).replace("\n", "")
    kept = text.strip("\xa0")
    if not kept:
        return ""
    cell = float(run["length"]) / len(text)
    x = float(run["x"]) + cell * text.index(kept)
    kept_text = html.escape(kept, quote=False).replace("\xa0", "&#160;")
    return f'<text{run["class"]} x="{x:g}"{run["y"]} textLength="{cell * len(kept):g}"{run["rest"]}>{kept_text}</text>'


svg = console.export_svg(title="pgtend", theme=THEME, code_format=FORMAT, unique_id="pgtend")
RUN = r'<text(?P<class> class="[^"]*") x="(?P<x>[^"]*)"(?P<y> y="[^"]*") textLength="(?P<length>[^"]*)"(?P<rest>[^>]*)>(?P<text>[^<]*)</text>'
svg = re.sub(RUN, without_outer_spaces, svg)
sys.stdout.write("\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n")
