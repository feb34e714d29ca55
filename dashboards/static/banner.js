// The banner on pages without a stream of their own, and its buttons where control.js is not loaded.
import { tick } from "./clock.js";

const banner = document.getElementById("part-banner");
const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
const ARMED = 4000;

// Where control.js is, it has the buttons; with a stream beside it, the banner comes by that stream too.
const control = document.querySelector('script[src$="/control.js"]') !== null;

if (banner && !(control && document.body.dataset.stream)) {
  const source = new EventSource("/stream/banner");
  source.addEventListener("parts", (event) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = event.data;
    const next = fresh.content.getElementById("part-banner");
    if (!next || next.isEqualNode(banner)) return;
    banner.className = next.className;
    banner.replaceChildren(...next.childNodes);
    tick(banner);
  });
  addEventListener("pagehide", () => source.close());
  if (!control) banner.addEventListener("click", (event) => press(event.target.closest("button[hx-post]")));
}

async function press(one) {
  if (!one || one.disabled) return;
  if (one.dataset.again && !one.classList.contains("armed")) {
    const label = one.querySelector(".label");
    const before = label.textContent;
    one.classList.add("armed");
    label.textContent = one.dataset.again;
    setTimeout(() => {
      one.classList.remove("armed");
      label.textContent = before;
    }, ARMED);
    return;
  }
  one.disabled = true;
  const answer = await fetch(one.getAttribute("hx-post"), { method: "POST", headers: { ...headers, "HX-Request": "true" } }).catch(() => null);
  one.disabled = false;
  if (answer?.ok) return;
  const note = document.createElement("span");
  note.className = "refusal";
  note.setAttribute("role", "alert");
  note.textContent = `✗ ${answer ? await answer.text() : "…"}`;
  one.closest(".act").append(note);
}
