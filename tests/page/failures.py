"""What the page shows, and does, when processes of the cluster are killed."""
import secrets
import time

from page_case import PageCase, Server, settings
from killable_cluster import ProcessCluster

SEEN_SECONDS = 15


class FailuresTest(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = None
        if settings.binary:
            cls.cluster = ProcessCluster(settings.binary)
            cls.server = Server(f"http://127.0.0.1:{cls.cluster.port}")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        if cls.cluster:
            cls.cluster.__exit__()

    def setUp(self):
        super().setUp()
        if not self.cluster:
            self.skipTest("needs processes that can be killed")

    def test_1_a_killed_leader_breaks_no_upload(self):
        self.expected = ["ERR_", "503 (Service Unavailable)"]
        content = secrets.token_bytes(1 << 20) * 150
        self.open()
        self.upload(self.local_file("failover.bin", content))
        self.wait_for_text(".upload .words", "left")
        self.cluster.kill_leader()
        self.wait_for_text("#uploads", "1 file uploaded", 120)
        self.assertEqual(self.server.content(f"{self.home}/failover.bin"), content)
        self.open("", "cluster")
        self.wait_for_text(".verdict h1", "1 namenode out of reach", 30)

    def test_2_a_killed_datanode_shows(self):
        self.open("", "cluster")
        self.wait_for_text("#cluster", "3 of 3 live")
        address, process = next(iter(self.cluster.datanodes.items()))
        process.kill()
        killed = time.monotonic()
        self.wait(lambda: self.browser.all(".rack .dot.dead"), "the node is shown as dead",
                  SEEN_SECONDS)
        self.assertIn(address, self.browser.text(".rack li.dead .address"))
        print(f"shown after {time.monotonic() - killed:.1f} s")
        self.wait_for_text(".events", f"Datanode {address} is out of reach", SEEN_SECONDS)
