#!/usr/bin/env python3
"""docs/monitoring with a real Prometheus: what it says of /metrics, of the rules, and of each query of
the dashboard, on a cluster that works."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from gateway import Gateway
from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"
HERE = os.path.dirname(os.path.abspath(__file__))
DOCS = os.path.join(HERE, "..", "..", "docs", "monitoring")
JOB = "minidfs"


def promtool(*words, data=None):
    """Its exit code, and all that it says."""
    done = subprocess.run(["promtool", *words], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=60)
    return done.returncode, done.stdout.decode()


def dashboard_queries():
    """(title of the panel, query) of each target."""
    with open(os.path.join(DOCS, "grafana-dashboard.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"]
            for target in panel.get("targets", [])]


def metrics_named_in(text):
    return set(re.findall(r"\b(?:minidfs|process)_[a-z0-9_]+\b", text))


class Prometheus:
    """Asks the given ports once a second."""

    def __init__(self, ports):
        self.directory = tempfile.mkdtemp(prefix="minidfs-prometheus-")
        configuration = os.path.join(self.directory, "prometheus.yml")
        with open(configuration, "w", encoding="utf-8") as file:
            json.dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                       "rule_files": [os.path.join(DOCS, "alerts.yml")],
                       "scrape_configs": [{
                           "job_name": JOB,
                           "static_configs": [{"targets": [f"127.0.0.1:{port}"
                                                           for port in ports]}]}]}, file)
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={configuration}", "--web.listen-address=127.0.0.1:0",
             f"--storage.tsdb.path={self.directory}/data"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.log = []
        self.port = self._port()
        # What it says later would else fill the pipe, and stop it.
        self.reader = threading.Thread(target=self.log.extend, args=(self.process.stderr,))
        self.reader.start()
        self._wait_until_ready()

    def _port(self):
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r'msg="Listening on" address=127\.0\.0\.1:(\d+)', line)
            if found:
                return int(found.group(1))
        raise RuntimeError("prometheus has ended:\n" + "".join(self.log))

    def _wait_until_ready(self):
        until = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=10).close()
                return
            except urllib.error.HTTPError:  # It listens before it can answer.
                if time.monotonic() > until:
                    raise
            time.sleep(0.05)

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{parameters}: {error.read().decode()}") from None

    def query(self, query):
        return self.ask("query", query=query)["result"]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.reader.join()
        self.process.stderr.close()
        shutil.rmtree(self.directory)


class PrometheusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = LocalCluster(BINARY)
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.gateway = Gateway(BINARY, cls.cluster.namenode)
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)
        cls.prometheus = Prometheus([cls.cluster.port, cls.gateway.port])
        cls.addClassCleanup(cls.prometheus.stop)

    def work(self):
        """Something of everything that is counted."""
        for server in (self.cluster, self.gateway):
            server.request("PUT", "/files/d/a", b"x" * 1000)
            server.request("GET", "/download/d/a")
            server.request("GET", "/files/none")
            server.request("GET", "/webhdfs/v1/d/a?op=GETFILESTATUS")

    def metrics(self):
        self.work()
        return [server.request("GET", "/metrics")[2] for server in (self.cluster, self.gateway)]

    def test_promtool_accepts_the_metrics(self):
        for text in self.metrics():
            code, said = promtool("check", "metrics", data=text)
            self.assertEqual((code, said), (0, ""))

    def test_promtool_accepts_the_rules(self):
        code, said = promtool("check", "rules", os.path.join(DOCS, "alerts.yml"))
        self.assertEqual(code, 0, said)

    def test_the_rules_speak_when_they_should(self):
        code, said = promtool("test", "rules", os.path.join(HERE, "alerts_test.yml"))
        self.assertEqual(code, 0, said)

    def test_each_metric_that_is_named_exists(self):
        with open(os.path.join(DOCS, "alerts.yml"), encoding="utf-8") as file:
            rules = file.read()
        named = metrics_named_in(rules + " ".join(query for _, query in dashboard_queries()))
        self.assertGreater(len(named), 30)
        for text in self.metrics():
            there = metrics_named_in(re.sub(r"#.*", "", text.decode()))
            self.assertEqual(named - there, set())

    def test_each_query_of_the_dashboard_gives_figures(self):
        left = dashboard_queries()
        self.assertGreater(len(left), 40)
        until = time.monotonic() + 90
        while left and time.monotonic() < until:
            self.work()
            time.sleep(0.5)
            left = [each for each in left if not self.has_figures(each[1])]
        self.assertEqual(left, [])

    def has_figures(self, query):
        query = query.replace("$job", JOB).replace("$__rate_interval", "10s")
        found = self.prometheus.query(query)
        return bool(found) and all(sample["value"][1] != "NaN" for sample in found)

    def test_no_rule_speaks_of_a_cluster_that_is_well(self):
        until = time.monotonic() + 60
        while not self.prometheus.query("minidfs_namenode_up") and time.monotonic() < until:
            time.sleep(0.2)
        groups = self.prometheus.ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertGreater(len(rules), 10)
        for rule in rules:
            found = self.prometheus.query(rule["query"])
            self.assertEqual(found, [], rule["name"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
