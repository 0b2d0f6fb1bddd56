"""A headless Chromium, and the few things that tests of the page do with it."""
import pathlib
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

CHROMIUM = "/usr/bin/chromium"
DRIVER = "/usr/bin/chromedriver"
WAIT_SECONDS = 15  # For what should come at once: the machine may be busy.


def available():
    return pathlib.Path(CHROMIUM).exists() and pathlib.Path(DRIVER).exists()


class Browser:
    def __init__(self, downloads):
        options = webdriver.ChromeOptions()
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--force-prefers-reduced-motion"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.binary_location = CHROMIUM
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.driver.set_script_timeout(WAIT_SECONDS)
        self.resize(1280, 800)

    def close(self):
        self.driver.quit()

    def resize(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1,
                                     "mobile": False})

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def open(self, address):
        """A new document in any case, not only another place in this one."""
        self.driver.get("about:blank")
        self.driver.get(address)
        self.wait(lambda: self.run("return performance.getEntriesByName('minidfs.ready').length"),
                  "the page is ready")

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.wait(lambda: next(iter(self.all(selector)), None), f"there is {selector}")

    def text(self, selector):
        """Of all that match, also what is out of sight; empty when there is none."""
        return self.run("return [...document.querySelectorAll(arguments[0])]"
                        ".map(one => one.textContent).join('\\n').toWellFormed()", selector)

    def names(self):
        """Of the rows that are drawn, from above."""
        return self.run("return [...document.querySelectorAll('.row')]"
                        ".map(row => [Number(row.getAttribute('aria-rowindex')), row])"
                        ".sort((a, b) => a[0] - b[0])"
                        ".map(([_, row]) => row.querySelector('a').textContent.toWellFormed())")

    def click_button(self, words, within="body"):
        """The button that says these words, to the eye or to a screen reader."""
        def found():
            for button in self.all(f"{within} button"):
                said = button.get_attribute("aria-label") or button.get_attribute("textContent")
                if said.strip() == words and button.is_displayed():
                    return button
            return None
        self.wait(found, f"a button says {words}").click()

    def keys(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def choose(self, name):
        """Makes the row of this name the active one, without opening it."""
        self.wait(lambda: name in self.names(), f"{name} is listed")
        self.run("document.getElementById('rows').focus()")
        self.keys("\ue011")  # Home.
        for _ in range(200):
            active = self.text(".row.active a")
            if active == name:
                return
            self.keys("\ue015")  # Down.
        raise AssertionError(f"{name} was not reached")

    def wait(self, condition, what, seconds=WAIT_SECONDS):
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.05)

    def complaints(self):
        """What the console has said since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]
