// The calendar: times are those of the council's clock, so it is told that they are UTC and never converts.
// Dragging, resizing and the keys of a session that was picked up all end in the same request.
import { now, wall as timeOf, words as said } from "./clock.js";

const holder = document.getElementById("calendar");
const words = JSON.parse(holder.dataset.texts);
const lanes = JSON.parse(holder.dataset.lanes);
const mayBook = holder.dataset.book === "yes";
const csrf = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF-Token"];
const live = document.getElementById("said");
const note = document.getElementById("calendar-note");
const dialog = document.getElementById("clash");
const FIRST = "08:30"; // what is seen without scrolling, unless it is earlier now
const STEP = 15 * 60_000;
const DAY = 86_400_000;
const narrow = matchMedia("(max-width: 700px)");
let focused = ""; // the session whose element gets the focus whenever it is made anew
let held = null; // the session that was picked up by keys: { id, start, end, lane, before }

const wall = (date) => date.toISOString().slice(0, 16);
const day = new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: "UTC", weekday: "long", day: "numeric", month: "long" });
const clock = (date) => date.toISOString().slice(11, 16);
const laneTitle = (id) => lanes.find((lane) => lane.id === id)?.title ?? id;
const spoken = (start, end, lane) => `${day.format(start)}, ${clock(start)}–${clock(end)}, ${laneTitle(lane)}`;

// --- what there is -----------------------------------------------------------------------------------------

async function fetched({ startStr, endStr }) {
  const answer = await fetch(`/schedule/events?${new URLSearchParams({ start: startStr, end: endStr })}`);
  if (!answer.ok) throw new Error(said.offline);
  const events = await answer.json();
  return events.map((event) => (event.id === held?.id ? { ...event, start: wall(held.start), end: wall(held.end), resourceIds: [held.lane] } : event));
}

// Announced hours without mains stand behind the sessions and cannot be touched.
const behind = (event) => event.display === "background";

function content({ event, timeText }) {
  if (behind(event)) return event.title;
  const { mark, who, room, phase } = event.extendedProps;
  const lines = [["when", `${mark} ${timeText}`.trim()], ["what", event.title], ["who", [who, room, phase].filter(Boolean).join(" · ")]];
  return { domNodes: lines.map(([name, text]) => Object.assign(document.createElement("span"), { className: `cal-${name}`, textContent: text })) };
}

function named({ el, event }) {
  if (behind(event)) return;
  el.dataset.session = event.id;
  el.setAttribute("aria-label", event.extendedProps.label);
  if (event.extendedProps.version && mayBook) el.setAttribute("aria-keyshortcuts", "M");
}

let calendar = null;
calendar = EventCalendar.create(holder, {
  view: holder.dataset.view || (narrow.matches ? "listMonth" : "timeGridWeek"),
  date: holder.dataset.today,
  timeZone: "UTC",
  locale: document.documentElement.lang,
  firstDay: 1,
  height: narrow.matches ? "auto" : "calc(100vh - 230px)",
  headerToolbar: { start: "prev,next today", center: "title", end: "dayGridMonth,timeGridWeek,resourceTimelineDay,listMonth" },
  buttonText: (text) => ({ ...text, ...words.buttons }),
  views: { resourceTimelineDay: { slotWidth: 56 } },
  flexibleSlotTimeLimits: true, // a session past midnight is seen as one
  allDaySlot: false,
  dayMaxEvents: true,
  slotDuration: "00:30",
  snapDuration: "00:15",
  scrollTime: [FIRST, timeOf(now() - 3600_000)].sort()[0],
  nowIndicator: false,
  eventTimeFormat: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  slotLabelFormat: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  noEventsContent: words.none,
  moreLinkContent: ({ num }) => `+${num}`,
  resources: lanes,
  eventSources: [{ events: fetched }],
  editable: mayBook,
  eventResizableFromStart: mayBook,
  selectable: mayBook,
  eventContent: content,
  eventDidMount: named,
  eventAllUpdated: settled,
  eventClick: ({ event }) => { if (!held && !behind(event)) location.assign(`/schedule/${event.id}`); },
  select: ({ startStr, endStr, resource }) => book(startStr.slice(0, 16), endStr.slice(0, 16), resource?.id),
  dragConstraint: hover,
  resizeConstraint: hover,
  eventDrop: (info) => dropped(info, info.newResource?.id),
  eventResize: (info) => dropped(info),
});

function book(start, end, room) {
  const asked = new URLSearchParams({ starts_at: start, ends_at: end });
  if (room && room !== "-") asked.set("room", room);
  location.assign(`/schedule/new?${asked}`);
}

// --- what would clash, told before it is dropped -------------------------------------------------------------

function clashes(id, start, end, lane, props) {
  const since = start - props.setup * 60_000;
  const until = +end + props.breakdown * 60_000;
  return calendar.getEvents().filter((other) => {
    const theirs = other.extendedProps;
    if (other.id === id || !theirs.counts) return false;
    if (since >= +other.end + theirs.breakdown * 60_000 || other.start - theirs.setup * 60_000 >= until) return false;
    return (lane !== "-" && other.resourceIds.includes(lane)) || theirs.duty.some((one) => props.duty.includes(one));
  });
}

function withoutMains(start, end, lane) {
  return calendar.getEvents().filter((one) => lane !== "-" && one.extendedProps.hours && start < one.end && one.start < end);
}

function told(id, start, end, lane, props) {
  const found = clashes(id, start, end, lane, props);
  const dark = withoutMains(start, end, lane);
  const text = [
    found.length ? `${words.clash} ${found.map((one) => one.title).join("; ")}` : "",
    dark.length ? `${words.mains} ${dark.map((one) => one.extendedProps.hours).join("; ")}` : "",
  ].filter(Boolean).join(". ");
  note.textContent = text;
  note.hidden = !text;
  return text;
}

function hover({ event }) {
  told(event.id, event.start, event.end, event.resourceIds[0], event.extendedProps);
  return true;
}

// --- asking ------------------------------------------------------------------------------------------------

async function asks(event, lane, more = {}) {
  const form = new URLSearchParams({ starts_at: wall(event.start), ends_at: wall(event.end), room: lane, version: event.extendedProps.version, ...more });
  const answer = await fetch(`/schedule/${event.id}/move`, { method: "POST", body: form, headers: { "X-CSRF-Token": csrf } });
  return { status: answer.status, ...(await answer.json().catch(() => ({ message: said.refused }))) };
}

async function dropped({ event, revert }, lane = event.resourceIds[0]) {
  note.hidden = true;
  try {
    let answer = await asks(event, lane);
    if (answer.status === 409 && answer.clashes) {
      const reason = await why(answer);
      if (reason) answer = await asks(event, lane, { override: reason });
      else return revert();
    }
    if (answer.status !== 200) {
      revert();
      warn(answer.message);
      if (answer.status === 412) calendar.refetchEvents();
      return;
    }
    calendar.updateEvent({ ...answer, extendedProps: answer.extendedProps });
    live.textContent = `${words.moved} ${spoken(event.start, event.end, lane)}`;
  } catch {
    revert();
    warn(said.offline);
  }
}

function warn(text) {
  note.textContent = text;
  note.hidden = false;
  document.getElementById("urgent").textContent = text;
}

// The reason of somebody who may book over a clash; empty when they do not want to, or may not.
function why({ message, clashes: lines }) {
  dialog.querySelector("h2").textContent = message;
  dialog.querySelector("ul").replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
  const reason = dialog.querySelector("input");
  if (reason) reason.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "anyway" ? reason.value.trim() : ""), { once: true });
  });
}

// --- the same by keys ----------------------------------------------------------------------------------------

const MOVES = {
  dayGridMonth: { ArrowLeft: -DAY, ArrowRight: DAY, ArrowUp: -7 * DAY, ArrowDown: 7 * DAY },
  timeGridWeek: { ArrowLeft: -DAY, ArrowRight: DAY, ArrowUp: -STEP, ArrowDown: STEP },
  listMonth: { ArrowLeft: -DAY, ArrowRight: DAY, ArrowUp: -STEP, ArrowDown: STEP },
  resourceTimelineDay: { ArrowLeft: -STEP, ArrowRight: STEP },
};

// On the whole page: the element that has the focus is made anew while its session is carried.
document.addEventListener("keydown", (key) => {
  if (key.ctrlKey || key.metaKey || key.altKey) return;
  if (held) return carry(key);
  const element = key.target.closest?.("[data-session]");
  if (!element) return;
  if (key.code !== "KeyM" || !mayBook) return;
  const event = calendar.getEventById(element.dataset.session);
  if (!event || event.editable === false) return warn(words.fixed);
  key.preventDefault();
  held = { id: event.id, start: event.start, end: event.end, lane: event.resourceIds[0], before: event };
  holder.classList.add("carrying");
  element.classList.add("held");
  live.textContent = `${words.picked} ${spoken(held.start, held.end, held.lane)}`;
}, true);

function carry(key) {
  const view = calendar.getOption("view");
  const step = (MOVES[view] ?? MOVES.timeGridWeek)[key.key];
  if (key.key === "Escape") return letGo(true, key);
  if (key.key === "Enter" || key.key === " ") return letGo(false, key);
  if (key.shiftKey && key.key.startsWith("Arrow")) {
    const longer = key.key === "ArrowRight" || key.key === "ArrowDown" ? STEP : -STEP;
    if (held.end - held.start + longer >= STEP) held.end = new Date(+held.end + longer);
  } else if (step) {
    held.start = new Date(+held.start + step);
    held.end = new Date(+held.end + step);
  } else if (key.key === "ArrowUp" || key.key === "ArrowDown") {
    const at = lanes.findIndex((lane) => lane.id === held.lane) + (key.key === "ArrowDown" ? 1 : -1);
    if (held.lane !== "-" && lanes[at] && lanes[at].id !== "-") held.lane = lanes[at].id;
  } else if (key.key !== "Tab") {
    return;
  }
  key.preventDefault();
  key.stopPropagation();
  place();
  const clash = told(held.id, held.start, held.end, held.lane, held.before.extendedProps);
  live.textContent = `${spoken(held.start, held.end, held.lane)}. ${clash}`;
}

function place() {
  const { activeStart, activeEnd } = calendar.getView();
  calendar.updateEvent({ ...plain(held.before), start: wall(held.start), end: wall(held.end), resourceIds: [held.lane] });
  if (held.start < activeStart || held.start >= activeEnd) calendar.setOption("date", wall(held.start).slice(0, 10));
}

const plain = (event) => ({ id: event.id, title: event.title, classNames: event.classNames, editable: event.editable, extendedProps: event.extendedProps });

function letGo(back, key) {
  key.preventDefault();
  key.stopPropagation();
  const { before, start, end, lane } = held;
  const revert = () => calendar.updateEvent({ ...plain(before), start: wall(before.start), end: wall(before.end), resourceIds: before.resourceIds });
  focused = before.id;
  held = null;
  holder.classList.remove("carrying");
  note.hidden = true;
  if (back || (+start === +before.start && +end === +before.end && lane === before.resourceIds[0])) {
    revert();
    live.textContent = words.back;
  } else {
    dropped({ event: { ...plain(before), start, end, resourceIds: [lane] }, revert }, lane);
  }
}

// What was put down keeps the focus, however often it is made anew, until another has it.
document.addEventListener("focusin", ({ target }) => {
  if (focused && target.closest("[data-session]")?.dataset.session !== focused) focused = "";
});

// The calendar makes its elements anew: names, focus and the look of what is carried come back.
function settled() {
  for (const element of holder.querySelectorAll("[data-session]")) {
    const event = calendar?.getEventById(element.dataset.session);
    if (event) element.setAttribute("aria-label", event.extendedProps.label);
    element.classList.toggle("held", element.dataset.session === held?.id);
  }
  const wanted = held?.id ?? focused;
  if (wanted && (document.activeElement === document.body || holder.contains(document.activeElement))) {
    holder.querySelector(`[data-session="${CSS.escape(wanted)}"]`)?.focus();
  }
}

// --- what others do --------------------------------------------------------------------------------------------

const kinds = ["SessionBooked", "SessionAmended", "SessionCancelled", "SessionOpened", "SessionClosed"];
const stream = new EventSource(`/api/v1/events?kinds=${kinds}`);
let soon = 0;
for (const kind of kinds) {
  stream.addEventListener(kind, () => {
    clearTimeout(soon);
    soon = setTimeout(() => { if (!held && !holder.querySelector(".ec-dragging, .ec-resizing-x, .ec-resizing-y")) calendar.refetchEvents(); }, 300);
  });
}
addEventListener("pagehide", () => stream.close());
holder.dataset.ready = "yes";
