"""Uses the server's page in a headless Chromium, as a person would, through the DevTools protocol.

Usage: browser.py CHROMIUM URL FOLDER. Exits with 0 when all was as expected; leaves page.png in FOLDER.
"""

import base64
import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import websocket

PATIENCE_S = 150.0


class Navigated(Exception):
    """The page was left while it was asked."""


class Page:
    """One tab of a browser."""

    def __init__(self, address: str) -> None:
        self.socket = websocket.create_connection(address, timeout=PATIENCE_S, suppress_origin=True)
        self.count = 0
        self.errors: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Calls a method of the protocol; notes errors that the page reports meanwhile."""
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(message["params"])[:600])
            if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.errors.append(message["params"]["entry"]["text"])
            if message.get("id") == self.count:
                if "navigated" in message.get("error", {}).get("message", ""):
                    raise Navigated
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]

    def value(self, expression: str) -> Any:
        """The value of an expression in the page, awaited if it is a promise."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in result:
            raise AssertionError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def until(self, expression: str, what: str) -> Any:
        """Waits until an expression is true."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                value = self.value(expression)
            except Navigated:
                value = None  # the next page will say
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"{what} did not happen; the page says: {self.value('document.body.innerText')!r:.900}")


def check(page: Page, url: str, folder: Path) -> None:
    """Types a prompt, sees and plays four stems, locks one, regenerates another by words, takes it back."""
    page.call("Runtime.enable")
    page.call("Log.enable")
    page.call("Page.enable")
    page.call("Page.navigate", url=url)
    page.until("document.body && document.body.dataset.state === 'ready'", "opening the page")
    set_value = "(id, text) => { document.getElementById(id).value = text; }"
    page.value(
        f"({set_value})('prompt', 'dark techno with driving bass');"
        f"({set_value})('bars', '1'); ({set_value})('seed', '7')"
    )
    page.value("document.getElementById('generate').click()")
    page.until("document.body.dataset.state === 'working'", "beginning to work")
    page.until(
        "document.body.dataset.state === 'ready' && document.querySelectorAll('.lane[data-drawn]').length === 4",
        "four waveforms",
    )
    assert page.value("document.getElementById('status').textContent").startswith("Done"), "no word of success"
    assert "bpm" in page.value("document.getElementById('plan').textContent")
    assert page.value("document.querySelectorAll('#chords li').length") == 2
    assert page.value("document.querySelectorAll('#chips li').length") >= 2

    lit = """[...document.querySelectorAll('canvas')].map((canvas) => {
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let count = 0;
        for (let index = 3; index < data.length; index += 4) if (data[index]) count++;
        return count / (data.length / 4);
    })"""
    shares = page.value(lit)
    assert len(shares) == 4 and all(share > 0.01 for share in shares), f"waveforms are empty: {shares}"
    lengths = page.value("TRACKS.map((track) => lanes[track].buffer.length)")
    assert len(set(lengths)) == 1, f"stems differ in length: {lengths}"

    page.value("document.getElementById('play').click()")
    page.until("playing && TRACKS.every((track) => lanes[track].source)", "playing all four")
    page.until("parseFloat(lanes.drums.head.style.left) > 0", "a moving head")
    heads = page.value("TRACKS.map((track) => lanes[track].head.style.left)")
    assert len(set(heads)) == 1, f"heads are apart: {heads}"

    drums = page.value("lanes.drums.take")
    bass = page.value("lanes.bass.take")
    page.value("lanes.drums.lock.click()")
    page.until("lanes.drums.lock.getAttribute('aria-pressed') === 'true'", "locking the drums")
    page.value("lanes.bass.words.value = 'more aggressive'; lanes.bass.form.requestSubmit()")
    page.until(f"document.body.dataset.state === 'ready' && lanes.bass.box.dataset.drawn !== '{bass}'", "another bass")
    assert page.value("lanes.drums.take") == drums, "a locked track has changed"
    assert page.value("playing !== null"), "regenerating has stopped the sound"
    assert page.value("lanes.bass.count.textContent") == "2/2"
    (folder / "page.png").write_bytes(base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"]))
    page.value(f"({set_value})('prompt', 'asdf qwer zxcv'); document.getElementById('generate').click()")
    page.until("document.getElementById('status').classList.contains('bad')", "refusing a prompt of no known word")
    page.until("document.body.dataset.state === 'ready'", "resting after a refusal")
    assert not page.value("document.getElementById('undo').disabled"), "a refusal has taken the undo away"
    page.value(f"({set_value})('prompt', 'dark techno with driving bass')")
    page.value("document.getElementById('undo').click()")
    page.until(f"lanes.bass.take === '{bass}'", "undoing")
    page.value("document.getElementById('play').click()")
    page.until("!playing", "stopping")

    page.value("document.body.dataset.state = 'leaving'; setTimeout(() => location.reload(), 0)")
    page.until(
        f"document.body && document.body.dataset.state === 'ready' && lanes.bass.box.dataset.drawn === '{bass}'",
        "finding the session again",
    )

    page.value("document.getElementById('seed').value = '8'; document.getElementById('generate').click()")
    page.until("job !== null", "asking for another piece")
    page.value("document.body.dataset.state = 'leaving'; setTimeout(() => location.reload(), 0)")
    page.until(
        f"document.body && document.body.dataset.state === 'ready' && lanes.bass.box.dataset.drawn && lanes.bass.take !== '{bass}'",
        "finding a job again that was at work when the page was left",
    )
    assert page.value("lanes.drums.take") == drums, "a locked track has changed"
    unnamed = page.value("""[...document.querySelectorAll('button, input, canvas')].filter((one) =>
        !(one.getAttribute('aria-label') || one.textContent.trim() ||
            (one.id && document.querySelector(`label[for="${one.id}"]`)))
    ).map((one) => one.outerHTML)""")
    assert not unnamed, f"controls without a name: {unnamed}"
    page.errors = [error for error in page.errors if "422" not in error]  # the refusal above, as the browser logs it
    assert not page.errors, f"the page reports errors: {page.errors}"


def main() -> None:
    """Starts the browser, and ends it whatever happens."""
    chromium, url, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    profile = folder / "profile"
    browser = subprocess.Popen(
        [
            chromium,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--mute-audio",
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
            "--autoplay-policy=no-user-gesture-required",
            "--window-size=1120,1180",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port_file = profile / "DevToolsActivePort"
        end = time.monotonic() + PATIENCE_S
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert browser.poll() is None, f"Chromium ended with {browser.returncode}"
            assert time.monotonic() < end, "Chromium does not start"
            time.sleep(0.1)
        port = port_file.read_text().splitlines()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            tab = next(tab for tab in json.load(answer) if tab["type"] == "page")
        check(Page(tab["webSocketDebuggerUrl"]), url, folder)
    finally:
        browser.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            browser.wait(timeout=20)
        if browser.poll() is None:
            browser.kill()


if __name__ == "__main__":
    main()
