"""The cluster, errors, phones, themes, and those who do not see."""
import time

import mock_files
from page_case import PageCase


class ViewsTest(PageCase):
    def test_what_is_not_there(self):
        self.expected = ["404 (Not Found)"]
        self.open(f"{self.home}/nowhere")
        self.wait_for_text("#state", "does not exist")
        self.browser.one("#state a").click()
        self.wait_for_text("#state", "This directory is empty")

    def test_a_server_that_falls_silent(self):
        self.needs_mock()
        self.expected = ["ERR_"]
        self.server.store(f"{self.home}/here.txt", b"")
        self.open()
        self.mock.down = True
        self.wait_for_text("#offline", "No answer")
        self.wait_for_names("here.txt")
        self.browser.run("location.hash = '#/files/datasets'")
        self.wait_for_text("#state", "no answer from the namenode")
        self.picture("silent")
        self.mock.down = False
        self.wait_for_text("#state", "This directory is empty", 30)

    def test_the_cluster(self):
        self.open("", "cluster")
        self.wait(lambda: self.browser.all(".rack .dot.live"), "a datanode lives")
        self.assertRegex(self.browser.text("#cluster"), r"\d of \d live")
        if not self.mock:
            return
        self.mock.cluster["nodes"][1].update(state="dead", last_heartbeat_ms=94_000)
        self.mock.cluster.update(under_replicated=812,
                                 repairs={"pending": 800, "running": 12, "bytes_left": 51 << 30})
        self.mock.events.add("node down", address="10.0.1.12:9866")
        self.mock.events.add("blocks lacking", blocks=812)
        self.wait_for_text("h1", "812 blocks with too few copies")
        self.wait_for_text(".events li", "Datanode 10.0.1.12:9866 is out of reach")
        self.assertIn("812 blocks with too few copies", self.browser.text("#announcer"))
        self.mock.cluster["repairs"]["bytes_left"] = 40 << 30
        self.wait_for_text(".repairs", "left")
        self.picture("cluster")
        self.mock.cluster = {"cluster": "lab", "leader": None,
                             "nodes": [{"address": "n:1", "state": "live"}]}
        self.wait(lambda: not self.browser.all(".figures div"), "what is not known is not shown")
        self.assertNotRegex(self.browser.text("#cluster"), "null|undefined|NaN")
        self.mock.cluster = mock_files.healthy_cluster()

    def test_the_last_hour(self):
        self.needs_mock()
        self.open("", "cluster")
        self.wait(lambda: len(self.browser.all(".chart")) == 3, "there are three charts")
        drawn = self.browser.run("""
            return [...document.querySelectorAll('.chart path.line')].map((path) => {
              const box = path.getBBox();
              return [box.x, box.y, box.x + box.width, box.y + box.height];
            })""")
        self.assertEqual(len(drawn), 5)
        for left, top, right, bottom in drawn:
            self.assertGreaterEqual(min(left, top), -0.1)
            self.assertLess(left, 10, "an hour ago")
            self.assertGreater(right, 590, "now")
            self.assertLessEqual(bottom, 120.1)
        rows = self.browser.run("return document.querySelector('.chart table').rows.length")
        self.assertIn(rows, (13, 14))
        self.assertRegex(self.browser.text(".chart tbody td"), r"[\d.]+ MiB/s")
        self.assertNotRegex(self.browser.text("#cluster"), "null|undefined|NaN|Infinity")

    def test_events_are_shown_as_they_happen(self):
        self.needs_mock()
        self.open("", "cluster")
        self.wait(lambda: self.browser.all(".chart"), "the cluster is shown")
        self.mock.events.add("node up", address="10.0.9.9:9866")
        self.wait_for_text(".events li.good", "Datanode 10.0.9.9:9866 is there")
        self.mock.events.add("silent")
        self.mock.events.add("something new")
        self.wait_for_text(".events", "something new")
        self.wait_for_text("#announcer", "No namenode answers")

    def test_a_phone(self):
        long_name = f"{self.home}/{'a long name ' * 12}.txt"
        self.server.store(long_name, b"text\n" * 99)
        self.browser.resize(400, 800)
        for path, view in ((self.home, "files"), (long_name, "files"), ("", "cluster")):
            self.open(path, view)
            time.sleep(0.5)
            self.picture(f"phone-{view}-{len(path)}")
            width = self.browser.run("return document.documentElement.scrollWidth")
            self.assertLessEqual(width, 400)
            wide = self.browser.run("""
                return [...document.querySelectorAll('button, a')]
                    .filter(one => one.offsetParent && !one.closest('.crumbs'))
                    .filter(one => one.getBoundingClientRect().right > 401)
                    .map(one => one.outerHTML)""")
            self.assertEqual(wide, [])

    def test_dark_and_light(self):
        self.open()
        theme = lambda: self.browser.run("return document.documentElement.dataset.theme")
        before = theme()
        self.browser.one("#theme").click()
        self.assertNotEqual(theme(), before)
        self.open()
        self.assertNotEqual(theme(), before)
        self.browser.one("#theme").click()
        self.assertEqual(theme(), before)

    def test_everything_to_press_says_what_it_does(self):
        self.server.store(f"{self.home}/one.txt", b"1")
        self.open(f"{self.home}/one.txt")
        self.wait(lambda: self.browser.text("#details h3"), "the details are shown")
        silent = self.browser.run("""
            const says = (one) => one.getAttribute('aria-label') || one.textContent || one.title;
            return [...document.querySelectorAll('button, a, input:not([hidden])')]
                .filter(one => !says(one).trim()).map(one => one.outerHTML)""")
        self.assertEqual(silent, [])
