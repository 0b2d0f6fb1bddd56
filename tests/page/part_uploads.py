"""Uploads of large files, which are sent in parts and go on where they stopped."""
import secrets

from page_case import PageCase

PART = 64 << 20


class PartUploadsTest(PageCase):
    def setUp(self):
        super().setUp()
        if self.mock:
            self.mock.requests.clear()

    def large_file(self, name, size):
        """Bytes that differ everywhere, and are soon made."""
        content = (secrets.token_bytes(1 << 20) * (-(-size >> 20) + 1))[7:size + 7]
        return self.local_file(name, content), content

    def put_parts(self):
        return [said.rpartition("/")[2] for _, method, said in self.mock.requests
                if method == "PUT" and "/parts/" in said]

    def test_a_large_file_arrives_as_it_was(self):
        path, content = self.large_file("large.bin", 100 << 20)
        self.open()
        self.upload(path)
        self.wait_for_text("#uploads", "1 file uploaded", 120)
        self.wait_for_names("large.bin")
        self.browser.choose("large.bin")
        self.browser.keys("\ue007")
        self.browser.one("#details .download").click()
        saved = self.downloads / "large.bin"
        self.wait(lambda: saved.exists() and saved.stat().st_size == len(content),
                  "it is downloaded", 120)
        self.assertEqual(saved.read_bytes(), content)
        self.assertIsNone(self.browser.run("return localStorage.getItem(arguments[0])",
                                           f"minidfs.upload:{self.home}/large.bin"))
        self.server.remove(f"{self.home}/large.bin")

    def test_a_large_file_to_a_name_that_is_taken(self):
        self.expected = ["409 (Conflict)", "?limit=1 - Failed to load resource"]
        self.server.store(f"{self.home}/taken.bin", b"old")
        path, content = self.large_file("taken.bin", PART + 1)
        self.open()
        self.upload(path)
        self.wait_for_text("dialog", "exists already")
        self.browser.click_button("Replace")
        self.wait_for_text("#uploads", "1 file uploaded", 120)
        self.assertEqual(self.server.content(f"{self.home}/taken.bin"), content)

    def test_it_goes_on_after_a_broken_connection(self):
        self.needs_mock()
        self.expected = ["ERR_"]
        path, content = self.large_file("broken.bin", 2 * PART + (5 << 20))
        self.mock.upload_rate = 64 << 20
        self.open()
        self.upload(path)
        self.wait(lambda: self.put_parts() == ["0", "1"], "the second part is on its way", 60)
        self.mock.breaks = True
        self.wait_for_text("#uploads", "Connection lost")
        self.picture("upload-parts-broken")
        self.mock.behave()
        self.mock.requests.clear()
        self.wait_for_text("#uploads", "1 file uploaded", 60)
        self.assertEqual(set(self.put_parts()), {"1", "2"}, "what had come is not sent again")
        self.assertEqual(self.server.content(f"{self.home}/broken.bin"), content)

    def test_it_is_paused_and_goes_on(self):
        self.needs_mock()
        self.expected = ["ERR_"]
        path, content = self.large_file("paused.bin", 2 * PART)
        self.mock.upload_rate = 64 << 20
        self.open()
        self.upload(path)
        self.wait(lambda: self.put_parts() == ["0", "1"], "the second part is on its way", 60)
        self.browser.click_button("Pause paused.bin")
        self.wait_for_text("#uploads", "Paused · 64")
        self.picture("upload-paused")
        self.mock.requests.clear()
        self.browser.click_button("Go on with paused.bin")
        self.wait_for_text("#uploads", "1 file uploaded", 60)
        self.assertEqual(set(self.put_parts()), {"1"})
        self.assertEqual(self.server.content(f"{self.home}/paused.bin"), content)

    def test_what_is_cancelled_is_abandoned(self):
        self.needs_mock()
        self.expected = ["ERR_"]
        path, _ = self.large_file("cancelled.bin", 2 * PART)
        self.mock.upload_rate = 16 << 20
        self.open()
        self.upload(path)
        self.wait_for_text("#uploads", "left")
        self.browser.click_button("Cancel cancelled.bin")
        self.wait_for_text("#uploads", "1 cancelled")
        self.wait(lambda: all(upload["complete"] for upload in self.mock.uploads.all.values()),
                  "nothing is left of it")

    def test_the_same_file_goes_on_in_a_page_that_was_loaded_anew(self):
        self.needs_mock()
        self.expected = ["ERR_", "beforeunload"]
        path, content = self.large_file("again.bin", 2 * PART)
        self.mock.upload_rate = 64 << 20
        self.open()
        self.upload(path)
        self.wait(lambda: self.put_parts() == ["0", "1"], "the second part is on its way", 60)
        self.mock.breaks = True
        self.wait_for_text("#uploads", "Connection lost")
        self.browser.driver.get("about:blank")
        self.mock.behave()
        self.open()
        self.mock.requests.clear()
        self.upload(path)
        self.wait_for_text("#uploads", "1 file uploaded", 60)
        self.assertEqual(set(self.put_parts()), {"1"})
        self.assertEqual(self.server.content(f"{self.home}/again.bin"), content)

    def test_it_asks_when_it_has_tried_for_long(self):
        self.needs_mock()
        self.expected = ["ERR_"]
        path, content = self.large_file("given-up.bin", PART + 1)
        self.mock.breaks = True
        self.open()
        self.upload(path)
        self.wait_for_text("#uploads", "1 failed", 60)
        self.picture("upload-failed")
        self.mock.behave()
        self.browser.click_button("Go on with given-up.bin")
        self.wait_for_text("#uploads", "1 file uploaded", 60)
        self.assertEqual(self.server.content(f"{self.home}/given-up.bin"), content)
