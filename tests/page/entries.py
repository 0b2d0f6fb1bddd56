"""What one does with files and directories: fetch, make, rename and delete them."""
import secrets
import time

from page_case import BACKSPACE, CONTROL, DELETE, ENTER, F2, PageCase

UNDO_SECONDS = 8


class EntriesTest(PageCase):
    def test_download(self):
        name = f"down {secrets.token_hex(4)} ü.bin"
        content = secrets.token_bytes(300_000)
        self.server.store(f"{self.home}/{name}", content)
        self.open()
        self.browser.choose(name)
        self.browser.keys(ENTER)
        self.browser.one("#details .download").click()
        path = self.downloads / name
        self.wait(lambda: path.exists() and path.stat().st_size == len(content), "it is downloaded")
        self.assertEqual(path.read_bytes(), content)

    def test_new_directory(self):
        self.open()
        self.browser.click_button("New directory")
        self.browser.keys("a/b", ENTER)
        self.wait_for_text("dialog", "no slash")
        self.browser.run("document.querySelector('dialog input').value = ''")
        self.browser.keys("fresh", ENTER)
        self.wait_for_names("fresh")
        self.wait(lambda: self.browser.text(".row.active a") == "fresh", "it is the active one")
        self.browser.keys(ENTER)
        self.wait_for_text("#state", "This directory is empty")
        self.assertEqual(self.browser.run("return location.hash"), f"#/files{self.home}/fresh")
        self.browser.keys(BACKSPACE)
        self.wait_for_names("fresh")

    def test_rename(self):
        self.server.store(f"{self.home}/before.txt", b"1")
        self.server.store(f"{self.home}/taken.txt", b"2")
        self.open()
        self.browser.choose("before.txt")
        self.browser.keys(F2)
        self.browser.one("dialog input")
        self.browser.keys("taken", ENTER)
        self.wait_for_text("dialog .fault", "exists already")
        self.browser.run("document.querySelector('dialog input').select()")
        self.browser.keys("after.txt", ENTER)
        self.wait_for_names("after.txt", "taken.txt")
        self.assertEqual(self.server.content(f"{self.home}/after.txt"), b"1")
        self.assertFalse(self.server.exists(f"{self.home}/before.txt"))

    def test_delete_can_be_undone(self):
        self.server.store(f"{self.home}/kept.txt", b"kept")
        self.open()
        self.browser.choose("kept.txt")
        self.browser.keys(DELETE)
        self.wait_for_names()
        self.picture("undo")
        self.browser.click_button("Undo")
        self.wait_for_names("kept.txt")
        self.browser.keys(DELETE)
        self.wait_for_names()
        self.browser.run("document.getElementById('rows').focus()")
        self.browser.keys(CONTROL + "z")
        self.wait_for_names("kept.txt")
        time.sleep(UNDO_SECONDS + 1)
        self.assertEqual(self.server.content(f"{self.home}/kept.txt"), b"kept")

    def test_delete_is_sent_when_the_time_is_over(self):
        self.server.store(f"{self.home}/gone.txt", b"")
        self.open()
        self.browser.choose("gone.txt")
        start = time.monotonic()
        self.browser.keys(DELETE)
        while time.monotonic() < start + UNDO_SECONDS - 1.5:
            self.assertTrue(self.server.exists(f"{self.home}/gone.txt"))
            time.sleep(0.5)
        self.wait(lambda: not self.server.exists(f"{self.home}/gone.txt"), "it is deleted")
        self.wait_for_names()

    def test_delete_is_sent_when_the_page_is_left(self):
        self.server.store(f"{self.home}/left.txt", b"")
        self.open()
        self.browser.choose("left.txt")
        self.browser.keys(DELETE)
        self.wait_for_names()
        self.browser.driver.get("about:blank")
        self.wait(lambda: not self.server.exists(f"{self.home}/left.txt"), "it is deleted", 3)
