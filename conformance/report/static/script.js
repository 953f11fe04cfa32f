"use strict";
// Everything is on the page without this script; it filters, opens what an address points at, and copies.
document.documentElement.classList.add("js");

// Filters: inside [data-filter=x], each control [data-by=y] is held against the data-y of the entries of [data-list=x].
for (const tools of document.querySelectorAll("[data-filter]")) {
  const list = document.querySelector(`[data-list="${tools.dataset.filter}"]`);
  const items = [...list.querySelectorAll("[data-item]")];
  const entries = items.length ? items : [...list.querySelectorAll("[data-text]")];
  const controls = [...tools.querySelectorAll("[data-by]")];
  const output = tools.querySelector("output");
  const empty = list.parentElement.querySelector(".empty");
  const words = new Map(entries.map((entry) => [entry, entry.dataset.text.toLowerCase()]));
  const fits = (entry, control) => {
    const by = control.dataset.by;
    if (control.type === "checkbox") return !control.checked || Boolean(entry.dataset[by]);
    const value = control.value;
    if (!value) return true;
    if (by === "text") return value.toLowerCase().split(/\s+/).every((word) => words.get(entry).includes(word));
    return entry.dataset[by].split("\n").includes(value);
  };
  const apply = () => {
    let shown = 0;
    for (const entry of entries) {
      entry.hidden = !controls.every((control) => fits(entry, control));
      shown += !entry.hidden;
    }
    for (const group of list.querySelectorAll("[data-group]")) {
      group.hidden = !group.querySelector("[data-item]:not([hidden])");
    }
    output.textContent = shown === entries.length ? "" : `${shown} of ${entries.length}`;
    if (empty) empty.hidden = shown > 0;
  };
  for (const change of ["input", "change"]) tools.addEventListener(change, apply);
  apply(); // a browser may have kept what was typed before
}

// An address: show what it points at, whatever is filtered or closed.
function arrive() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS") part.open = true;
    part.hidden = false;
  }
  const inner = target.querySelector(":scope > details");
  if (inner) inner.open = true;
  pick(target);
  (target.dataset.opens ? document.getElementById(target.dataset.opens) : target).scrollIntoView();
}

// A cell of the scoreboard opens its op below, and marks its column there.
function pick(cell) {
  for (const marked of document.querySelectorAll(".picked")) marked.classList.remove("picked");
  if (!cell.dataset.opens) return;
  const parts = document.getElementById(cell.dataset.opens);
  parts.open = true;
  for (const row of parts.querySelectorAll("tr")) {
    const entry = row.children[Number(cell.dataset.column)];
    if (entry && !entry.hasAttribute("colspan")) entry.classList.add("picked");
  }
}
addEventListener("hashchange", arrive);
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link && link.hash === location.hash) arrive(); // the same address again
});
if (location.hash) arrive();

// Copy: the clipboard where the browser gives it, else the old way, which files are allowed as well.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    let done = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Select and copy";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

for (const button of document.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () => {
    const every = [...document.querySelectorAll(`[data-list="${button.dataset.open}"] > * > details`)];
    const open = every.some((details) => !details.open);
    for (const details of every) details.open = open;
    button.textContent = open ? "Close all" : "Open all";
  });
}

// On paper everything stands open.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    details.dataset.printed = "";
  }
});
addEventListener("afterprint", () => {
  for (const details of document.querySelectorAll("details[data-printed]")) {
    details.open = false;
    delete details.dataset.printed;
  }
});

// The section in view is marked in the navigation.
const links = new Map([...document.querySelectorAll("nav li a")].map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id).setAttribute("aria-current", "true");
  }
}, { rootMargin: "0px 0px -70% 0px" });
for (const id of links.keys()) {
  const heading = document.getElementById(id);
  if (heading) seen.observe(heading);
}
