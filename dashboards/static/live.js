// Live changes: the server sends the HTML of what changed; each part goes in the place of the one with its id.
// Nothing is rendered here. Focus, typing and pictures stay, because only what differs is touched.
import { now, setNow, tick, wall, words } from "./clock.js";

const SILENCE = 2000; // milliseconds without a beat after which the page says that it is cut off
const body = document.body;
const lost = document.getElementById("lost");
const seen = new Map(); // id of a part -> number of the last event it takes into account
let beaten = 0;
let heard = Date.now();
let source;

export const changed = new EventTarget(); // "parts" after a change, "meters" with figures, "beat"

// The number of the last event that an element shows.
export function shown(element) {
  let number = beaten;
  for (let part = element.closest("[id]"); part; part = part.parentElement?.closest("[id]")) number = Math.max(number, seen.get(part.id) ?? 0);
  return number;
}

// --- putting new HTML in place -----------------------------------------------------------------------

const local = (node) => node.nodeType === 1 && node.dataset.local !== undefined;
const same = (old, fresh) => old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id ?? "") === (fresh.id ?? "");

function morph(old, fresh) {
  if (old.nodeType !== 1) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.isEqualNode(fresh)) return;
  attributes(old, fresh);
  if (old.dataset.tick !== undefined || /^(input|textarea|select)$/i.test(old.nodeName)) return;
  children(old, fresh);
}

function attributes(old, fresh) {
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
}

function children(old, fresh) {
  const wanted = [...fresh.childNodes].filter((node) => !local(node) || !old.querySelector(":scope > [data-local]"));
  const ids = new Set(wanted.map((node) => node.id).filter(Boolean));
  for (const node of [...old.children]) if (node.id && !ids.has(node.id) && !local(node)) node.remove();
  let at = old.firstChild;
  for (const next of wanted) {
    while (at && local(at)) at = at.nextSibling;
    const known = next.id ? [...old.children].find((node) => node.id === next.id) : at;
    if (known && same(known, next)) {
      if (known === at) at = at.nextSibling;
      else old.insertBefore(known, at);
      morph(known, next);
    } else {
      old.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    if (!local(gone)) gone.remove();
  }
}

function parts(html, number) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  for (const part of [...fresh.content.children]) {
    const old = document.getElementById(part.id);
    seen.set(part.id, number);
    // A controller that has just begun knows nothing yet: what was seen before is worth more.
    if (!old || (part.dataset.unknown !== undefined && old.dataset.unknown === undefined)) continue;
    morph(old, part);
    tick(old);
    window.htmx?.process(old);
  }
  changed.dispatchEvent(new Event("parts"));
}

// --- the connection -----------------------------------------------------------------------------------

function connect() {
  source?.close();
  source = new EventSource(body.dataset.stream);
  source.addEventListener("parts", (event) => {
    alive();
    parts(event.data, Number(event.lastEventId));
  });
  source.addEventListener("meters", (event) => changed.dispatchEvent(new CustomEvent("meters", { detail: JSON.parse(event.data) })));
  source.addEventListener("sound", (event) => changed.dispatchEvent(new CustomEvent("sound", { detail: JSON.parse(event.data) })));
  source.addEventListener("beat", (event) => {
    alive();
    const beat = JSON.parse(event.data);
    setNow(Date.parse(beat.now));
    beaten = Math.max(beaten, beat.number);
    changed.dispatchEvent(new Event("beat"));
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) cut();
  });
}

function alive() {
  heard = Date.now();
  if (!lost || lost.hidden) return;
  lost.hidden = true;
  body.classList.remove("cut-off");
}

function cut() {
  if (!lost || !lost.hidden) return;
  lost.textContent = words.lost.replace("#", wall(now() - (Date.now() - heard)));
  lost.hidden = false;
  body.classList.add("cut-off");
}

// A browser's own reconnection waits for seconds and gives up on some errors: we try each second.
let tries = 0;
function watch() {
  if (Date.now() - heard > SILENCE - 250) {
    cut();
    if (tries++ % 4 === 0) connect();
  } else tries = 0;
}

if (body.dataset.stream) {
  connect();
  setInterval(watch, 250);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
}

// --- pictures that are replaced again and again ------------------------------------------------------------

const LOOK = document.querySelector("main.room") ? 400 : 1000; // milliseconds; who runs a room sees what is now
const asking = new WeakSet();
const lookedAt = new WeakMap(); // some pictures are taken seldom: they say how often

async function refresh(figure) {
  const every = Number(figure.dataset.every ?? 0) * 1000;
  if (asking.has(figure) || Date.now() - (lookedAt.get(figure) ?? 0) < every) return;
  lookedAt.set(figure, Date.now());
  asking.add(figure);
  const image = figure.querySelector("img");
  const age = figure.querySelector(".picture-age");
  const none = figure.querySelector(".none");
  try {
    const answer = await fetch(figure.dataset.picture, { cache: "no-store", signal: AbortSignal.timeout(every ? 15000 : 3000) });
    if (answer.status !== 200) {
      image.hidden = age.hidden = true;
      none.hidden = false;
      return;
    }
    const taken = Date.parse(answer.headers.get("X-Taken"));
    const fresh = URL.createObjectURL(await answer.blob());
    const before = image.src;
    image.src = fresh;
    await image.decode();
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
    image.hidden = false;
    none.hidden = true;
    const old = now() - taken > 4000 + 2 * every;
    figure.classList.toggle("stale", old);
    age.hidden = !old;
    if (old) age.textContent = `${words.old}: ${wall(taken)}`;
  } catch {
    figure.classList.add("stale");
    if (!image.src) none.hidden = false;
  } finally {
    asking.delete(figure);
  }
}

function pictures() {
  if (document.visibilityState === "visible" && !body.classList.contains("cut-off")) for (const figure of document.querySelectorAll("[data-picture]")) if (figure.offsetParent) refresh(figure);
}
if (document.querySelector("[data-picture]")) {
  pictures();
  setInterval(pictures, LOOK);
}
setInterval(() => {
  for (const image of document.querySelectorAll("[data-poster]")) image.src = `${image.dataset.poster}?${Math.floor(Date.now() / 10000)}`;
}, 10000);

// --- meters ---------------------------------------------------------------------------------------------

const FLOOR = -60; // dB at the left end
const place = (level) => Math.max(0, Math.min(1, 1 - level / FLOOR));
const measured = new Map(); // where it is shown -> when it was last measured
const decibels = (level) => (level > -99 ? `${level.toFixed(0).replace("-", "−")} dB` : "−∞ dB");
changed.addEventListener("meters", ({ detail }) => {
  const shown = `[data-meters="${CSS.escape(detail.room)}"]`;
  measured.set(shown, Date.now());
  for (const group of document.querySelectorAll(shown)) {
    const bars = group.querySelectorAll(".meter-bar");
    const peaks = group.querySelectorAll(".meter-peak");
    const values = group.querySelectorAll(".meter-value");
    (detail.rms_db ?? []).forEach((level, side) => {
      if (bars[side]) bars[side].style.transform = `scaleX(${place(level)})`;
      if (values[side]) values[side].textContent = decibels(level);
    });
    (detail.peak_db ?? []).forEach((level, side) => {
      if (!peaks[side]) return;
      peaks[side].style.left = `${place(level) * 100}%`;
      peaks[side].classList.toggle("hot", level > -1);
    });
  }
});

// The mixer's: twenty times a second, each part by its name.
changed.addEventListener("sound", ({ detail }) => {
  const shown = `[data-sound="${CSS.escape(detail.room)}"]`;
  measured.set(shown, Date.now());
  for (const group of document.querySelectorAll(shown)) {
    for (const meter of group.querySelectorAll("[data-part]")) {
      const level = detail.levels[meter.dataset.part] ?? null;
      if (level === null) continue;
      meter.querySelector(".meter-bar").style.transform = `scaleX(${place(level)})`;
      meter.querySelector(".meter-value").textContent = decibels(level);
    }
  }
});

// A meter that hears nothing shows nothing: what stood there is no longer true.
setInterval(() => {
  for (const [shown, at] of measured) {
    if (Date.now() - at < 1500) continue;
    measured.delete(shown);
    for (const group of document.querySelectorAll(shown)) {
      for (const bar of group.querySelectorAll(".meter-bar")) bar.style.transform = "";
      for (const peak of group.querySelectorAll(".meter-peak")) peak.style.left = "";
      for (const value of group.querySelectorAll(".meter-value")) value.textContent = "–";
    }
  }
}, 500);
