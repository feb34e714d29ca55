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

let tones;
if (speaks) speechSynthesis.getVoices(); // some browsers begin to look for their voices only when asked

function voice(all) {
  return all.find((one) => one.lang.replace("_", "-").toLowerCase() === "uk-ua") ?? all.find((one) => one.lang.toLowerCase().startsWith("uk"));
}

// Two tones, for people to look up where no voice can be had; the error is told to whoever watches the kiosk.
function chime(why) {
  console.error(`a call was not spoken: ${why}`);
  tones ??= new AudioContext();
  for (const [at, pitch] of [[0, 660], [0.35, 523]]) {
    const tone = new OscillatorNode(tones, { frequency: pitch });
    const loud = new GainNode(tones, { gain: 0.4 });
    const begin = tones.currentTime + at;
    loud.gain.setValueAtTime(0.4, begin);
    loud.gain.exponentialRampToValueAtTime(0.001, begin + 0.8);
    tone.connect(loud).connect(tones.destination);
    tone.start(begin);
    tone.stop(begin + 0.8);
  }
}

function speak(text) {
  const all = speechSynthesis.getVoices();
  const found = voice(all);
  if (all.length && !found) return chime("this machine has no Ukrainian voice"); // another one cannot be understood
  const said = new SpeechSynthesisUtterance(text);
  said.lang = "uk-UA";
  said.rate = 0.9;
  if (found) said.voice = found;
  said.onerror = (event) => ["canceled", "interrupted"].includes(event.error) || chime(event.error);
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
