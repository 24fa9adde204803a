"""Code, documents, alerts and dashboard speak of the same things: what a real daemon exports is the list.

list_test.py STIBEE_SYNCD SOURCE-FOLDER. Needs neither database nor Stibee: every series is there from the start."""

import collections
import glob
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import yaml

PROGRAM, TREE = sys.argv[1:3]

# What Prometheus adds to every series, and what is no metric though it looks like one.
ADDED = {"job", "instance"}
ADDED_METRICS = {"up": {}}
NO_METRICS = {"stibee_syncd", "stibee_sync", "stibee_sim", "stibee_model", "stibee_sim_model", "stibee_api_key"}

CONFIG = """\
stibee: {{api: {api}, api_key_file: key, base_url: "http://127.0.0.1:9"}}
database: {{url: "postgresql://nobody@127.0.0.1:9/none"}}
state: {{directory: {folder}/state}}
admin: {{listen: "127.0.0.1:{port}"}}
mirrors: [{{name: members, list_id: 1, source: {{table: members, key: id, email: email}}}}]
"""


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as file:
        return file.read()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scrape(api):
    """The page of a daemon that was just started."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with open(os.open(folder + "/key", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("none\n")
        with open(folder + "/config.yaml", "w") as file:
            file.write(CONFIG.format(api=api, folder=folder, port=port))
        with open(folder + "/log", "w+") as log:
            daemon = subprocess.Popen([PROGRAM, "--config", folder + "/config.yaml", "run"], stderr=log)
            try:
                for _ in range(600):
                    try:
                        return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode()
                    except OSError:
                        if daemon.poll() is not None:
                            break
                        time.sleep(0.05)  # it does not listen yet
                log.seek(0)
                raise AssertionError("no page: " + log.read())
            finally:
                daemon.kill()
                daemon.wait()


class Family:
    def __init__(self, kind):
        self.kind = kind
        self.labels = collections.defaultdict(set)  # with their values


def families(page, found):
    """Adds what a page shows."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    for name, labels in re.findall(r"^([a-z_]+)(?:\{(.*)\})? \S+$", page, re.MULTILINE):
        family = name if name in kinds else re.sub(r"_(bucket|sum|count)$", "", name)
        here = found.setdefault(family, Family(kinds[family]))
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
            if label != "le":
                here.labels[label].add(value)
    return found


MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(by|without|on|ignoring)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"([a-zA-Z_]\w*)\s*(?:\{([^}]*)\})?(\s*\()?")
WORDS = {"and", "or", "unless"}


class Expression:
    """The metrics that a PromQL expression names, and the labels that it wants of them."""

    def __init__(self, text):
        self.metrics = []  # (name, [(label, operator, value)])
        self.grouped = {label for _, group in GROUPING.findall(text) for label in re.findall(r"\w+", group)}
        bare = re.sub(r"\[[^\]]*\]", "", GROUPING.sub(" ", text))
        bare = re.sub(r"\b\d[\w.]*", "", bare)
        for name, matchers, call in SELECTOR.findall(bare):
            if not call and name not in WORDS:
                self.metrics.append((name, MATCHER.findall(matchers)))


def anchors(text):
    """As GitHub makes them of headings."""
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


class TheList(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.families = families(scrape("v2"), families(scrape("v1"), {}))
        cls.rules = [rule for group in yaml.safe_load(read("config/prometheus/alerts.yml"))["groups"]
                     for rule in group["rules"]]
        cls.dashboard = json.loads(read("config/grafana/stibee-syncd.json"))
        cls.documents = {os.path.relpath(path, TREE): read(path) for path in
                         sorted(glob.glob(TREE + "/docs/*.md") + glob.glob(TREE + "/*.md"))}

    def values(self, family, label):
        return self.families[family].labels[label]

    def labels_of(self, name):
        if name in ADDED_METRICS:
            return ADDED_METRICS[name]
        plain = name if name in self.families else re.sub(r"_(bucket|sum|count)$", "", name)
        self.assertIn(plain, set(self.families), "no such metric")
        if plain != name:
            self.assertEqual(self.families[plain].kind, "histogram", name)
        return self.families[plain].labels

    def check_matcher(self, name, label, operator, value):
        labels = self.labels_of(name)
        if label in ADDED or label == "le":
            return
        self.assertIn(label, labels, name)
        if label in ("mirror", "version") or "$" in value or "%s" in value:
            return
        for one in value.split("|") if "~" in operator else [value]:
            self.assertIn(one, labels[label], f"{name}{{{label}}}")

    def check_expression(self, text, shown=()):
        """`shown`: labels that are used of its result."""
        expression = Expression(text)
        self.assertTrue(expression.metrics, text)
        known = set(ADDED) | {"le"}
        for name, matchers in expression.metrics:
            with self.subTest(metric=name, expression=text):
                known |= set(self.labels_of(name))
                for matcher in matchers:
                    self.check_matcher(name, *matcher)
        self.assertLessEqual(expression.grouped | set(shown), known, text)

    # ---- alerts

    def test_alerts_look_at_what_is_there(self):
        for rule in self.rules:
            with self.subTest(rule["alert"]):
                words = " ".join(rule["annotations"].values())
                self.check_expression(rule["expr"], re.findall(r"\$labels\.(\w+)", words))
                for query in re.findall(r"printf `([^`]*)`", words):
                    self.check_expression(query)

    def test_alerts_say_what_whoever_is_woken_needs(self):
        for rule in self.rules:
            with self.subTest(rule["alert"]):
                self.assertIn("for", rule)
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url"})
                self.assertEqual(rule["annotations"]["runbook_url"], "docs/runbook.md#" + rule["alert"].lower())

    def test_each_alert_is_tested_firing_and_quiet(self):
        tested = collections.defaultdict(set)
        for test in yaml.safe_load(read("tests/monitoring/alerts_test.yml"))["tests"]:
            for case in test["alert_rule_test"]:
                tested[case["alertname"]].add(bool(case.get("exp_alerts")))
        self.assertEqual(dict(tested), {rule["alert"]: {True, False} for rule in self.rules})

    # ---- dashboard

    def test_the_dashboard_looks_at_what_is_there(self):
        for panel in panels(self.dashboard):
            for target in panel["targets"]:
                with self.subTest(panel["title"]):
                    self.check_expression(target["expr"], re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        for variable in self.dashboard["templating"]["list"]:
            if variable["type"] == "query":
                selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
                self.check_expression(selector, [label])
                self.assertEqual(variable["query"]["query"], variable["definition"])

    def test_the_dashboard_shows_every_metric(self):
        shown = {name for panel in panels(self.dashboard) for target in panel["targets"]
                 for name, _ in Expression(target["expr"]).metrics}
        shown = {name if name in self.families else re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
        self.assertEqual(set(self.families), shown)

    def test_prometheus_can_read_every_query_of_the_dashboard(self):
        rules = [{"record": f"panel:{panel['id']}", "expr": re.sub(r"\$__rate_interval", "5m", target["expr"])}
                 for panel in panels(self.dashboard) for target in panel["targets"]]
        self.assertEqual(len({panel["id"] for panel in self.dashboard["panels"]}), len(self.dashboard["panels"]))
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
            file.flush()
            checked = subprocess.run(["promtool", "check", "rules", "--lint=none", file.name], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)

    # ---- documents

    def test_documents_name_no_metric_that_is_not_there(self):
        for path, text in self.documents.items():
            for name, matchers in re.findall(r"\b((?:stibee|process)_[a-z][a-z_]*[a-z])(\{[^}]*\})?", text):
                if name in NO_METRICS or name.startswith("stibee_syncd"):
                    continue
                with self.subTest(document=path, metric=name):
                    labels = self.labels_of(name)
                    for label in re.findall(r"(\w+)\s*[=!,}]", re.sub(r'"[^"]*"', "", matchers)):
                        self.assertIn(label, labels)
                    for label, operator, value in MATCHER.findall(matchers):
                        self.check_matcher(name, label, operator, value.replace("\\", ""))

    def test_metrics_md_documents_all_of_them(self):
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.+) \|$", self.documents["docs/metrics.md"], re.MULTILINE)
        self.assertEqual({name: kind for name, kind, _, _ in rows},
                         {name: family.kind for name, family in self.families.items()})
        for name, _, cell, _ in rows:
            with self.subTest(name):
                labels = dict(re.findall(r"`(\w+)`(?: \(((?:[^()]|\([^()]*\))*)\))?(?:, |$)", cell))
                self.assertEqual(set(labels), set(self.families[name].labels))
                for label, values in labels.items():
                    if "`" in values:
                        self.assertEqual(set(re.findall(r"`(\w+)`", values)), self.values(name, label))

    def test_the_runbook_has_a_heading_for_each(self):
        wanted = {"Alerts": {rule["alert"] for rule in self.rules},
                  "States": self.values("stibee_mirror_state", "state"),
                  "Holds": self.values("stibee_guard_held", "class"),
                  "Parked": self.values("stibee_parked", "reason")}
        sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", self.documents["docs/runbook.md"], re.MULTILINE))
        self.assertEqual(set(sections), set(wanted))
        for section, text in sections.items():
            with self.subTest(section):
                parts = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
                headings = [part.split("\n", 1)[0] for part in parts]
                self.assertEqual(len(headings), len(set(headings)), "twice")
                self.assertEqual(set(headings), wanted[section])
                for part in parts:
                    self.assertGreater(len(part.split("\n", 1)[1].strip()), 20, part)
        for alert in re.split(r"^### ", sections["Alerts"], flags=re.MULTILINE)[1:]:
            for word in ("Means", "If nothing is done", "Look", "Do", "over"):
                self.assertRegex(alert, rf"(?i)\*\*{word}\*\*", alert)

    def test_links_lead_somewhere(self):
        links = [("README.md", rule["annotations"]["runbook_url"]) for rule in self.rules]
        links += [(path, link) for path, text in self.documents.items()
                  for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
        for page, link in links:
            file, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(page), file)) if file else page
            with self.subTest(link=link, page=page):
                self.assertTrue(os.path.exists(os.path.join(TREE, target)))
                if anchor:
                    self.assertIn(anchor, anchors(read(target)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
