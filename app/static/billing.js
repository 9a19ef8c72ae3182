/* Quiet extras; everything works without them. */

/* The overview follows the search while it is typed, and the address with it. */
const form = document.querySelector("form[data-live]");
if (form) {
  const parts = ["shown", "export", "totals", "chips", "tenants"];
  const said = document.getElementById("said");
  let timer, running;

  const show = async () => {
    const fields = [...new FormData(form)].filter(([, value]) => value !== "");
    const address = form.action + (fields.length ? "?" + new URLSearchParams(fields) : "");
    running?.abort();
    running = new AbortController();
    const tenants = document.getElementById("tenants");
    tenants.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(address, { headers: { Accept: "text/html" }, signal: running.signal });
      if (!response.ok || response.redirected) throw new Error(response.status);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const id of parts) document.getElementById(id).replaceWith(page.getElementById(id));
      history.replaceState(null, "", address);
      said.textContent = document.querySelector(".pager p").textContent;
    } catch (error) {
      if (error.name !== "AbortError") form.submit(); // the page itself says what is wrong
    }
  };
  form.elements.q.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 250);
  });
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", show);
}

/* "3 min ago" stays true while the page is open; in the words of billing.age_text. */
const ago = (seconds) =>
  seconds < 60 ? "just now"
  : seconds < 3600 ? `${Math.floor(seconds / 60)} min ago`
  : seconds < 172800 ? `${Math.floor(seconds / 3600)} h ago`
  : `${Math.floor(seconds / 86400)} days ago`;
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-ago]"))
    time.textContent = ago((Date.now() - new Date(time.dateTime)) / 1000);
}, 30000);

/* Arrow keys, Home and End walk over the days of a chart, a tap goes to one: the day is marked and
   its tip told in the status line of the panel. */
for (const panel of document.querySelectorAll(".panel")) {
  const reading = panel.querySelector("[role=status]");
  for (const plot of panel.querySelectorAll(".plot")) {
    const days = [...plot.querySelectorAll(".slot")];
    let at = days.length - 1;
    const read = (day) => {
      days[at].classList.remove("is-read");
      at = Math.min(Math.max(day, 0), days.length - 1);
      days[at].classList.add("is-read");
      reading.textContent = days[at].querySelector("title").textContent;
    };
    const steps = {
      ArrowLeft: () => at - 1,
      ArrowRight: () => at + 1,
      Home: () => 0,
      End: () => days.length - 1,
    };
    plot.setAttribute("tabindex", "0");
    plot.setAttribute("role", "application"); // else a screen reader keeps the keys to itself
    plot.setAttribute("aria-describedby", "chart-keys");
    plot.addEventListener("focus", () => read(at));
    plot.addEventListener("blur", () => {
      days[at].classList.remove("is-read");
      reading.textContent = "";
    });
    plot.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault(); // the page stays where it is
      read(step());
    });
    plot.addEventListener("click", (event) => {
      const day = days.indexOf(event.target.closest(".slot"));
      if (day >= 0) read(day);
    });
  }
}
