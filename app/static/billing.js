/* Quiet extras; everything works without them. */

/* The overview follows the search while it is typed, and the address with it. */
const form = document.querySelector("form[data-live]");
if (form) {
  const parts = ["totals", "chips", "tenants"];
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
