// The form of a session: a line of the agenda more whenever the last one is begun; lines move by Alt and arrows;
// the end follows the start. A second click on a form that was sent already asks for nothing more.
const body = document.querySelector(".agenda-edit tbody");

body?.addEventListener("input", () => {
  const last = body.lastElementChild;
  if (![...last.querySelectorAll("input")].some((one) => one.value)) return;
  const fresh = last.cloneNode(true);
  for (const one of fresh.querySelectorAll("input, select")) one.value = "";
  body.append(fresh);
});

body?.addEventListener("keydown", (event) => {
  const row = event.target.closest("tr");
  if (!event.altKey || !row || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  const other = event.key === "ArrowUp" ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  event.preventDefault();
  if (event.key === "ArrowUp") other.before(row);
  else other.after(row);
  event.target.focus();
});

const start = document.getElementById("s-starts_at");
const end = document.getElementById("s-ends_at");
let before = start?.valueAsNumber;
start?.addEventListener("change", () => {
  if (end.valueAsNumber > before && start.valueAsNumber) {
    end.valueAsNumber += start.valueAsNumber - before;
  }
  before = start.valueAsNumber || before;
});

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
// Who comes back by the browser's history may send it again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
