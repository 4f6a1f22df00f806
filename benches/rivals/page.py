"""Writes the measured parts of docs/benchmarks.md, each between its marks; the other text is written by hand."""

import re

from server import ROOT

PAGE = f"{ROOT}/docs/benchmarks.md"


def table(head, rows):
    align = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, align, *rows])


def put(part, text):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    pattern = rf"(<!-- {part}: made by benches/rivals\.sh -->\n).*?(<!-- end -->)"
    page, found = re.subn(pattern, lambda match: f"{match[1]}{text}\n{match[2]}", page, flags=re.DOTALL)
    if found != 1:
        raise SystemExit(f"{PAGE} has no mark for {part}")
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(page)
