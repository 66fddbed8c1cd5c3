"""A headless Chromium, driven through chromedriver's plain WebDriver protocol: https://www.w3.org/TR/webdriver2/."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
LEFT = "\ue012"
"""The arrow key."""
PATIENCE = 60
"""Seconds that any one command may take."""

_open = build_opener(ProxyHandler({})).open


class Browser:
    """One window."""

    def __init__(self, session: str):
        self._session = session

    def visit(self, page: Path) -> None:
        """Load a file from the disk."""
        _call("POST", f"{self._session}/url", {"url": page.resolve().as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of a JavaScript function returns."""
        return _call("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector: str) -> str:
        """The first element that a CSS selector matches."""
        found = _call("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def press(self, selector: str, keys: str) -> None:
        """Type into an element."""
        _call("POST", f"{self._session}/element/{self.find(selector)}/value", {"text": keys})

    def click(self, selector: str) -> None:
        """With the mouse, in its middle."""
        _call("POST", f"{self._session}/element/{self.find(selector)}/click", {})

    def drag(self, selector: str, start: int, end: int) -> None:
        """With the mouse, sideways: from and to pixels beside the middle of an element."""
        origin = {ELEMENT: self.find(selector)}
        steps = [
            {"type": "pointerMove", "x": start, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "x": end, "y": 0, "origin": origin, "duration": 100},
            {"type": "pointerUp", "button": 0},
        ]
        _call("POST", f"{self._session}/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": steps}]})

    def resize(self, width: int, height: int) -> None:
        """The page's own size; a window cannot be as narrow as a telephone."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", size)

    def prefer(self, scheme: str) -> None:
        """Colour scheme: light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"features": features})

    def photograph(self, path: Path) -> Path:
        """A PNG of what is seen."""
        shot = self._devtools("Page.captureScreenshot", {"format": "png"})
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    def complaints(self) -> list[str]:
        """What the console has said since the last call."""
        return [entry["message"] for entry in _call("POST", f"{self._session}/se/log", {"type": "browser"})]

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return _call("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """A browser with an empty profile in `folder`; nothing of it is left running."""
    assert CHROMEDRIVER
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    driver = subprocess.Popen(
        [CHROMEDRIVER, f"--port={port}", f"--log-path={folder / 'chromedriver.log'}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a group of processes that can be ended as one
        env=os.environ | {"HOME": str(folder)},
    )
    root = f"http://127.0.0.1:{port}"
    try:
        _wait_for(root)
        session = f"{root}/session/{_call('POST', f'{root}/session', _wishes(folder))['sessionId']}"
        try:
            yield Browser(session)
        finally:
            _call("DELETE", session)
    finally:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait(PATIENCE)


def _wishes(folder: Path) -> dict[str, Any]:
    options = {"binary": CHROMIUM, "args": [*ARGUMENTS, f"--user-data-dir={folder / 'profile'}"]}
    wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    return {"capabilities": {"alwaysMatch": wanted}}


def _wait_for(root: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            _call("GET", f"{root}/status")
            return
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _call(method: str, url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with _open(Request(url, data, {"Content-Type": "application/json"}, method=method), timeout=PATIENCE) as answer:
        return json.load(answer)["value"]
