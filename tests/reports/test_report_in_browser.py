import json
import os
import shutil

import numpy as np
import pytest

from maxmargin.reports import summarise, summarise_tuning, write_html, write_tuning_html
from maxmargin.reports.papers import draw_figures, summarise_evidence, write_evidence_html
from tests.reports.evidence import UGLY, drawn, large

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTHS = (400, 1400)

FIGURES = """
return [...document.querySelectorAll("figure")].map(figure => {
  const svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
  const scale = box.width / svg.viewBox.baseVal.width;
  const texts = [...svg.querySelectorAll("text")];
  return {
    role: svg.getAttribute("role"),
    alternative: svg.getAttribute("aria-labelledby").split(" ")
      .map(id => document.getElementById(id).textContent),
    caption: figure.querySelector("figcaption").textContent.trim(),
    smallest: Math.min(...texts.map(t => parseFloat(getComputedStyle(t).fontSize) * scale)),
    left: Math.min(...texts.map(t => t.getBoundingClientRect().left)),
    right: Math.max(...texts.map(t => t.getBoundingClientRect().right)),
  };
});
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver_path = shutil.which("chromedriver")
    if not (chromium and driver_path):
        missing = "no Chromium with its chromedriver on this machine"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    yield driver
    driver.quit()


@pytest.fixture(
    params=[
        *(
            "real",
            "two classes",
            "hundred classes",
            "one split",
            "ugly names",
            "nothing finished",
            "networks",
        ),
        *("tuned", "tuned on ugly names", "tuned on one grid of hundred classes"),
        *("papers", "papers with ugly names"),
    ]
)
def report(request, digits, make_records, make_networks, make_tuning, tmp_path):
    rng = np.random.default_rng(0)
    few = {
        m: (mean + 0.01 * rng.normal(size=3)).tolist()
        for m, mean in (("m3", 0.9), ("cs", 0.89), ("dummy", 0.3))
    }
    many = {f"method-{k}": (0.8 - k / 40 + 0.01 * rng.normal(size=10)).tolist() for k in range(12)}
    ugly = (
        "<script>alert(1)</script>",
        "x" * 200,
        "$x^2$",
        "emoji 👩‍🔬🎉",
        "日本語のとても長いクラスの名前",
        "W" * 14,
        "&amp;",
    )
    records = {
        "real": lambda: digits,
        "two classes": lambda: make_records(few),
        "hundred classes": lambda: make_records(many, [f"species {k}" for k in range(100)], n_test=500),
        "one split": lambda: make_records({m: a[:1] for m, a in few.items()}, ("a", "b", "c")),
        "ugly names": lambda: make_records(
            few, ugly, name="<b>" + "n" * 200, notes=["<script>alert(2)</script>", "m" * 300]
        ),
        "networks": make_networks,
        "nothing finished": lambda: make_records(few)[:2],
        "tuned": make_tuning,
        "tuned on ugly names": lambda: make_tuning(ugly, name="<b>" + "n" * 200),
        "tuned on one grid of hundred classes": lambda: make_tuning(
            [f"species {k}" for k in range(100)], n_stages=1
        ),
        "papers": lambda: [drawn(), large()],
        "papers with ugly names": lambda: [drawn(UGLY[2:4])],
    }[request.param]()
    path = tmp_path / "report.html"
    if request.param.startswith("papers"):
        sections = summarise_evidence(
            [experiment for experiment, _ in records], {e.name: r for e, r in records}
        )
        write_evidence_html(sections, draw_figures(sections), path)
    elif request.param.startswith("tuned"):
        write_tuning_html(summarise_tuning(records), path)
    else:
        write_html(summarise(records), path)
    return path


def test_page(browser, report):
    browser.get_log("performance")
    browser.get_log("browser")
    for width in WIDTHS:
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get(report.as_uri())
        assert browser.execute_script("return innerWidth") == width
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script("return document.scripts.length") == 0
        figures = browser.execute_script(FIGURES)
        assert len(figures) == report.read_text(encoding="utf-8").count("<figure>")
        for figure in figures:
            assert figure["role"] == "img"
            assert all(len(words.strip()) > 8 for words in figure["alternative"])
            assert figure["caption"]
            assert figure["smallest"] >= 9
            assert figure["left"] >= 0
            assert figure["right"] <= width
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    requested = [
        event["params"]["request"]["url"]
        for event in (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert report.as_uri() in requested
    assert [url for url in requested if not url.startswith(("file://", "data:"))] == []


LEGIBLE = """
const parse = colour => colour.match(/[\\d.]+/g).map(Number);
const light = colour => parse(colour).slice(0, 3)
  .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
const behind = element => {
  for (let e = element; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if (parse(colour)[3] !== 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
const words = "p, td, th, li, a, dt, dd, summary, figcaption, h1, h2, h3, h4, span, svg text";
const shown = [...document.querySelectorAll(words)]
  .filter(e => e.textContent.trim() && e.getClientRects().length);
return shown.map(e => {
  const style = getComputedStyle(e), ink = e instanceof SVGElement ? style.fill : style.color;
  return [ratio(light(ink), light(behind(e))), e.textContent.trim()];
}).filter(pair => pair[0] < 4.5);
"""


@pytest.fixture(scope="module")
def papers_page(tmp_path_factory):
    experiments = [drawn(), large()]
    sections = summarise_evidence([e for e, _ in experiments], {e.name: r for e, r in experiments})
    path = tmp_path_factory.mktemp("papers") / "results.html"
    write_evidence_html(sections, draw_figures(sections), path)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_papers_page_is_legible_in_both_schemes(browser, scheme, papers_page):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(papers_page.as_uri())
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.execute_script(LEGIBLE) == []
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
