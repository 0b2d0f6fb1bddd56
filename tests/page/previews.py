"""What is shown of names and contents, which are other people's text."""
import mock_files
from page_case import DELETE, ENTER, ESCAPE, F2, PageCase

EVIL_NAME = "<img src=x onerror=alert(1)>"


class PreviewsTest(PageCase):
    def test_names_and_contents_are_never_html(self):
        self.server.store(f"{self.home}/{EVIL_NAME}",
                          b"<script>alert(2)</script><img src=y onerror=alert(3)>")
        self.server.store(f"{self.home}/evil.csv", b"<b>a</b>,<img src=z onerror=alert(4)>\n1,2\n")
        self.open()
        self.browser.choose(EVIL_NAME)
        self.browser.keys(ENTER)
        self.wait_for_text("#details pre", "<script>")
        self.assertEqual(self.browser.text("#details h2"), EVIL_NAME)
        self.browser.choose("evil.csv")
        self.browser.keys(ENTER)
        self.wait_for_text("#details th", "<b>a</b>")
        self.browser.choose(EVIL_NAME)
        self.browser.keys(F2)
        self.browser.one("dialog input")
        self.browser.keys(ESCAPE)
        self.browser.keys(DELETE)
        self.wait(lambda: EVIL_NAME in self.browser.text("#notices"), "the notice is text")
        self.assertEqual(self.browser.all("img[src=x], img[src=y], img[src=z], .row script"), [])

    def test_names_that_are_no_text(self):
        self.expected = ["404 (Not Found)"]
        address = "/api/v1/files" + self.home + "/caf%E9%20%C3%A9.txt"
        self.server.ask("PUT", address, b"bytes")
        self.open()
        self.wait_for_names("caf\ufffd é.txt")
        self.browser.choose("caf\ufffd é.txt")
        self.browser.keys(ENTER)
        self.wait_for_text("#details pre", "bytes")
        self.assertEqual(self.browser.run("return location.hash"),
                         f"#/files{self.home}/caf%E9%20%C3%A9.txt")
        self.browser.choose("caf\ufffd é.txt")
        self.browser.keys(DELETE)
        self.browser.driver.get("about:blank")
        self.wait(lambda: b'"name"' not in self.server.ask("GET", self.server.files(self.home))[2],
                  "it is deleted", 3)

    def test_previews(self):
        table = "id,note\n" + "".join(f"{i},\"one \"\"{i}\"\", two\"\n" for i in range(9000))
        self.server.store(f"{self.home}/a.csv", table.encode())
        self.server.store(f"{self.home}/b.png", mock_files.PICTURE)
        self.server.store(f"{self.home}/c.txt", ("x" + "ä" * 100_000).encode())
        self.server.store(f"{self.home}/d.bin", bytes(5000))
        self.server.store(f"{self.home}/e.txt", b"")
        self.open(f"{self.home}/a.csv")
        self.wait(lambda: 'one "7", two' in self.browser.text("#details td").split("\n"),
                  "the table is shown")
        self.assertEqual(len(self.browser.all("#details tbody tr")), 199)
        self.picture("table")
        self.open(f"{self.home}/b.png")
        width = "return document.querySelector('#details .preview img')?.naturalWidth"
        self.wait(lambda: self.browser.run(width), "the picture is shown")
        self.open(f"{self.home}/c.txt")
        self.wait_for_text("#details", "64 KiB of 195 KiB")
        self.assertEqual(set(self.browser.text("#details pre")), {"x", "ä"})
        self.open(f"{self.home}/d.bin")
        self.wait_for_text("#details", "no preview")
        self.open(f"{self.home}/e.txt")
        self.wait_for_text("#details", "empty")

    def test_blocks_and_where_they_are(self):
        self.server.store(f"{self.home}/small.txt", b"small")
        self.open(f"{self.home}/small.txt")
        self.wait_for_text("#details h3", "1 block")
        self.assertRegex(self.browser.text("#details .blocks li li"), r":\d+")
