// The forms of what screens show: a file that is too large is told before it is sent, and a form is sent once.
const file = document.getElementById("c-file");
file?.addEventListener("change", () => {
  const large = file.files[0]?.size > Number(file.dataset.largest);
  file.setCustomValidity(large ? file.dataset.tooLarge : "");
  if (large) file.reportValidity();
});

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    form.querySelector("button").setAttribute("aria-busy", "true");
  });
}
// Who comes back by the browser's history may send it again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("button").removeAttribute("aria-busy");
  }
});
