"""Lists of any length, sorted, filtered, and true to what others do meanwhile."""
import random
import re
import urllib.parse

import mock_files
from page_case import END, ENTER, ESCAPE, PageCase


class ListsTest(PageCase):
    def test_what_is_loaded_follows_the_server(self):
        """Pages that are asked for again, one by one, while entries come and go."""
        self.needs_mock()
        letters = "ab\u00e4\uffee\U0001f600\udce9"
        names = {"".join(random.choices(letters, k=8)) for _ in range(2600)}
        directory = self.mock.files.make_directory(f"{self.home}/many")
        directory.children = {name: mock_files.File(b"") for name in names}
        self.open()
        self.browser.driver.execute_async_script("""
            const [path, done] = arguments;
            import('/js/listing.js').then(async ({Listing}) => {
              window.escapeName = (await import('/js/names.js')).escapeName;
              window.many = new Listing(path, () => false);
              window.many.begin(await Listing.firstPage(path));
              while (!window.many.complete) await window.many.loadMore();
              done();
            });""", f"{self.home}/many")

        def loaded():
            return self.browser.run(
                "return window.many.entries.map((entry) => window.escapeName(entry.name))")

        def expected():
            return [urllib.parse.quote(name) for name in sorted(map(mock_files.bytes_of, names))]
        self.assertEqual(loaded(), expected())
        for _ in range(3):
            names -= set(random.sample(sorted(names), 150))
            names |= {"".join(random.choices(letters, k=8)) for _ in range(150)}
            directory.children = {name: mock_files.File(b"") for name in names}
            fault = self.browser.driver.execute_async_script("""
                const done = arguments[0];
                (async () => {
                  const inEachPage = window.many.pages_.map((page) => page.after);
                  const names = () => window.many.entries.map((entry) => entry.name);
                  const double = () => new Set(names()).size < names().length;
                  for (const after of inEachPage) {
                    await window.many.refresh(after === null ? '' : after + 'a');
                    if (double()) done('an entry stands there twice');
                  }
                  await window.many.refresh('\\u{10ffff}');
                  done('');
                })();""")
            self.assertEqual(fault, "")
            self.assertEqual(loaded(), expected())

    def test_a_directory_of_a_million(self):
        self.needs_mock()
        self.open("/million")
        self.assertLess(len(self.browser.all(".row")), 60)
        self.wait_for_text("#count", "1,000 entries")
        self.browser.run("document.getElementById('rows').focus()")
        for _ in range(5):
            loaded = self.loaded()
            self.browser.keys(END)
            self.wait(lambda: self.loaded() > loaded, "the next page is loaded")
        self.assertEqual(self.browser.text(".row.active a"), f"file-{loaded - 1:07}.bin")
        self.picture("million")
        self.browser.keys("/")
        self.browser.keys("42", ENTER)
        self.wait_for_text("#count", "match")
        self.assertTrue(all("42" in name for name in self.browser.names()))
        loaded = self.loaded()
        self.browser.click_button("Look further")
        self.wait(lambda: self.loaded() > loaded, "more is looked at")

    def loaded(self):
        """What is filtered is told as "7 of 1,000+ match"."""
        return int(re.search(r"([\d,]+)(\+ match| entries)", self.browser.text("#count"))[1]
                   .replace(",", ""))

    def test_rows_far_down_stand_at_their_place(self):
        self.needs_mock()
        self.open("/million")
        # As if 900,000 had been scrolled past: no browser allows an element of that height.
        self.browser.driver.execute_async_script("""
            const done = arguments[0];
            import('/js/virtual_list.js').then(({VirtualList}) => {
              const box = document.body.appendChild(document.createElement('div'));
              box.id = 'far';
              Object.assign(box.style, {position: 'fixed', inset: 0, overflow: 'auto'});
              box.style.setProperty('--row', '46px');
              window.far = new VirtualList(box, {
                make: () => {
                  const row = document.createElement('p');
                  row.style.position = 'absolute';
                  return row;
                },
                fill: (row, index) => { row.textContent = index; }, drawn: () => {}});
              window.far.setCount(1000000);
              window.far.reveal(999999);
              done();
            });""")
        tops = self.browser.run("""
            const place = (row) => [Number(row.textContent), row.getBoundingClientRect().top];
            const rows = [...document.querySelectorAll('#far p')];
            return rows.map(place).sort((a, b) => a[0] - b[0])""")
        self.assertEqual(tops[-1][0], 999_999)
        self.assertAlmostEqual(tops[-1][1] + 46, 800, delta=8)
        for (index, top), (next_index, next_top) in zip(tops, tops[1:]):
            self.assertEqual((next_index - index, round(next_top - top)), (1, 46))

    def test_sort_and_filter(self):
        for name, size in (("a", 30), ("b", 10), ("C", 20)):
            self.server.store(f"{self.home}/{name}.dat", bytes(size))
        self.open()
        self.browser.one("[data-sort=size]").click()
        self.wait_for_names("a.dat", "C.dat", "b.dat")
        self.browser.one("[data-sort=size]").click()
        self.wait_for_names("b.dat", "C.dat", "a.dat")
        self.browser.keys("/")
        self.browser.keys("c.D")
        self.wait_for_names("C.dat")
        self.browser.keys("x")
        self.wait_for_text("#state", "Nothing matches")
        self.browser.keys(ESCAPE)
        self.wait_for_names("b.dat", "C.dat", "a.dat")

    def test_what_others_do_is_seen(self):
        self.server.store(f"{self.home}/mine.txt", b"")
        self.open()
        self.wait_for_names("mine.txt")
        self.server.store(f"{self.home}/theirs.txt", b"12345")
        self.wait_for_names("mine.txt", "theirs.txt")
        self.server.remove(f"{self.home}/mine.txt")
        self.wait_for_names("theirs.txt")
