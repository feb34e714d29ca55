// The big screen of the visitors' queue: a new call blinks and, where it is set, is spoken in Ukrainian; when the
// controller is away the page keeps what it has and says how old that is.
import { now, roughly, words } from "./clock.js";
import { changed } from "./live.js";

const body = document.body;
const lost = document.getElementById("lost");
const speaks = body.dataset.speak !== undefined && "speechSynthesis" in window;
const FRESH = 6000; // milliseconds
const heard = new Set(); // calls that were there before, or have been told
let begun = false;
let beaten = now();

function voice() {
  const all = speechSynthesis.getVoices();
  return all.find((one) => one.lang.replace("_", "-").toLowerCase() === "uk-ua") ?? all.find((one) => one.lang.toLowerCase().startsWith("uk"));
}

function speak(text) {
  const said = new SpeechSynthesisUtterance(text);
  said.lang = "uk-UA";
  said.rate = 0.9;
  const found = voice();
  if (found) said.voice = found;
  speechSynthesis.speak(said); // one after another: the browser keeps the order
}

function look() {
  const calls = [...document.querySelectorAll("[data-call]")];
  for (const row of calls.reverse()) {
    if (heard.has(row.dataset.call)) continue;
    heard.add(row.dataset.call);
    if (!begun) continue; // what had been called before the page was opened
    row.classList.add("fresh");
    setTimeout(() => row.classList.remove("fresh"), FRESH);
    if (speaks) speak(row.dataset.say);
  }
  const there = new Set(calls.map((row) => row.dataset.call));
  for (const call of heard) if (!there.has(call)) heard.delete(call);
  begun = true;
}

changed.addEventListener("parts", look);
changed.addEventListener("beat", () => (beaten = now()));
setInterval(() => {
  if (lost.hidden) return;
  const said = lost.dataset.said ?? lost.textContent;
  lost.dataset.said = said;
  lost.textContent = `${said} ${words.ago.replace("#", roughly((now() - beaten) / 1000))}`;
}, 1000);
changed.addEventListener("beat", () => delete lost.dataset.said);
