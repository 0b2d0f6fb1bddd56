#!/usr/bin/env python3
"""What operators and their programs ask a real cluster for, and the page that it serves."""
import sys
import time
import unittest

from gateway import Gateway
from local_cluster import LocalCluster

BINARY = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev/minidfs"


class Monitoring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = LocalCluster(BINARY)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def ask(self, method, target, expected, body=None, headers=None):
        status, found, content = self.cluster.request(method, target, body, headers)
        self.assertEqual(status, expected, content)
        return found, content

    def test_monitoring(self):
        self.assertEqual(self.ask("GET", "/healthz", 200)[1], b"ok\n")
        self.assertEqual(self.ask("GET", "/readyz", 200)[1], b"ready\n")
        self.ask("PUT", "/files/counted", 201, b"x")
        self.ask("GET", "/webhdfs/v1/counted?op=getfilestatus", 200)
        self.ask("GET", "/webhdfs/v1/counted?op=made-up", 400)
        lines = ("minidfs_namenode_up 1\n", 'minidfs_datanodes{state="live"} 2\n',
                 "# TYPE minidfs_http_request_duration_seconds histogram\n",
                 'minidfs_http_requests_total{face="rest",method="PUT",operation="files",status="201"}',
                 'minidfs_http_requests_total{face="webhdfs",method="GET",'
                 'operation="GETFILESTATUS",status="200"}',
                 'minidfs_http_requests_total{face="webhdfs",method="GET",operation="other",'
                 'status="400"}',
                 "minidfs_quorum_voters 1\n", "minidfs_http_connections 1\n",
                 'minidfs_http_requests_in_progress{face="rest"} 0\n',
                 "minidfs_http_received_bytes_total 1\n")
        # That the connections before have ended is noticed a moment later.
        until = time.monotonic() + 10
        missing = lines
        while missing and time.monotonic() < until:
            text = self.ask("GET", "/metrics", 200)[1].decode()
            missing = [line for line in lines if line not in text]
        self.assertEqual(missing, [], text)

    def test_that_nobody_leads_is_told_in_time(self):
        # Prometheus waits for ten seconds, by default.
        with Gateway(BINARY, "127.0.0.1:1") as gateway:
            begun = time.monotonic()
            status, _, content = gateway.request("GET", "/metrics")
            self.assertEqual(status, 200)
            self.assertIn(b"\nminidfs_namenode_up 0\n", content)
            self.assertNotIn(b"minidfs_datanodes", content)
            self.assertEqual(gateway.request("GET", "/readyz")[0], 503)
            self.assertEqual(gateway.request("GET", "/healthz")[0], 200)
            self.assertLess(time.monotonic() - begun, 8)

    def test_the_page(self):
        headers, content = self.ask("GET", "/", 200)
        self.assertIn(b"<!doctype html>", content.lower())
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.ask("GET", "/", 304, headers={"If-None-Match": headers["ETag"]})


if __name__ == "__main__":
    unittest.main(verbosity=1)
