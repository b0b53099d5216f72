"""The metrics page: what Prometheus would say of it, and that it tells the truth."""

import contextlib
import json
import re
import socket
import subprocess
import threading
import urllib.error
import unittest

from stage import ROOT, Asked, Stage
from wire import allow, block

PYTHON = "/usr/bin/python3"  # whose modules Debian's packages are
READ = """import json, sys
from prometheus_client.parser import text_string_to_metric_families as read
print(json.dumps([(each.name, each.type, [(s.name, s.value) for s in each.samples]) for each in read(sys.stdin.read())]))"""
SAMPLE = re.compile(r'^(?P<name>[a-z_][a-z0-9_]*)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$')


class Metrics(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        agent = cls.stage.agent(request_headers=lambda event: block(403) if event.body["uri"] == "/no" else allow())
        cls.gateway = cls.stage.gateway(
            cls.stage.upstream(), [Asked("a", agent.path), Asked("b", agent.path)], workers=2,
            reverse=f'path "{cls.stage.folder}/reverse.sock"',
        )
        for target in ("/yes", "/no", "/yes"):
            cls.gateway.get(target, method="POST", body=b"12345")
        cls.gateway.expect_metric(3, "picket_request_duration_seconds_count")
        cls.page = cls.gateway.metrics_text()
        cls.samples = [SAMPLE.match(line) for line in cls.page.splitlines() if not line.startswith("#")]

    def families(self) -> dict[str, str]:
        return dict(re.findall(r"^# TYPE (\S+) (\S+)$", self.page, re.M))

    def family(self, sample: str) -> str:
        base = re.sub(r"_(bucket|sum|count)$", "", sample)
        return base if self.families().get(base) == "histogram" else sample

    def test_every_line_is_a_comment_or_a_sample(self):
        self.assertNotIn(None, self.samples)
        self.assertTrue(self.page.endswith("\n"))

    def test_every_family_has_one_type_and_one_help_that_is_a_sentence(self):
        types = re.findall(r"^# TYPE (\S+)", self.page, re.M)
        helps = re.findall(r"^# HELP (\S+) (.+)$", self.page, re.M)
        self.assertEqual(len(types), len(set(types)))
        self.assertEqual(types, [name for name, _ in helps])
        self.assertEqual([text for _, text in helps if not text.endswith(".") or len(text) < 15], [])

    def test_every_sample_stands_below_its_family(self):
        current = None
        for line in self.page.splitlines():
            if line.startswith("# TYPE"):
                current = line.split()[2]
            elif not line.startswith("#"):
                self.assertEqual(self.family(SAMPLE.match(line)["name"]), current, line)

    def test_names_follow_prometheus(self):
        for name, kind in self.families().items():
            with self.subTest(name):
                self.assertTrue(name.startswith("picket_"))
                self.assertEqual(kind == "counter", name.endswith("_total"))
                if kind == "histogram":
                    self.assertTrue(name.endswith(("_seconds", "_bytes")))
                self.assertNotRegex(name, r"_(ms|us|milliseconds|microseconds|kb|mb)(_|$)")

    def test_the_document_lists_each_metric_with_its_kind_and_labels_and_no_other(self):
        labels: dict[str, set[str]] = {}
        for sample in self.samples:
            names = labels.setdefault(self.family(sample["name"]), set())
            names.update(re.findall(r'(\w+)="', sample["labels"] or ""))
        on_page = {name: (kind, labels[name] - {"le"}) for name, kind in self.families().items()}
        rows = re.findall(r"^\| `(picket_\w+)` \|([^|]*)\| (\w+)", (ROOT / "docs" / "metrics.md").read_text(), re.M)
        listed = {name: (kind, set(re.findall(r"`(\w+)`", names))) for name, names, kind in rows}
        self.assertEqual(len(rows), len(listed), "a metric is listed twice")
        self.assertEqual(listed, on_page)

    def test_no_sample_is_there_twice(self):
        keys = [(sample["name"], sample["labels"]) for sample in self.samples]
        self.assertEqual(len(keys), len(set(keys)))

    def test_histograms_grow_to_inf_and_agree_with_their_count(self):
        histograms = [name for name, kind in self.families().items() if kind == "histogram"]
        self.assertNotEqual(histograms, [])
        for name in histograms:
            series: dict[str, list[tuple[float, float]]] = {}
            for sample in self.samples:
                if sample["name"] == f"{name}_bucket":
                    labels = re.sub(r',?le="[^"]*"', "", sample["labels"])
                    bound = float(re.search(r'le="([^"]*)"', sample["labels"])[1])
                    series.setdefault(labels, []).append((bound, float(sample["value"])))
            for labels, buckets in series.items():
                self.assertEqual(buckets, sorted(buckets), name)
                self.assertEqual([value for _, value in buckets], sorted(value for _, value in buckets), name)
                self.assertEqual(buckets[-1][0], float("inf"))
                [count] = [
                    float(sample["value"])
                    for sample in self.samples
                    if sample["name"] == f"{name}_count" and (sample["labels"] or "") == labels
                ]
                self.assertEqual(buckets[-1][1], count)

    def test_the_counters_tell_what_happened_on_all_workers(self):
        self.assertEqual(self.gateway.metric("picket_requests_total", **{"class": "2xx"}), 2)
        self.assertEqual(self.gateway.metric("picket_requests_total", **{"class": "4xx"}), 1)
        self.assertEqual(self.gateway.metric("picket_agent_decisions_total", agent="a", decision="block"), 1)
        self.assertEqual(self.gateway.metric("picket_agent_decisions_total", agent="b", decision="allow"), 2)
        self.gateway.expect_metric(15, "picket_request_bytes_total")  # the blocked one's had come too
        self.assertEqual(self.gateway.metric("picket_agent_events_in_flight"), 0)

    def test_other_paths_and_methods_are_refused(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.gateway.metrics_text("/other")
        self.assertEqual(refused.exception.code, 404)

    def test_many_scrapes_at_once_are_answered(self):
        pages: list[str] = []
        threads = [threading.Thread(target=lambda: pages.append(self.gateway.metrics_text())) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(pages), 10)

    def test_prometheus_own_parser_reads_each_family_and_each_sample(self):
        read = json.loads(subprocess.run([PYTHON, "-c", READ], input=self.page, text=True, capture_output=True, check=True, timeout=60).stdout)
        # It takes "_total" off the names of counters.
        kinds = {name + ("_total" if kind == "counter" else ""): kind for name, kind, _ in read}
        self.assertEqual(kinds, self.families())
        values = [(name, value) for _, _, samples in read for name, value in samples]
        self.assertEqual(values, [(sample["name"], float(sample["value"])) for sample in self.samples])


class Crowd(unittest.TestCase):
    def test_a_scrape_is_answered_beside_silent_connections_and_those_that_read_nothing(self):
        stage = Stage()
        self.addCleanup(stage.close)
        gateway = stage.gateway(stage.upstream())
        crowd = []
        self.addCleanup(lambda: [each.close() for each in crowd])
        for sends in (b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"):
            for _ in range(40):
                crowd.append(socket.create_connection(("127.0.0.1", gateway.metrics_port)))
                with contextlib.suppress(OSError):
                    crowd[-1].sendall(sends)
            self.assertIn("picket_requests_total", gateway.metrics_text())
