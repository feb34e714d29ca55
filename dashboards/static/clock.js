// Times that go on: every element with data-tick says how far its moment is, in the site's time zone.
const body = document.body;
export const words = JSON.parse(body.dataset.words ?? "{}");
let ahead = 0; // milliseconds the controller's clock is ahead of this machine's

export const now = () => Date.now() + ahead;
export function setNow(moment) {
  ahead = moment - Date.now();
}

const two = (number) => String(number).padStart(2, "0");
const clock = new Intl.DateTimeFormat("uk", { timeZone: body.dataset.zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hour = new Intl.DateTimeFormat("uk", { timeZone: body.dataset.zone, hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: body.dataset.zone, day: "numeric", month: "short" });
const fill = (text, ...values) => values.reduce((said, value) => said.replace("#", value), text ?? "#");

export const wall = (moment) => clock.format(moment);

// 02:41, 1:02:41
export function running(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(all / 60) % 60;
  const hours = Math.floor(all / 3600);
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${two(minutes)}:${two(all % 60)}`;
}

// 12 s, 3 min, 2 h 5 min
export function roughly(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  if (all < 60) return fill(words.seconds, all);
  if (all < 3600) return fill(words.minutes, Math.floor(all / 60));
  return fill(words.hours, Math.floor(all / 3600), Math.floor(all / 60) % 60);
}

const KINDS = {
  time: (moment) => wall(moment),
  clock: (moment) => `${day.format(moment)}  ${wall(moment)}`,
  ago: (moment, at) => fill(words.ago, roughly((moment - at) / 1000)),
  run: (moment, at) => running((moment - at) / 1000),
  until: (moment, at) => toGo((at - moment) / 1000),
  left: (moment, at) => left((at - moment) / 1000),
  plan: (moment, at, from) => (moment < from ? toGo((from - moment) / 1000) : left((at - moment) / 1000)),
  speech: (moment, at, _from, limit) => spoken((moment - at) / 1000, limit),
  item: (moment, at, _from, _limit, { dataset, classList }) => {
    const seconds = dataset.stopped === undefined ? (moment - at) / 1000 - Number(dataset.paused) : Number(dataset.stopped);
    classList.toggle("late", seconds >= Number(dataset.length));
    return spoken(seconds, Number(dataset.length));
  },
  // When it will end, as the rest of the agenda says, and by how much that is late.
  outlook: (moment, at, _from, _limit, { dataset, classList }) => {
    const ends = Math.max(moment, at) + Number(dataset.rest) * 1000;
    const late = (ends - Date.parse(dataset.ends)) / 1000;
    classList.toggle("late", late >= 60);
    const over = late >= 60 ? fill(words.over, running(late)) : late <= -60 ? fill(words.spare, running(-late)) : "";
    return `${fill(words.ends, hour.format(ends))}${over && ` · ${over}`}`;
  },
};

// 02:41 / 05:00; beyond the limit how far
const spoken = (seconds, limit) => (seconds < limit ? `${running(seconds)} / ${running(limit)}` : fill(words.over, running(seconds - limit)));

// A speech that takes too long is seen by its colour, read in its words, and heard once.
const heardOf = new Set();
function mark(element, late) {
  element.classList.toggle("late", late);
  const speech = element.dataset.at + element.dataset.name;
  if (!late || heardOf.has(speech)) return;
  heardOf.add(speech);
  const said = document.getElementById("said");
  if (said) said.textContent = fill(words.spoken, element.dataset.name);
}

// −15:11; beyond its end it says how far
const left = (seconds) => (seconds < 0 ? fill(words.over, running(-seconds)) : `−${running(seconds)}`);

function toGo(seconds) {
  if (seconds < 0) return fill(words.over, seconds > -86400 ? running(-seconds) : roughly(-seconds));
  return fill(words.in, seconds < 36000 ? running(seconds) : roughly(seconds));
}

export function tick(root = document) {
  const moment = now();
  for (const element of root.querySelectorAll("[data-tick]")) {
    const at = element.dataset.at ? Date.parse(element.dataset.at) : moment;
    const limit = Number(element.dataset.limit);
    const text = KINDS[element.dataset.tick](moment, at, Date.parse(element.dataset.from ?? ""), limit, element);
    if (element.textContent !== text) element.textContent = text;
    if (limit) mark(element, moment - at >= limit * 1000);
  }
}

function everySecond() {
  tick();
  setTimeout(everySecond, 1000 - (now() % 1000));
}
if (words.in) everySecond();

document.getElementById("fault-summary")?.focus();
