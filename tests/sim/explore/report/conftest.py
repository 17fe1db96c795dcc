"""A headless browser that a test speaks with, and pages that it opens."""

import itertools
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import websocket

# What stands beside the tests is imported by its name.
sys.path.append(str(Path(__file__).parent))

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--hide-scrollbars", "--remote-debugging-port=0", "--remote-allow-origins=*"),
)
_START_S = 120


class Page:
    """A page in the browser: what is done on it, and what it says.

    Members
    -------
    errors : list of str
        Errors on its console.
    requests : list of str
        Addresses that it asked for.
    """

    def __init__(self, address):
        self._socket = websocket.create_connection(address, timeout=120)
        self._numbers = itertools.count(1)
        self.errors, self.requests = [], []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Result of a command of the browser's protocol."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self._hear(answer)

    def _hear(self, event):
        given = event.get("params", {})
        if event["method"] == "Runtime.exceptionThrown":
            self.errors.append(given["exceptionDetails"]["exception"].get("description", "?"))
        elif event["method"] == "Runtime.consoleAPICalled" and given["type"] == "error":
            self.errors.append(str(given["args"]))
        elif event["method"] == "Log.entryAdded" and given["entry"]["level"] == "error":
            self.errors.append(given["entry"]["text"])
        elif event["method"] == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])

    def open(self, path, last="parallel"):
        """Go to a file, and wait until its last chart is drawn; seconds that this takes."""
        begin = time.monotonic()
        self.call("Page.navigate", url=path.as_uri())
        self.until(f"document.querySelectorAll('#{last} .main-svg').length > 0")
        return time.monotonic() - begin

    def run(self, code):
        """Value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, condition, seconds=60):
        """Wait for a condition in the page."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"not in {seconds} s: {condition}"
            time.sleep(0.05)

    def mouse(self, kind, x, y, buttons=0):
        """An event of the mouse, in pixels of the window."""
        button = "left" if kind != "mouseMoved" or buttons else "none"
        options = {"buttons": buttons, "button": button, "clickCount": int(kind != "mouseMoved")}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **options)

    def close(self):
        """Hear what is left, and leave."""
        self.run("1")
        self._socket.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Function that opens a page of a size."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is missing: apt-get install chromium")
    folder = tmp_path_factory.mktemp("browser")
    command = [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    pages = []
    with subprocess.Popen(command, **quiet) as process:
        port_file, end = folder / "DevToolsActivePort", time.monotonic() + _START_S
        while not port_file.exists() or not port_file.read_text().count("\n"):
            assert time.monotonic() < end and process.poll() is None, "chromium does not start"
            time.sleep(0.05)
        port, place = port_file.read_text().split()[:2]
        own = websocket.create_connection(f"ws://127.0.0.1:{port}{place}", timeout=120)

        def new(width, height):
            wanted = {"method": "Target.createTarget", "params": {"url": "about:blank"}}
            own.send(json.dumps({"id": 1, **wanted}))
            while True:
                answer = json.loads(own.recv())
                if answer.get("id") == 1:
                    break
            target = answer["result"]["targetId"]
            page = Page(f"ws://127.0.0.1:{port}/devtools/page/{target}")
            size = {"width": width, "height": height, "deviceScaleFactor": 1}
            page.call("Emulation.setDeviceMetricsOverride", **size, mobile=width < 600)
            pages.append(page)
            return page

        yield new
        for page in pages:
            page.close()
        own.close()
        process.terminate()
