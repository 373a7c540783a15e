// Keeps a page as it is on the server: when something happens, it is read again, and what is different is put in its place.
// Everything works without this file; then a page is what it was when it was asked for.
"use strict";
(() => {
  const source = document.body.dataset.live;
  const word = document.getElementById("live");
  if (!source || !window.EventSource) return;
  let due = 0, reading = false, again = false;
  const say = (text) => { if (word && word.textContent !== text) word.textContent = text; };

  // Puts the children of `next` in the place of those of `now`; what is open, chosen or written stays as it is.
  const put = (now, next) => {
    const from = [...next.childNodes], to = [...now.childNodes];
    for (let at = 0; at < Math.max(from.length, to.length); at++) {
      const a = to[at], b = from[at];
      if (!a) { now.appendChild(b.cloneNode(true)); continue; }
      if (!b) { a.remove(); continue; }
      if (a.isEqualNode(b)) continue;
      if (a.nodeType !== 1 || b.nodeType !== 1 || a.tagName !== b.tagName || a.id !== b.id) { a.replaceWith(b.cloneNode(true)); continue; }
      if (a.tagName === "FORM") continue;
      for (const { name, value } of b.attributes) if (a.getAttribute(name) !== value && !(a.tagName === "DETAILS" && name === "open")) a.setAttribute(name, value);
      for (const { name } of [...a.attributes]) if (!b.hasAttribute(name) && !(a.tagName === "DETAILS" && name === "open")) a.removeAttribute(name);
      put(a, b);
    }
  };

  const read = async () => {
    if (reading) { again = true; return; }
    reading = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        // A form is of the page that it came with: while somebody fills it in, only what stands around it changes.
        put(document.getElementById("main"), page.getElementById("main"));
        document.title = page.title;
        // What waited in the queue has begun: from now on other events tell of it.
        const where = (live) => (live || "").split("?")[0];
        if (page.body.dataset.live && where(page.body.dataset.live) !== where(source)) { location.reload(); return; }
        if (!page.body.dataset.live) { events.close(); say("ended"); }
      }
    } catch { say("not reached"); }
    reading = false;
    if (again) { again = false; soon(); }
  };
  const soon = () => { clearTimeout(due); due = setTimeout(read, 250); };

  const events = new EventSource(source);
  events.onopen = () => say("live");
  events.onmessage = soon;
  events.onerror = () => say("not reached");
  addEventListener("pagehide", () => events.close());
})();
