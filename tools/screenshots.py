"""Checks every page of the built site in a browser.

    tox run -e docs,browser

Takes a picture of each page at the width of a desktop and of a phone, and fails
if a page reports an error to the console, asks for a file that is not there or
is on the network, has a picture that is missing, an equation that was not
rendered, anything that is wider than the screen or cut off, a name in code that
is broken although a line has room for it, an underscore that the underline of
its link hides, or many screens without an entry in the contents of the page.
Searches for some words, and fails if a result shows LaTeX. Needs Chromium and
its driver (of Debian: `chromium`, `chromium-driver`) and Selenium.
"""

import argparse
import contextlib
import functools
import http.server
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from selenium import webdriver

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
TALLEST = 9000  # maximum height of a screenshot in pixels
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

# The faults of the open page, one sentence each.
FAULTS = r"""
const faults = [];
for (const image of document.querySelectorAll('.bd-main img')) {
  if (!image.complete || image.naturalWidth === 0)
    faults.push('a picture is missing: ' + image.getAttribute('src'));
}
for (const place of document.querySelectorAll('div.math, span.math')) {
  if (!place.querySelector('.katex-html'))
    faults.push('an equation is not rendered: ' + place.textContent.trim());
}
for (const place of document.querySelectorAll('.katex-error, merror')) {
  const title = place.getAttribute('title') || place.textContent;
  faults.push('an equation is wrong: ' + title);
}
const width = window.innerWidth;
const main = document.querySelector('.bd-article-container');
const widest = Math.max(
  document.documentElement.scrollWidth,
  main ? main.getBoundingClientRect().left + main.scrollWidth : 0
);
if (widest > width) {
  const wide = [...document.querySelectorAll('.bd-article *')].filter(
    (element) => element.getBoundingClientRect().right > width + 1
  );
  const what = wide.slice(0, 3).map(
    (element) => element.tagName + ' ' + element.textContent.trim().slice(0, 40)
  );
  faults.push('the page is wider than the screen: ' + what.join('; '));
}
const text = (element) => element.textContent.trim().slice(0, 40);
const few = (found, fault) => {
  if (found.length)
    faults.push(`${fault} (${found.length}): ${found.slice(0, 3).join('; ')}`);
};

// What is beyond the edge of an element that hides it, or of a bar that nobody
// expects to scroll. Tables, code and equations scroll by themselves.
const bars =
  '.bd-article-container, [class*="bd-sidebar"], [class*="sidebar-"]';
const isCut = (element) => {
  const {right, width} = element.getBoundingClientRect();
  if (!width || element.closest('.katex, .visually-hidden, .sr-only'))
    return false;
  let outer = element.parentElement;
  for (; outer && outer !== document.body; outer = outer.parentElement) {
    const overflow = getComputedStyle(outer).overflowX;
    if (overflow === 'visible') continue;
    if (right > outer.getBoundingClientRect().right + 1)
      return overflow === 'hidden' || outer.matches(bars);
    if (overflow !== 'hidden' && !outer.matches(bars)) return false;
  }
  return false;
};
few(
  [...document.querySelectorAll('.bd-main *')]
    .filter((element) => !element.children.length && isCut(element))
    .map((element) => text(element) || element.className),
  'something is cut off'
);

// Names in code that go on in the next line although they fit into one.
const inCode = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const broken = new Set();
const partsOf = (node, start, end) => {
  const range = document.createRange();
  range.setStart(node, start);
  range.setEnd(node, end);
  return [...range.getClientRects()].filter((part) => part.width);
};
while (inCode.nextNode()) {
  const node = inCode.currentNode;
  const code = node.parentElement.closest('.bd-article code, .genindextable a');
  if (!code || code.closest('h1, h2, h3, .sd-card, dt')) continue;
  const outer = code.closest('.pst-scrollable-table-container, dd, li, p, td');
  const room = outer ? outer.clientWidth : width;
  for (const run of node.data.matchAll(/\S+/g)) {
    const parts = partsOf(node, run.index, run.index + run[0].length);
    if (parts.reduce((sum, part) => sum + part.width, 0) > 0.9 * room) continue;
    for (const name of run[0].matchAll(/[\w.]+/g)) {
      const start = run.index + name.index;
      const rects = partsOf(node, start, start + name[0].length);
      const lines = new Set(rects.map((part) => Math.round(part.top)));
      if (lines.size > 1) broken.add(name[0]);
    }
  }
}
few([...broken], 'a name is broken into pieces');

// Underscores that end below the underline of their link.
const pen = document.createElement('canvas').getContext('2d');
const hidden = [...document.querySelectorAll('.bd-article a code')].filter(
  (code) => {
    const link = getComputedStyle(code.closest('a'));
    if (!code.textContent.includes('_') || !code.offsetParent) return false;
    if (!link.textDecorationLine.includes('underline')) return false;
    const {fontSize, fontFamily} = getComputedStyle(code);
    pen.font = `${fontSize} ${fontFamily}`;
    const depth = pen.measureText('_').actualBoundingBoxDescent;
    return !(parseFloat(link.textUnderlineOffset) > depth);
  }
);
few(hidden.map(text), 'an underline hides underscores');

// The contents lead to every part of a long page.
const toc = document.querySelector('.bd-sidebar-secondary nav.page-toc');
if (toc && width >= 960) {
  const tops = [...toc.querySelectorAll('a[href^="#"]')]
    .map((link) => document.getElementById(link.hash.slice(1)))
    .filter((target) => target)
    .map((target) => target.getBoundingClientRect().top + scrollY);
  tops.push(0, document.body.scrollHeight);
  tops.sort((a, b) => a - b);
  const gap = Math.max(...tops.slice(1).map((top, i) => top - tops[i]));
  const screens = Math.round(gap / window.innerHeight);
  if (screens > MOST_SCREENS)
    faults.push(`${screens} screens without an entry in the contents`);
}
return faults;
"""
# Most screens of a desktop between two entries in the contents of a page.
FAULTS = FAULTS.replace("MOST_SCREENS", "6")
# The words that are searched for, and the faults of the page of their results.
SEARCHED = ("attention", "reduction", "channels")
RESULTS = r"""
const done = arguments[0];
const started = Date.now();
const look = () => {
  const found = [...document.querySelectorAll('#search-results .context')];
  if (found.length < 3) {
    if (Date.now() - started < 20000) return setTimeout(look, 200);
    return done(['the search finds nothing']);
  }
  const latex = found.map((result) => result.textContent).filter(
    (result) => /\\[a-zA-Z([]/.test(result)
  );
  const shown = latex.map((result) => result.replace(/\s+/g, ' '));
  done(shown.map((result) => 'a result of the search has LaTeX: ' + result));
};
setTimeout(look, 1000);
"""
# Wait until lazily loaded pictures are complete.
SETTLED = r"""
const done = arguments[0];
const images = [...document.images];
images.forEach((image) => (image.loading = 'eager'));
Promise.all([
  document.fonts.ready,
  ...images.map((image) => image.decode().catch(() => null)),
]).then(() => requestAnimationFrame(() => done()));
"""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine, and return its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextlib.contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Start a browser with an empty profile."""
    options = webdriver.ChromeOptions()
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(
            options, webdriver.ChromeService("/usr/bin/chromedriver")
        )
        try:
            yield driver
        finally:
            driver.quit()


def look(
    driver: webdriver.Chrome, address: str, size: tuple[int, int], picture: Path
) -> list[str]:
    """Open a page, take a screenshot, and return its faults."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
    # Not "mobile", which would shrink pages that are too wide.
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", metrics | {"mobile": False}
    )
    for log in ("browser", "performance"):
        driver.get_log(log)  # discard the entries of the previous page
    driver.get(address)
    driver.execute_async_script(SETTLED)
    faults = driver.execute_script(FAULTS)
    faults += [
        f"the console says: {entry['message']}"
        for entry in driver.get_log("browser")
        if entry["level"] in ("SEVERE", "WARNING")
    ]
    faults += [
        f"asks the network for {url}"
        for url in requests(driver)
        if not url.startswith((address.partition("/")[0] + "//127.", "data:"))
    ]
    whole = driver.execute_script("return document.body.scrollHeight")
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        metrics | {"height": min(whole, TALLEST), "mobile": False},
    )
    driver.save_screenshot(str(picture))
    return faults


def requests(driver: webdriver.Chrome) -> Iterator[str]:
    """Yield the requests of the page."""
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("html", type=Path, help="the folder of the built site")
    parser.add_argument("pictures", type=Path, help="where pictures go")
    parser.add_argument("--only", default="", help="part of the pages' names")
    return parser.parse_args()


def main() -> None:
    """Check all pages, and fail if a page has a fault."""
    options = parse_options()
    options.pictures.mkdir(parents=True, exist_ok=True)
    pages = [
        page.relative_to(options.html).as_posix()
        for page in sorted(options.html.rglob("*.html"))
        if "_static" not in page.parts
    ]
    pages = [page for page in pages if options.only in page]
    count = 0
    with served(options.html) as address, browser() as driver:
        for number, page in enumerate(pages, 1):
            print(f"{number}/{len(pages)} {page}", flush=True)
            for name, size in SIZES.items():
                picture = page.replace("/", "_").replace(
                    ".html", f"_{name}.png"
                )
                faults = look(
                    driver,
                    f"{address}/{page}",
                    size,
                    options.pictures / picture,
                )
                for fault in faults:
                    count += 1
                    print(f"  {name}: {fault}", flush=True)
        for word in SEARCHED if "search".startswith(options.only) else ():
            driver.get(f"{address}/search.html?q={word}")
            for fault in driver.execute_async_script(RESULTS):
                count += 1
                print(f"  search for {word}: {fault}", flush=True)
    print(f"{len(pages)} pages at {len(SIZES)} widths, {count} faults.")
    sys.exit(bool(count) or not pages)


if __name__ == "__main__":
    main()
