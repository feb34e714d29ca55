// Plays a screen's programme. What is shown follows from the clock alone, so it goes on without the controller;
// the service worker keeps what was loaded. Nobody logs in here and nobody presses anything.
const body = document.body;
const stage = document.getElementById("stage");
const over = document.getElementById("over");
const silence = document.getElementById("silence");
const texts = JSON.parse(body.dataset.texts);
const here = `/screens/${body.dataset.screen}`;
const ASK = 10000; // milliseconds between two questions when nothing is told
const AGAIN = 2000; // milliseconds before a stream that failed is tried again
const STUCK = 15000; // milliseconds a stream may stand still
const KEPT = `programme-${body.dataset.screen}`;
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

let programme = null;
let ahead = 0; // milliseconds the controller's clock is ahead
let shown = ""; // key of what is on the stage
let playing = null;
let clock = null;

const now = () => Date.now() + ahead;

// --- the programme: asked for at once when something changed, kept for a start without the controller ------

async function ask() {
  try {
    const answer = await fetch(`${here}/programme.json`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) return;
    take(await answer.json(), !answer.headers.has("X-Kept"));
  } catch {
    body.dataset.away = "yes";
  }
}

function take(fresh, live) {
  if (live) {
    ahead = Date.parse(fresh.now) - Date.now();
    delete body.dataset.away;
    try {
      localStorage.setItem(KEPT, JSON.stringify(fresh));
    } catch {
      // A full store: it goes on from memory.
    }
  }
  programme = fresh;
  clock = new Intl.DateTimeFormat("en-GB", { timeZone: fresh.zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  preload();
  look();
}

function listen() {
  const source = new EventSource(`${here}/changes`);
  source.addEventListener("changed", ask);
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, 3000);
  });
}

// --- what is due --------------------------------------------------------------------------------------------

function local(moment) {
  const parts = Object.fromEntries(clock.formatToParts(moment).map(({ type, value }) => [type, value]));
  return { date: `${parts.year}-${parts.month}-${parts.day}`, day: DAYS.indexOf(parts.weekday), time: `${parts.hour}:${parts.minute}`, seconds: Number(parts.hour) * 3600 + Number(parts.minute) * 60 + Number(parts.second) };
}

function ofDay(hours, at) {
  return (!hours.days.length || hours.days.includes(at.day)) && (!hours.first || at.date >= hours.first) && (!hours.last || at.date <= hours.last);
}

// About noon of the day before: not every day has 24 hours.
function dayBefore(moment, at) {
  return local(moment - at.seconds * 1000 - 43200000);
}

function hold(hours, moment) {
  const at = local(moment);
  const since = hours.since || "00:00";
  if (hours.until && hours.until <= since) {
    if (at.time < hours.until) return ofDay(hours, dayBefore(moment, at));
    return at.time >= since && ofDay(hours, at);
  }
  return ofDay(hours, at) && at.time >= since && (!hours.until || at.time < hours.until);
}

function due() {
  const moment = now();
  const lists = programme.lists.filter((one) => one.places.length && hold(one.hours, moment));
  lists.sort((one, other) => other.rank - one.rank || (other.id > one.id ? 1 : -1));
  if (!lists.length) return null;
  const places = lists[0].places.filter((one) => !(one.kind === "hall" && programme.free.includes(one.room)));
  const total = places.reduce((sum, one) => sum + one.seconds, 0);
  if (!total) return null;
  let at = (moment / 1000) % total;
  for (const one of places) {
    if (at < one.seconds) return { place: one, at, alone: places.length === 1 };
    at -= one.seconds;
  }
  return { place: places[0], at: 0, alone: places.length === 1 };
}

function look() {
  if (!programme) return;
  emergency();
  quiet();
  const found = due();
  const key = found ? `${found.place.id} ${found.place.version} ${found.place.url}` : "-";
  if (key !== shown) {
    shown = key;
    show(found);
  } else if (found) playing?.(found.at);
}

function emergency() {
  const wanted = programme.emergency;
  if ((over.dataset.url ?? "") === wanted) return;
  over.dataset.url = wanted;
  over.hidden = !wanted;
  over.replaceChildren(...(wanted ? [frame(wanted)] : []));
}

// The minute of silence is by the council's clock, on each day, also without the controller.
function quiet() {
  const wanted = programme.silence;
  let on = false;
  if (wanted) {
    const [hour, minute] = wanted.at.split(":").map(Number);
    const since = local(now()).seconds - hour * 3600 - minute * 60;
    on = since >= 0 && since < wanted.seconds;
  }
  if (on === !silence.hidden) return;
  silence.hidden = !on;
  silence.replaceChildren(...(on ? [candle(), line("silence-word", texts.silence)] : []));
}

// --- showing ------------------------------------------------------------------------------------------------

function frame(url) {
  const one = document.createElement("iframe");
  one.src = url;
  one.title = "";
  one.tabIndex = -1;
  return one;
}

function line(kind, text) {
  const one = document.createElement("p");
  one.className = kind;
  one.textContent = text;
  return one;
}

function candle() {
  const one = document.createElement("div");
  one.className = "candle";
  one.setAttribute("aria-hidden", "true");
  one.innerHTML = '<svg viewBox="0 0 40 100"><ellipse class="glow" cx="20" cy="24" rx="18" ry="22"/><path class="flame" d="M20 6c8 12 8 18 8 22a8 8 0 0 1-16 0c0-4 0-10 8-22z"/><rect class="wick" x="19" y="34" width="2" height="7"/><rect class="wax" x="12" y="40" width="16" height="56" rx="2"/></svg>';
  return one;
}

// A live stream, tried again and again; until it plays there is the council's name, not a black wall. A list that its
// site gives to its own pages only is no list for hls.js, but browsers that know HLS themselves play it.
function streaming(url) {
  const one = document.createElement("video");
  one.muted = one.autoplay = one.playsInline = true;
  one.className = "waits"; // not hidden: what is nowhere on the page is not begun by browsers
  const lists = /\.m3u8(\?|$)/.test(url) && Boolean(window.Hls?.isSupported());
  const either = lists && one.canPlayType("application/vnd.apple.mpegurl") !== "";
  let byLibrary = lists;
  let engine = null;
  let waits = 0;
  let moved = Date.now();

  function begin() {
    waits = 0;
    moved = Date.now();
    if (!byLibrary) return void (one.src = url);
    engine = new window.Hls();
    engine.on(window.Hls.Events.ERROR, (_event, { fatal }) => fatal && again());
    engine.loadSource(url);
    engine.attachMedia(one);
  }

  function leave() {
    clearTimeout(waits);
    engine?.destroy();
    engine = null;
    one.removeAttribute("src");
    one.load();
  }

  function again() {
    if (waits) return;
    one.classList.add("waits");
    leave();
    if (either) byLibrary = !byLibrary;
    waits = setTimeout(begin, AGAIN);
  }

  one.addEventListener("timeupdate", () => {
    moved = Date.now();
    one.classList.toggle("waits", waits !== 0 || one.currentTime === 0);
  });
  one.addEventListener("error", () => !byLibrary && again());
  one.addEventListener("gone", leave);
  playing = () => Date.now() - moved > STUCK && again();
  begin();
  return [line("screen-word nothing", texts.nothing), one];
}

const KINDS = {
  picture({ place }) {
    const one = new Image();
    one.src = place.url;
    one.alt = "";
    return [one];
  },
  video({ place, at, alone }) {
    const one = document.createElement("video");
    one.src = place.url;
    one.muted = one.autoplay = one.playsInline = true;
    one.loop = alone;
    one.addEventListener("loadedmetadata", () => {
      if (at > 1 && at < one.duration - 1) one.currentTime = at;
    });
    return [one];
  },
  stream: ({ place }) => streaming(place.url),
  page: ({ place }) => [frame(place.url)],
  hall: ({ place }) => [frame(place.url)],
  queue: ({ place }) => [frame(place.url)],
  memorial({ place, at }) {
    const wall = document.createElement("section");
    wall.className = "memorial";
    const person = document.createElement("div");
    person.className = "memorial-person";
    wall.append(candle(), person, line("memorial-title", place.title || texts.remember));
    let last = -1;
    playing = (moment) => {
      const each = place.seconds / place.people.length;
      const number = Math.min(place.people.length - 1, Math.floor(moment / each));
      if (number === last) return;
      last = number;
      const who = place.people[number];
      person.replaceChildren();
      if (who.portrait) {
        const portrait = new Image();
        portrait.src = who.portrait;
        portrait.alt = "";
        person.append(portrait);
      }
      const words = document.createElement("div");
      words.append(line("memorial-name", who.name), line("memorial-dates", who.dates), line("memorial-words", who.words));
      person.append(words);
    };
    playing(at);
    return [wall];
  },
};

function show(found) {
  playing = null;
  for (const old of stage.querySelectorAll("video")) old.dispatchEvent(new Event("gone"));
  const kind = found ? found.place.kind : "";
  stage.className = `stage ${kind}`;
  stage.replaceChildren(...(found ? KINDS[kind](found) : [line("screen-word nothing", texts.nothing)]));
}

// Whatever will be shown is loaded before, so that it is there when the network is not.
const loaded = new Set();
function preload() {
  for (const list of programme.lists) {
    for (const place of list.places) {
      const urls = [place.kind === "picture" || place.kind === "video" ? place.url : "", ...place.people.map((who) => who.portrait)];
      for (const url of urls) {
        if (!url || loaded.has(url)) continue;
        loaded.add(url);
        fetch(url).then((answer) => answer.blob()).catch(() => loaded.delete(url));
      }
    }
  }
}

if (navigator.serviceWorker) navigator.serviceWorker.register("/screens/worker.js", { scope: "/screens/" }).catch(() => {});
try {
  const kept = JSON.parse(localStorage.getItem(KEPT));
  if (kept) take(kept, false);
} catch {
  localStorage.removeItem(KEPT);
}
ask();
listen();
setInterval(ask, ASK);
setInterval(look, 250);
