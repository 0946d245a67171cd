// For every tab. It runs before Gradio's own scripts.

// Every wait is shown at once: a bar at the top, as long as an answer of the server is pending.
// An answer may come before its number is known here: it is paid early.
const owed = new Set(), early = new Set();
function owe(id) { if (!early.delete(id)) owed.add(id); show(); }
function paid(id) { if (!owed.delete(id) && typeof id === "string") early.add(id); show(); }
function show() { document.documentElement.toggleAttribute("data-waiting", owed.size > 0); }

const ask = window.fetch;
window.fetch = async function (input, options) {
  const address = String(input?.url ?? input);
  if (/\/queue\/join\b|\/run\/|\/upload\b/.test(address)) {
    const id = Symbol();
    owe(id);
    try {
      const answer = await ask.call(window, input, options);
      if (answer.ok && /\/queue\/join\b/.test(address)) owe((await answer.clone().json()).event_id);
      return answer;
    } finally { paid(id); }
  }
  const answer = await ask.call(window, input, options);
  if (!/\/queue\/data\b/.test(address) || !answer.body) return answer;
  const [theirs, ours] = answer.body.tee();
  listen(ours).catch(() => {}).finally(() => { owed.clear(); show(); });
  return new Response(theirs, { status: answer.status, headers: answer.headers });
};

async function listen(stream) {
  let rest = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (let part; !(part = await reader.read()).done;) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.includes('"process_completed"')) continue;
      const id = line.match(/"event_id":\s*"([0-9a-f]+)"/);
      if (id) paid(id[1]);
    }
  }
}

// Gradio names the pictures of a gallery "Thumbnail 3 of 9"; here each has the name that stands below it. Those that only
// show are no buttons. A place without a picture yet is named as one, and what is to be clicked by what it says.
function tidy() {
  for (const empty of document.querySelectorAll(".empty[aria-label]:not([role])")) empty.setAttribute("role", "img");
  // A canvas to draw on is ready to be drawn on.
  const hint = document.querySelector("#sketch-canvas .empty.wrap"), brush = document.querySelector("#sketch-canvas [aria-label=Brush]");
  if (hint && brush && !brush.dataset.taken) { brush.dataset.taken = true; brush.click(); }
  for (const place of document.querySelectorAll("[data-testid=image][aria-label]:not([role])")) place.setAttribute("role", "group");
  for (const upload of document.querySelectorAll("button.upload-container[aria-label]")) upload.removeAttribute("aria-label");
  for (const button of document.querySelectorAll(".pictures button.thumbnail-lg")) {
    const said = button.querySelector("img")?.alt, opens = Boolean(button.closest(".opens"));
    if (said && button.getAttribute("aria-label") !== said) button.setAttribute("aria-label", said);
    button.querySelector(".caption-label")?.setAttribute("aria-hidden", true);
    if (opens) continue;
    button.tabIndex = -1;
    button.setAttribute("role", "img");
  }
}
new MutationObserver(tidy).observe(document.documentElement, {
  childList: true, subtree: true, attributes: true, attributeFilter: ["aria-label", "alt"],
});

// A slider is let go when the key is that moved it. (Gradio only knows pointers.)
document.addEventListener("keyup", ({ target, key }) => {
  if (target.matches?.("input[type=range]") && /^(Arrow|Page|Home|End)/.test(key)) target.dispatchEvent(new Event("pointerup", { bubbles: true }));
});

// A file is taken away under the name that its link gives, not the one that the server keeps it by.
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a.take[download]");
  if (!link || link.href.startsWith("blob:")) return;
  event.preventDefault();
  const answer = await fetch(link.href);
  if (!answer.ok) return location.assign(link.href);
  const copy = Object.assign(document.createElement("a"), { download: link.download, href: URL.createObjectURL(await answer.blob()) });
  copy.click();
  setTimeout(() => URL.revokeObjectURL(copy.href), 60000);
});
