// Buttons: asked, then confirmed by what the live page shows, or refused with the reason beside them.
// A dangerous one wants to be held for a second, or pressed again once it has changed. And the page's keys.
import { words } from "./clock.js";
import { changed, shown } from "./live.js";

const HOLD = 1000; // milliseconds
const ARMED = 4000;
const asked = new Map(); // id of a button -> number of the event that confirms it, null until it is known
const refused = new Map(); // id of a button -> the reason
const urgent = document.getElementById("urgent");
let armed = null;
let held = null;

const button = (id) => document.getElementById(id);
const beside = (id) => button(id)?.closest(".act") ?? document.getElementById(`act-of-${id}`);

function decorate() {
  for (const [id, number] of asked) {
    const one = button(id);
    if (!one || (number !== null && shown(one) >= number)) {
      asked.delete(id);
      one?.removeAttribute("aria-busy");
      if (one) one.disabled = false;
    } else {
      one.setAttribute("aria-busy", "true");
      one.disabled = true;
    }
  }
  for (const [id, reason] of refused) {
    const holder = beside(id);
    if (holder && !holder.querySelector(".refusal")) holder.append(refusal(id, reason));
  }
  if (armed && !button(armed)) disarm();
  else if (armed) show(button(armed));
}

function refusal(id, reason) {
  const note = document.createElement("span");
  note.className = "refusal";
  note.dataset.local = "";
  note.setAttribute("role", "alert");
  note.textContent = `✗ ${reason} `;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "dismiss";
  close.textContent = "×";
  close.setAttribute("aria-label", words.dismiss);
  close.addEventListener("click", () => forget(id));
  note.append(close);
  return note;
}

function forget(id) {
  refused.delete(id);
  document.getElementById(`act-of-${id}`)?.querySelector(".refusal")?.remove();
}

function press(one) {
  const form = one.closest("form");
  if (form && !form.reportValidity()) return;
  disarm();
  forget(one.id);
  asked.set(one.id, null);
  one.dispatchEvent(new Event("press", { bubbles: false }));
  decorate();
}

// --- dangerous ones --------------------------------------------------------------------------------------

function arm(one) {
  disarm();
  armed = one.id;
  show(one);
  urgent.textContent = one.dataset.again;
  arm.timer = setTimeout(disarm, ARMED);
}

function show(one) {
  const label = one.querySelector(".label");
  if (label.textContent !== one.dataset.again) one.dataset.label = label.textContent;
  label.textContent = one.dataset.again;
  one.classList.add("armed");
}

function disarm() {
  clearTimeout(arm.timer);
  const one = armed && button(armed);
  armed = null;
  if (!one) return;
  one.classList.remove("armed");
  if (one.dataset.label) one.querySelector(".label").textContent = one.dataset.label;
  delete one.dataset.label;
}

function down(one) {
  if (!one.dataset.again || one.disabled) return;
  one.classList.add("holding");
  held = { id: one.id, done: false, timer: setTimeout(() => {
    held.done = true;
    one.classList.remove("holding");
    press(one);
  }, HOLD) };
}

function up() {
  if (!held) return;
  clearTimeout(held.timer);
  button(held.id)?.classList.remove("holding");
}

document.addEventListener("pointerdown", (event) => {
  const one = event.target.closest?.("button[hx-post]");
  held = null;
  if (one && event.button === 0) down(one);
});
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, up);

document.addEventListener("click", (event) => {
  const one = event.target.closest?.("button[hx-post]");
  if (!one) return;
  event.preventDefault();
  const done = held?.id === one.id && held.done;
  held = null;
  if (done || one.disabled) return;
  if (one.dataset.again && armed !== one.id) arm(one);
  else press(one);
});

// --- what the server answers ---------------------------------------------------------------------------

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, xhr } = event.detail;
  if (!elt.id || !asked.has(elt.id)) return;
  if (xhr.status === 204) {
    asked.set(elt.id, Number(xhr.getResponseHeader("X-Event-Number")));
    const form = elt.closest("form");
    if (form) form.reset();
  } else {
    asked.delete(elt.id);
    const one = button(elt.id);
    one?.removeAttribute("aria-busy");
    if (one) one.disabled = false;
    refused.set(elt.id, xhr.status ? xhr.responseText || words.refused : words.offline);
  }
  if (!document.body.dataset.stream && xhr.status === 204) location.reload();
  decorate();
  // The reason may stand below the edge of a panel that scrolls.
  if (refused.has(elt.id)) beside(elt.id)?.querySelector(".refusal")?.scrollIntoView({ block: "nearest" });
});
for (const kind of ["parts", "beat"]) changed.addEventListener(kind, decorate);

// --- keys -------------------------------------------------------------------------------------------------

const keys = document.getElementById("keys");
// A dialog that has just closed may keep the focus for a moment.
const typing = (target) => target.closest?.("input, textarea, select, dialog[open], [contenteditable]");
// The same place on a Ukrainian keyboard gives another letter: the place counts.
const letter = (event) => (event.code.startsWith("Key") ? event.code.slice(3) : event.key);
let keyed = null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) return list();
  if (event.key === "Escape") return disarm();
  const one = document.querySelector(`button[data-key="${CSS.escape(letter(event))}"]`);
  if (!one || event.repeat || one.disabled) return;
  event.preventDefault();
  one.focus();
  keyed = one.id;
  held = null;
  down(one);
});
document.addEventListener("keyup", () => {
  if (!keyed) return;
  const one = button(keyed);
  keyed = null;
  up();
  const done = held?.done;
  held = null;
  if (!one || done) return;
  if (one.dataset.again && armed !== one.id) arm(one);
  else press(one);
});

function list() {
  if (!keys || keys.open) return;
  const names = keys.querySelector("dl");
  names.replaceChildren();
  const rows = [...document.querySelectorAll("button[data-key]")].map((one) => [one.dataset.key, one.querySelector(".label").textContent]);
  for (const [key, label] of [...rows, ["?", keys.querySelector("h2").textContent]]) {
    const term = document.createElement("dt");
    term.textContent = key;
    const text = document.createElement("dd");
    text.textContent = label;
    names.append(term, text);
  }
  keys.showModal();
}

document.querySelector("[data-safe]")?.addEventListener("click", (event) => {
  const on = event.currentTarget.getAttribute("aria-pressed") !== "true";
  event.currentTarget.setAttribute("aria-pressed", String(on));
  document.querySelector(".safe").hidden = !on;
});
