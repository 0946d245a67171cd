// For every tab. It runs before Gradio's own scripts.

// Every wait is shown at once: a bar at the top, as long as an answer of the server is pending.
const owed = new Set();
function owe(id) { owed.add(id); show(); }
function paid(id) { owed.delete(id); show(); }
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

// Pictures that cannot be clicked are not in the tab order; empty places get a label.
new MutationObserver(() => {
  for (const empty of document.querySelectorAll(".empty[aria-label]:not([role])")) empty.setAttribute("role", "img");
  for (const button of document.querySelectorAll(".pictures:not(#samples) button.thumbnail-lg")) button.tabIndex = -1;
}).observe(document.documentElement, { childList: true, subtree: true });
