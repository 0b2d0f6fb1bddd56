"""Uploads: several at a time, what is seen of them, and what may go wrong."""
import secrets
import time

from page_case import PageCase


class UploadsTest(PageCase):
    def test_upload_of_several_files(self):
        contents = {f"part-{i}.bin": secrets.token_bytes(1000 * i) for i in range(5)}
        paths = [self.local_file(name, content) for name, content in contents.items()]
        self.open()
        self.upload(*paths)
        self.wait_for_names(*contents)
        self.wait_for_text("#uploads", "5 files uploaded")
        self.assertIn("5 files uploaded", self.browser.text("#announcer"))
        for name, content in contents.items():
            self.assertEqual(self.server.content(f"{self.home}/{name}"), content)

    def test_progress_of_an_upload(self):
        self.needs_mock()
        self.expected = ["?limit=1 - Failed to load resource"]
        self.mock.upload_rate = 8 << 20
        content = secrets.token_bytes(40 << 20)
        self.open()
        self.upload(self.local_file("slow.bin", content))
        seen = set()

        def stored():
            said = self.browser.text(".upload .words")
            if "left" in said:
                self.picture("upload")
                seen.add(said)
            return "1 file uploaded" in self.browser.text("#uploads")
        self.wait(stored, "it is stored", 60)
        self.assertGreater(len(seen), 3, seen)
        for said in seen:
            self.assertRegex(said, r"^[\d.]+ [KM]iB of 40 MiB · [\d.]+ [KM]iB/s · \d+ s left$")
        self.assertEqual(self.server.content(f"{self.home}/slow.bin"), content)

    def test_upload_of_a_directory(self):
        self.local_file("tree/a.txt", b"a")
        self.local_file("tree/deep/er/b.txt", b"b")
        self.open()
        self.browser.one("#upload-directory").send_keys(f"{self.scratch.name}/tree")
        self.wait_for_text("#uploads", "2 files uploaded")
        self.assertEqual(self.server.content(f"{self.home}/tree/deep/er/b.txt"), b"b")
        self.wait_for_names("tree")

    def test_files_that_are_dropped(self):
        self.open()
        self.browser.run("""
            const transfer = new DataTransfer();
            transfer.items.add(new File(['dropped'], 'dropped.txt'));
            const send = (type) => document.getElementById('rows').dispatchEvent(
                new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
            send('dragover');
            window.overlayWasShown = !document.getElementById('drop').hidden;
            send('drop');""")
        self.assertTrue(self.browser.run("return window.overlayWasShown"))
        self.wait_for_names("dropped.txt")
        self.assertEqual(self.server.content(f"{self.home}/dropped.txt"), b"dropped")

    def test_upload_goes_on_after_a_broken_connection(self):
        self.needs_mock()
        self.expected = ["?limit=1 - Failed to load resource", "ERR_"]
        # For long enough: a browser tries again by itself on connections that it had.
        self.mock.breaks = True
        content = secrets.token_bytes(3 << 20)
        self.open()
        self.upload(self.local_file("broken.bin", content))
        self.wait_for_text("#uploads", "Connection lost")
        self.picture("upload-broken")
        self.mock.breaks = False
        self.wait_for_text("#uploads", "1 file uploaded", 30)
        self.assertEqual(self.server.content(f"{self.home}/broken.bin"), content)

    def test_upload_that_is_cancelled(self):
        self.needs_mock()
        self.expected = ["ERR_", "?limit=1 - Failed to load resource"]
        self.mock.upload_rate = 4 << 20
        self.open()
        self.upload(self.local_file("cancelled.bin", bytes(16 << 20)))
        self.wait_for_text("#uploads", "left")
        self.browser.click_button("Cancel cancelled.bin")
        self.wait_for_text("#uploads", "1 cancelled")
        time.sleep(5)  # It would be stored by then.
        self.assertFalse(self.server.exists(f"{self.home}/cancelled.bin"))

    def test_all_uploads_are_cancelled(self):
        self.needs_mock()
        self.expected = ["ERR_"]
        self.mock.upload_rate = 1 << 19
        self.open()
        self.upload(*(self.local_file(f"many-{i}.bin", bytes(1 << 20)) for i in range(6)))
        self.wait_for_text("#uploads", "Uploading 6 files")
        self.browser.click_button("Cancel all")
        self.wait_for_text("#uploads", "0 files uploaded, 6 cancelled")
        sent = [said for _, method, said in self.mock.requests if method == "PUT" and "many" in said]
        self.assertEqual(len(sent), 3, "those that waited were never begun")

    def test_upload_to_a_name_that_is_taken(self):
        self.expected = ["412 (Precondition Failed)", "?limit=1 - Failed to load resource"]
        self.server.store(f"{self.home}/same.txt", b"old")
        path = self.local_file("same.txt", b"new")
        self.open()
        self.upload(path)
        self.wait_for_text("dialog", "exists already")
        self.picture("conflict")
        self.browser.click_button("Keep both")
        self.wait_for_names("same (2).txt", "same.txt")
        self.assertEqual(self.server.content(f"{self.home}/same.txt"), b"old")
        self.upload(path)
        self.browser.click_button("Replace")
        self.wait(lambda: self.server.content(f"{self.home}/same.txt") == b"new", "it is replaced")
