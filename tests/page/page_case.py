"""What every test of the page begins with: a server, a browser, and a directory of its own."""
import argparse
import pathlib
import secrets
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

import browser as browsers
import mock_files
import mock_server

ENTER, ESCAPE, DELETE, F2, DOWN, END, BACKSPACE = ("\ue007", "\ue00c", "\ue017", "\ue032", "\ue015",
                                                   "\ue010", "\ue003")
CONTROL = "\ue009"

# Of the command line.
settings = argparse.Namespace(address=None, binary=None, screenshots=None)


class Server:
    """The server's interface, for what the page's user does not do."""

    def __init__(self, address):
        self.address = address

    def ask(self, method, path, body=None, headers=None):
        request = urllib.request.Request(self.address + path, data=body, method=method,
                                         headers=headers or {})
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers, response.read()

    def files(self, path):
        return "/api/v1/files" + urllib.parse.quote(path)

    def store(self, path, content):
        self.ask("PUT", self.files(path), content)

    def make_directory(self, path):
        self.ask("POST", self.files(path) + "?mkdir=true")

    def remove(self, path):
        self.ask("DELETE", self.files(path) + "?recursive=true")

    def content(self, path):
        return self.ask("GET", "/api/v1/download" + urllib.parse.quote(path))[2]

    def exists(self, path):
        try:
            self.ask("GET", self.files(path))
            return True
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise


class PageCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="minidfs-page-")
        cls.downloads = pathlib.Path(cls.scratch.name) / "downloads"
        cls.downloads.mkdir()
        cls.mock = None if settings.address else mock_server.Mock()
        if cls.mock:
            mock_files.fill(cls.mock.files)
        cls.server = Server(settings.address or cls.mock.address)
        cls.browser = browsers.Browser(cls.downloads)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        if cls.mock:
            cls.mock.close()
        cls.scratch.cleanup()

    def setUp(self):
        self.home = f"/page-test-{secrets.token_hex(4)}"
        self.server.make_directory(self.home)
        self.expected = []  # What the console may say in this test.
        self.browser.resize(1280, 800)

    def tearDown(self):
        if self.mock:
            self.mock.behave()
        self.browser.driver.get("about:blank")
        complaints = [said for said in self.browser.complaints()
                      if not any(words in said for words in self.expected)]
        if self.server.exists(self.home):
            self.server.remove(self.home)
        self.assertEqual(complaints, [], "the console complains")

    def needs_mock(self):
        if not self.mock:
            self.skipTest("needs a server that can be told to fail")

    def open(self, path=None, view="files"):
        path = self.home if path is None else path
        self.browser.open(f"{self.server.address}/#/{view}{urllib.parse.quote(path)}")

    def local_file(self, name, content):
        path = pathlib.Path(self.scratch.name) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def upload(self, *paths):
        self.browser.one("#upload-files").send_keys("\n".join(map(str, paths)))

    def wait(self, condition, what, seconds=browsers.WAIT_SECONDS):
        return self.browser.wait(condition, what, seconds)

    def wait_for_text(self, selector, words, seconds=browsers.WAIT_SECONDS):
        self.wait(lambda: words in self.browser.text(selector), f"{selector} says: {words}",
                  seconds)

    def wait_for_names(self, *names):
        self.wait(lambda: self.browser.names() == list(names), f"the list is {names}")

    def picture(self, name):
        if settings.screenshots:
            pathlib.Path(settings.screenshots).mkdir(parents=True, exist_ok=True)
            self.browser.driver.save_screenshot(f"{settings.screenshots}/{name}.png")
