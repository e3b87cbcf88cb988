#!/usr/bin/env python3
"""Compares a page of `vbtrace report --html`, as a browser has it, with `vbtrace report --json` of the same trace.

    html_check.py DOM.html REPORT.json TOTAL.json

REPORT is the default report, TOTAL one with `--by none`. Prints what differs and how many values were compared.
"""
import html.parser
import json
import sys

problems = []


def same(what, got, wanted):
    if got != wanted and len(problems) < 10:
        problems.append(f"{what}: {got!r} is not {wanted!r}")


class Page(html.parser.HTMLParser):
    """The rows' values: (group or None, part) to {key: value}; and what the page has besides."""

    def __init__(self):
        super().__init__()
        self.rows, self.requests, self.row, self.group, self.seen = {}, [], None, None, set()
        self.first_cell, self.titles, self.outside = None, {}, []

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        self.seen.add(tag)
        for name in ("src", "href"):
            if name in has and not has[name].startswith("data:"):
                self.outside.append(has[name])
        if tag == "html":
            same("the script ran", has.get("data-ready"), "yes")
        elif tag == "details":
            self.group = int(has["data-group"])
        elif tag == "tr" and "data-part" in has:
            group = int(has["data-group"]) if "data-group" in has else self.group
            self.row = self.rows.setdefault((group, has["data-part"]), {})
            self.first_cell = group if has["data-part"] == "total" else None
        elif tag == "tr" and "data-request" in has:
            self.row = {}
            self.requests.append(self.row)
        elif tag == "td" and self.row is not None and "data-k" in has:
            self.row[has["data-k"]] = int(has["data-v"])

    def handle_data(self, data):
        if self.first_cell is not None:
            self.titles[self.first_cell] = data
            self.first_cell = None

    def handle_endtag(self, tag):
        if tag == "details":
            self.group = None
        elif tag == "tr":
            self.row = None


def check_dist(page, key, dist):
    row = page.rows.get(key)
    same(f"{key} is there", row is not None, True)
    for name, value in dist.items():
        if name.endswith("_ns") or name == "count":
            same(f"{key} {name}", (row or {}).get(name), value)
            check_dist.values += 1


check_dist.values = 0


def check_group(page, number, group):
    for layer, dist in group["layers"].items():
        check_dist(page, (number, layer), dist)
    for stage in group["stages"]:
        check_dist(page, (number, f"{stage['from']}-{stage['to']}"), stage)


def main():
    page = Page()
    page.feed(open(sys.argv[1]).read())
    report, total = json.load(open(sys.argv[2])), json.load(open(sys.argv[3]))
    for number, group in enumerate(report["groups"]):
        check_dist(page, (number, "total"), group["total"])
        for key in ("errors", "incomplete", "bytes"):
            same(f"group {number} {key}", page.rows[number, "total"][key], group[key])
        for part in (group["device"], f"queue {group['queue']}", group["op"] or ""):
            same(f"{part} is in the title of {number}", part in page.titles[number], True)
        if group["count"]:
            check_group(page, number, group)
    check_group(page, None, total["groups"][0])
    same("rows", len(page.rows), sum(1 + (g["count"] > 0) * (len(g["layers"]) + len(g["stages"]))
                                     for g in report["groups"])
         + len(total["groups"][0]["layers"]) + len(total["groups"][0]["stages"]))
    same("slowest requests", len(page.requests), min(20, report["complete"]))
    same("the slowest", page.requests[0]["total_ns"], max(g["total"]["max_ns"] for g in report["groups"]))
    same("what the page fetches", page.outside, [])
    for tag in ("svg", "path", "rect", "table", "details"):
        same(f"has <{tag}>", tag in page.seen, True)
    print("\n".join(problems + [f"html: {len(report['groups'])} groups, {check_dist.values} values"]))
    sys.exit(bool(problems))


main()
