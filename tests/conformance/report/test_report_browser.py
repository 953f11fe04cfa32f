"""The page in a real browser: headless Chromium, driven by Selenium, from a file and without a network."""
# ruff: noqa: ANN401 -- pages and elements of a browser that may not be installed

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from conformance.report import pages, specification
from conformance.report.data import gather
from conformance.run.store import Store

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
webdriver: Any = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
select: Any = pytest.importorskip("selenium.webdriver.support.select")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="chromium and chromium-driver are not installed"),
]

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)
SCRIPT = "import numpy as np\nprint('expected 1, got 3')\n"
STILL = {"name": "prefers-reduced-motion", "value": "reduce"}
FINDING = "finding-conv2d_transpose-wrong-value-0badcafe"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start the browser once, with a fresh profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [STILL]})
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def text(shared_run: Path) -> str:
    """Return the report of a run with a new and a known finding."""
    return pages.page(gather([shared_run]))


@pytest.fixture
def page(tmp_path: Path, text: str, browser: Any) -> Any:
    """Open the report."""
    return opened(browser, tmp_path / "report.html", text)


def opened(browser: Any, path: Path, text: str, address: str = "") -> Any:
    """Write a page and open it as a file."""
    path.write_text(text)
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(f"{path.as_uri()}{address}")
    return browser


def shown(browser: Any, selector: str) -> list[Any]:
    """Return the elements that can be seen."""
    return [element for element in browser.find_elements("css selector", selector) if element.is_displayed()]


def test_it_opens_from_a_file_and_asks_for_nothing(page: Any) -> None:
    """The only request is for the file itself."""
    import json

    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    assert [url for url in asked if not url.startswith(("data:", "about:"))] == [page.current_url]


def test_the_console_stays_silent(page: Any) -> None:
    """Neither an error nor a warning."""
    assert page.get_log("browser") == []


def test_a_finding_can_be_searched(page: Any) -> None:
    """Of two findings the one with these words stays."""
    page.find_element("css selector", "[data-filter=findings] [data-by=text]").send_keys("tied element")

    assert [entry.get_attribute("data-op") for entry in shown(page, ".finding")] == ["max_pool_grad"]
    assert page.find_element("css selector", "[data-filter=findings] output").text == "1 of 2"


def test_findings_are_filtered_by_status(page: Any) -> None:
    """The new one alone."""
    select.Select(page.find_element("css selector", "[data-by=status]")).select_by_visible_text("new")

    assert [entry.get_attribute("data-status") for entry in shown(page, ".finding")] == ["new"]


def test_a_search_without_result_says_so(page: Any) -> None:
    """No finding, and a sentence."""
    page.find_element("css selector", "[data-filter=findings] [data-by=text]").send_keys("no such words")

    assert not shown(page, ".finding")
    assert [element.text for element in shown(page, ".empty")] == ["No finding matches."]


def test_rules_are_filtered_and_ops_without_any_left_go(page: Any) -> None:
    """One rule of one op."""
    page.find_element("css selector", "[data-filter=rules] [data-by=text]").send_keys("conv2d_transpose.R12")

    assert [row.get_attribute("id") for row in shown(page, "[data-list=rules] tr[id]")] == ["rule-conv2d_transpose.R12"]
    assert len(shown(page, "[data-list=rules] section")) == 1


def test_the_scoreboard_shows_only_ops_that_disagree(page: Any) -> None:
    """Where one call of conv2d_transpose disagrees."""
    page.find_element("css selector", "[data-filter=board] [data-by=bad]").click()

    assert [row.get_attribute("data-text") for row in shown(page, "[data-list=board] tbody tr")] == ["conv2d_transpose"]


def test_a_link_to_a_finding_opens_it(tmp_path: Path, text: str, browser: Any) -> None:
    """Though it is known, and stands closed otherwise."""
    address = "finding-max_pool_grad-wrong-value-00c0ffee"
    page = opened(browser, tmp_path / "report.html", text, f"#{address}")

    assert page.find_element("id", address).find_element("css selector", ".reason").is_displayed()


def test_every_link_lands(page: Any) -> None:
    """Each address on the page is that of something on the page, and no two things have the same."""
    missing = page.execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash.slice(1))"
        ".filter(id => !document.getElementById(decodeURIComponent(id)))"
    )
    twice = page.execute_script(
        "const ids = [...document.querySelectorAll('[id]')].map(e => e.id);"
        "return ids.filter((id, i) => ids.indexOf(id) !== i)"
    )

    assert (missing, twice) == ([], [])


def test_a_cell_opens_its_op_and_marks_its_column(page: Any) -> None:
    """The cell of conv2d_transpose on the first target."""
    page.find_element("css selector", "[data-opens=parts-conv2d_transpose] a").click()

    assert page.find_element("css selector", "#parts-conv2d_transpose table").is_displayed()
    assert page.find_element("css selector", "#parts-conv2d_transpose th.picked").text == "tf-cpu-eager"


def test_the_button_copies_the_script(page: Any) -> None:
    """What is pasted is the script, to the letter."""
    button = page.find_element("css selector", f"#{FINDING} [data-copy]")
    page.execute_script("arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})", button)
    page.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    button.click()

    pasted = page.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0], e => arguments[0](String(e)))"
    )
    assert (button.text, pasted) == ("Copied", SCRIPT)


def test_nothing_from_a_target_is_run(full_run: Path, browser: Any) -> None:
    """A script in a title, a reason, a predicate and a cause is text."""
    evil = "<script>document.title='broken out'</script><img src=x onerror=\"document.title='broken out'\">"
    store = Store(full_run)
    data = store.read_json("findings.json")
    data["findings"][0] |= {"title": evil, "reason": evil, "predicate": {evil: evil}, "shared_by": {evil: evil}}
    data["causes"][0] |= {"title": evil, "link": "javascript:document.title='broken out'"}
    store.write_json("findings.json", data)

    page = opened(browser, full_run / "report.html", pages.page(gather([full_run])), f"#{FINDING}")

    assert "broken out" not in page.title
    assert page.find_element("css selector", f"#{FINDING} .reason").text == evil
    assert page.get_log("browser") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_window(page: Any, scheme: str, width: int) -> None:
    """Wide tables scroll by themselves; the page does not."""
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [STILL, {"name": "prefers-color-scheme", "value": scheme}]}
    )
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")

    root = "document.documentElement"
    wide, room = page.execute_script(f"return [{root}.scrollWidth, {root}.clientWidth]")  # less a scroll bar
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= room


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(page: Any, scheme: str) -> None:
    """At least 4.5 to 1 between text and what lies behind it: WCAG 2.2, success criterion 1.4.3."""
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [STILL, {"name": "prefers-color-scheme", "value": scheme}]}
    )
    page.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert page.execute_script(CONTRAST) == []


CONTRAST = """
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
  .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const rgb = numbers(getComputedStyle(e).backgroundColor);
    if (rgb.length === 3 || rgb[3] > 0.99) return rgb;
  }
  return [255, 255, 255];
};
const low = new Set();
for (const element of document.querySelectorAll("main *:not(svg *), nav *")) {
  const text = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!text || !element.checkVisibility()) continue;
  const [a, b] = [light(numbers(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) low.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
}
return [...low];
"""


def test_headings_come_in_order(page: Any) -> None:
    """No level is skipped, and there is one first heading."""
    levels = page.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4,h5')].map(h => +h.tagName[1])")

    assert levels.count(1) == 1
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []


def test_header_cells_say_what_they_head(page: Any) -> None:
    """Each has a scope."""
    assert page.find_elements("css selector", "th:not([scope])") == []


def test_controls_have_names(page: Any) -> None:
    """Each input and select stands in a label; what scrolls can be reached by keyboard, and has a name."""
    assert page.find_elements("css selector", "input:not(label input), select:not(label select)") == []
    assert page.find_elements("css selector", "[tabindex][role=region]:not([aria-label])") == []


def test_paper_shows_what_is_closed(page: Any) -> None:
    """Every closed part is open while it is printed, and closed again after."""
    closed = "return document.querySelectorAll('details:not([open])').length"
    before = page.execute_script(closed)
    during = page.execute_script(f"dispatchEvent(new Event('beforeprint')); {closed}")
    after = page.execute_script(f"dispatchEvent(new Event('afterprint')); {closed}")

    assert (before > 0, during, after) == (True, 0, before)


def test_the_specification_stands_on_its_own(tmp_path: Path, browser: Any) -> None:
    """It opens without an error, its headings in order, its links landing."""
    page = opened(browser, tmp_path / "rules.html", pages.specification(specification.ops()))

    levels = page.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert page.get_log("browser") == []
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []
    assert len(shown(page, "main section")) == len(specification.ops())
