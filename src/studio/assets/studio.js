// Keeps a page as it is on the server: when something happens it is read again, and what is different is put in its place.
// Everything works without this file; then a page is what it was when it was asked for.
"use strict";
(() => {
  const OFTEN_MS = 250;
  const main = document.getElementById("main");
  const word = document.getElementById("live");
  const source = document.body.dataset.live;

  // "12 s ago", counted on; the clock is the server's.
  let ahead = 0;
  const clock = (page) => { const now = page.getElementById("now"); if (now) ahead = Date.parse(now.value) - Date.now(); };
  const two = (high, unit, low, below) => low ? `${high} ${unit} ${low} ${below}` : `${high} ${unit}`;
  const length = (s) => s < 60 ? `${s} s` : s < 3600 ? two(Math.floor(s / 60), "min", s % 60, "s")
    : s < 86400 ? two(Math.floor(s / 3600), "h", Math.floor(s % 3600 / 60), "min") : two(Math.floor(s / 86400), "d", Math.floor(s % 86400 / 3600), "h");
  const tick = () => {
    for (const one of document.querySelectorAll("time.ago")) {
      const s = Math.floor((Date.now() + ahead - Date.parse(one.dateTime)) / 1000);
      const text = s < 1 ? "just now" : `${length(s)} ago`;
      if (one.textContent !== text) one.firstChild.data = text;
    }
  };
  clock(document);
  setInterval(() => { if (!document.hidden) tick(); }, 1000);

  // A picture wider than its place begins where something goes on.
  for (const graph of document.querySelectorAll(".graph")) {
    const at = graph.querySelector(".running, .waiting, .failed");
    if (!at) continue;
    const node = at.getBoundingClientRect(), place = graph.getBoundingClientRect();
    graph.scrollBy(Math.max(0, node.right + 24 - place.right), Math.max(0, node.bottom + 24 - place.bottom));
  }

  if (!source || !window.EventSource) return;
  const say = (text, state) => { if (word.textContent !== text) { word.textContent = text; word.dataset.state = state; } };

  // While somebody fills in a form, it is of the page that it came with.
  document.addEventListener("input", (event) => event.target.form?.classList.add("touched"));
  const kept = (node) => node.nodeName === "FORM" && (node.classList.contains("touched") || node.contains(document.activeElement));
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.id === b.id
    && (a.nodeName !== "FORM" || a.getAttribute("action") === b.getAttribute("action"));
  const move = Element.prototype.moveBefore ?? Node.prototype.insertBefore;

  // Makes `a` what `b` is; what is open, chosen or written stays as it is.
  const change = (a, b) => {
    if (a.isEqualNode(b) || kept(a)) return;
    if (a.nodeType !== 1) { a.data = b.data; return; }
    const own = (name) => a.nodeName === "DETAILS" && name === "open";
    for (const { name, value } of b.attributes) if (!own(name) && a.getAttribute(name) !== value) a.setAttribute(name, value);
    for (const { name } of [...a.attributes]) if (!own(name) && !b.hasAttribute(name)) a.removeAttribute(name);
    children(a, b);
  };

  // What has a name is found by it, wherever it stands now; the rest by its place.
  const children = (now, next) => {
    const wanted = new Set([...next.children].filter((one) => one.id).map((one) => one.id));
    for (const one of [...now.children]) if (one.id && !wanted.has(one.id)) leave(one);
    const named = new Map([...now.children].filter((one) => one.id).map((one) => [one.id, one]));
    let at = now.firstChild;
    for (const b of next.childNodes) {
      const a = b.id ? named.get(b.id) : at;
      if (!a || !alike(a, b)) { now.insertBefore(document.importNode(b, true), at); continue; }
      if (a === at) at = at.nextSibling; else move.call(now, a, at);
      change(a, b);
    }
    while (at) { const gone = at; at = at.nextSibling; leave(gone); }
  };
  // Somebody else answered meanwhile: what was written can still be read, and not be sent.
  const leave = (node) => {
    if (!kept(node)) return node.remove();
    for (const button of node.querySelectorAll("button")) button.disabled = true;
  };

  let due = 0, reading = false, again = false, first = true, wait = OFTEN_MS;
  const read = async () => {
    if (document.hidden) { again = true; return; }
    if (reading) { again = true; return; }
    reading = true; again = false;
    const began = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        clock(page);
        change(main, page.getElementById("main"));
        document.title = page.title;
        // What waited in the queue has begun: from now on other events tell of it.
        const where = (live) => (live ?? "").split("?")[0];
        const live = page.body.dataset.live;
        if (live && where(live) !== where(source)) { location.reload(); return; }
        if (!live) { events.close(); say("ended", "ended"); }
      }
    } catch { say("not reached", "lost"); }
    reading = false;
    // A long page is read less often than a short one.
    wait = Math.max(OFTEN_MS, 4 * (performance.now() - began));
    if (again) soon();
  };
  const soon = () => { if (!due) due = setTimeout(() => { due = 0; read(); }, wait); };

  const events = new EventSource(source);
  // Most events are sent from where the page stood; what happened before the others, nobody knows.
  events.onopen = () => { say("live", "live"); if (!first || !source.includes("after=")) soon(); first = false; };
  events.onmessage = soon;
  events.onerror = () => say("not reached", "lost");
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) soon(); });
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
