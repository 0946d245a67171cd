// The photo editor. Gradio runs this with the element to fill, `props` (value, words, examples, most_bytes), trigger(event),
// watch(names, heard) and upload(file). Requests to the server are its value, one at a time; the answers are its value
// too. `edits` has the whole state of the edits, so undo is a list of them.
const words = props.words[(navigator.language || "en").slice(0, 2)] || props.words.en;
const root = element.querySelector(".studio");
root.innerHTML = `
  <div class="left">
    <div class="stage">
      <div class="picture">
        <canvas role="img"></canvas>
        <div class="bar" hidden></div>
        <div class="drop">${words.drop}</div>
        <span class="badge" hidden>${words.original}</span>
        <div class="status" role="status"></div>
      </div>
      <div class="faces" role="group" aria-label="${words.faces}" hidden></div>
      <div class="tools">
        <button type="button" class="compare"><span class="long">${words.compare}</span><span class="short">${words.original}</span></button>
        <button type="button" class="undo" title="${words.undo}" aria-label="${words.undo}">&#8630;</button>
        <button type="button" class="redo" title="${words.redo}" aria-label="${words.redo}">&#8631;</button>
        <button type="button" class="reset">${words.reset}</button>
        <button type="button" class="save">${words.save}</button>
      </div>
      <div class="said" role="alert"></div>
      <div class="file" id="download"></div>
    </div>
    <div class="examples" id="examples" role="group" aria-label="${words.examples}"><p>${words.examples}</p></div>
  </div>
  <div class="controls">
    <div class="source" id="upload">
      <label class="open">${words.open}<input type="file" accept="image/*,.heic,.heif,.avif"></label>
      <button type="button" class="camera">${words.camera}</button>
      <button type="button" class="close">${words.close}</button>
    </div>
    <p class="drawn">${words.drawn}</p>
    <p class="turned" role="status" hidden>${words.turned}</p>
    <div class="sliders" id="retouch-sliders"></div>
  </div>
  <dialog class="shot"><video autoplay playsinline muted></video>
    <div><button type="button" class="take">${words.take}</button><button type="button" class="cancel">${words.cancel}</button></div>
  </dialog>`;
const find = (selector) => root.querySelector(selector);
const canvas = find("canvas"), pen = canvas.getContext("2d"), stage = find(".stage"), said = find(".said");
const STEP = 0.05, HAIR = ["Bald", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"]; // a head has one of these

let photo = null; // the server's description of it
let face = 0, alone = true, holding = false; // alone: only the face is shown, if that is more detailed than the photo
let edits = {}, past = [], future = [], settled = "{}"; // settled: the edits of the last entry of the history
let views = {}, patches = new Map(), whole = null; // pictures: of single faces, of their changes, of the whole photo
let rows = {};

// ---- Asking ---------------------------------------------------------------------------------------------------------

let turn = 0, line = Promise.resolve();
const pending = {}; // event -> its timeout
const PATIENCE = { open: 180000, save: 180000 }; // milliseconds; large photos on a busy machine
function send(event, ask) {
  busy(event);
  line = line.then(() => {
    props.value = { ...ask, key: photo?.key, turn: ++turn };
    trigger(event);
    return new Promise((resolve) => setTimeout(resolve, 5)); // let Gradio read the value before it is replaced
  });
}

function busy(event) {
  clearTimeout(pending[event]);
  pending[event] = setTimeout(() => { done(event); tell(words.slow); }, PATIENCE[event] || 20000);
  show();
}

function done(event) {
  clearTimeout(pending[event]);
  delete pending[event];
  show();
}

const opening = () => ["open", "example", "forget"].some((event) => pending[event]);
// The server listens to these by their names in quotes: "open", "example", "forget", "face", "change_face", "save".
const ANSWERS = { opened: ["open", "example", "forget"], empty: ["forget"], view: ["face"], patch: ["change_face"], file: ["save"] };
function heard() {
  const answer = props.value;
  if (!answer || typeof answer !== "object") return;
  if (answer.said) { // an error: no answer to the request will come
    Object.keys(pending).forEach(done);
    tell(answer.said);
    refresh();
    return pump();
  }
  if (!ANSWERS[answer.kind]) return;
  ANSWERS[answer.kind].forEach(done);
  if (answer.kind === "opened") opened(answer);
  if (answer.kind === "empty") { photo = null; sliders(answer.sliders || []); refresh(); }
  if (answer.key !== photo?.key) return; // of a photo that is gone
  if (answer.kind === "view") seen(answer);
  if (answer.kind === "patch") patched(answer);
  if (answer.kind === "file") saved(answer);
}

function tell(sentence) { said.textContent = sentence; }

async function picture(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

// ---- A photo --------------------------------------------------------------------------------------------------------

async function opened(answer) {
  photo = answer;
  edits = {}; past = []; future = []; settled = "{}"; wanted.clear();
  views = {}; patches = new Map(); alone = true;
  tell(""); find(".file").textContent = "";
  whole = null;
  sliders(answer.sliders);
  const loaded = await picture(answer.src);
  if (photo !== answer) return;
  whole = loaded;
  chips();
  seen(answer);
}

async function seen(answer) {
  const owner = photo;
  const close = answer.close ? await picture(answer.close.src) : null;
  if (photo !== owner) return;
  views[answer.face] = { ...answer, image: close };
  face = answer.face;
  refresh();
  canvas.dataset.photo = photo.key;
}

function choose(number) {
  alone = true;
  if (views[number]) { face = number; refresh(); } else send("face", { face: number });
}

// ---- Changes --------------------------------------------------------------------------------------------------------

const wanted = new Set(); // faces whose picture is outdated
function ask(number) {
  wanted.add(number);
  pump();
}

function pump() {
  if (pending.change_face || opening() || !wanted.size || !photo) return;
  const number = wanted.values().next().value;
  wanted.delete(number);
  const touched = Object.keys(edits).filter((other) => Object.values(edits[other]).some(Boolean));
  if (!touched.length) { patches.delete(number); draw(); return pump(); } // unchanged: no request is needed
  send("change_face", { face: number, edits: Object.fromEntries(touched.map((other) => [other, edits[other]])) });
}

async function patched(answer) {
  const owner = photo;
  const image = answer.src ? await picture(answer.src) : null;
  if (photo !== owner) return;
  patches.delete(answer.face);
  if (image && Object.keys(edits).length) patches.set(answer.face, { image, place: answer.place }); // the newest is on top
  draw();
  canvas.dataset.turn = answer.turn; // for measurements
  pump();
}

function change(name, value) {
  const own = { ...edits[face] };
  if (HAIR.includes(name) && value > 0) for (const other of HAIR) if (own[other] > 0) own[other] = 0;
  own[name] = value;
  edits = { ...edits, [face]: own };
  tell("");
  refresh();
  ask(face);
}

function settle() { // add a step to the history
  const now = JSON.stringify(edits);
  if (now === settled) return;
  past.push(settled); future = []; settled = now;
  find(".file").textContent = "";
  show();
}

function go(from, to) {
  if (!from.length) return;
  to.push(settled);
  settled = from.pop();
  const before = edits;
  edits = JSON.parse(settled);
  for (const number of new Set([...Object.keys(before), ...Object.keys(edits)]))
    if (JSON.stringify(before[number] || {}) !== JSON.stringify(edits[number] || {})) ask(Number(number));
  refresh();
}

function reset() {
  const touched = Object.keys(edits).map(Number);
  edits = {};
  settle();
  touched.forEach(ask);
  refresh();
}

// ---- Sliders --------------------------------------------------------------------------------------------------------

function sliders(all) {
  const list = find(".sliders");
  list.textContent = ""; rows = {};
  for (const group of ["first", "more", "unreliable"]) {
    const some = all.filter((slider) => slider.group === group);
    if (!some.length) continue;
    let place = list;
    if (group !== "first") {
      place = document.createElement("details");
      place.className = group;
      place.open = group === "more" ? window.innerWidth > 640 && some.length < 12 : all.length - some.length < 3;
      const summary = document.createElement("summary");
      summary.textContent = words[group];
      place.append(summary);
      if (group === "unreliable") {
        const why = document.createElement("p");
        why.textContent = words.unreliable_why;
        place.append(why);
      }
      list.append(place);
    }
    for (const slider of some) place.append(row(slider));
  }
}

function row(slider) {
  const box = document.createElement("div"), id = "change-" + slider.name;
  box.className = "change"; box.id = "retouch-" + slider.name;
  const label = document.createElement("label"), value = document.createElement("output"), input = document.createElement("input");
  const [low, high] = ["less", "more"].map((way) => Object.assign(document.createElement("small"), { className: way, id: `${id}-${way}` }));
  label.htmlFor = input.id = id; label.textContent = words.attributes?.[slider.name] || slider.label;
  input.setAttribute("aria-describedby", `${low.id} ${high.id}`);
  Object.assign(input, { type: "range", min: -1, max: 1, step: STEP, value: 0 }); // nothing is always in the middle
  const move = (to) => {
    const [less, more] = closed(slider);
    change(slider.name, Math.min(more ? 0 : 1, Math.max(less ? 0 : -1, to)));
  };
  const zero = () => { move(0); settle(); };
  input.addEventListener("input", () => move(Number(input.value)));
  input.addEventListener("change", settle);
  input.addEventListener("pointerup", settle);
  box.addEventListener("dblclick", zero);
  input.addEventListener("keydown", (event) => {
    if (["0", "Delete", "Backspace"].includes(event.key)) { event.preventDefault(); zero(); }
  });
  box.append(label, value, input, low, high);
  rows[slider.name] = { slider, box, input, value, low, high };
  return box;
}

// Whether there is no way to less and to more: why, in a word, or nothing.
function closed(slider) {
  const [less, more] = views[face]?.blocked[slider.name] || [false, false];
  if (views[face]?.turned) return [words.aside, words.aside];
  return [
    slider.least === 0 ? words.not_offered : less ? words.not_there : "",
    slider.most === 0 ? words.not_offered : more ? words.there : "",
  ];
}

function refresh() { // all that depends on the face that is chosen
  const own = edits[face] || {};
  const share = (x) => `${50 * (x + 1)}%`;
  for (const [name, { slider, box, input, value, low, high }] of Object.entries(rows)) {
    const [less, more] = closed(slider), now = own[name] || 0;
    if (Number(input.value) !== now) input.value = now;
    value.textContent = now ? (now > 0 ? "+" : "\u2212") + Math.abs(now).toFixed(2).replace(/0$/, "") : "0";
    input.disabled = Boolean(!photo || (less && more));
    low.textContent = less; high.textContent = more;
    for (const [key, x] of Object.entries({ from: Math.min(0, now), to: Math.max(0, now), zero: 0 })) box.style.setProperty("--" + key, share(x));
    box.style.setProperty("--low", less ? share(0) : "0%");
    box.style.setProperty("--high", more ? share(0) : "100%");
    input.setAttribute("aria-valuetext", value.textContent);
    box.classList.toggle("moved", Boolean(now));
  }
  chips();
  show();
  draw();
}

// ---- Showing --------------------------------------------------------------------------------------------------------

function chips() {
  const list = find(".faces"), boxes = photo?.boxes || [];
  list.hidden = boxes.length < 2 && !views[face]?.image;
  if (list.hidden) return;
  if (list.childElementCount !== boxes.length + 1) {
    list.textContent = "";
    for (let number = 0; number <= boxes.length; number++) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = number < boxes.length ? `${words.face} ${number + 1}` : words.whole;
      button.addEventListener("click", () => { if (number < boxes.length) choose(number); else { alone = false; refresh(); } });
      list.append(button);
    }
  }
  const close = alone && Boolean(views[face]?.image);
  list.classList.toggle("all", !close);
  [...list.children].forEach((button, number) => {
    button.setAttribute("aria-pressed", number < boxes.length ? number === face : !close);
  });
}

function show() { // update the buttons, and the sign of waiting
  const waits = Object.keys(pending);
  const status = find(".status"), changed = Object.values(edits).some((own) => Object.values(own).some(Boolean));
  stage.classList.toggle("waiting", waits.length > 0);
  find(".bar").hidden = !waits.length;
  status.textContent = opening() ? words.opening : pending.save ? words.saving : "";
  stage.setAttribute("aria-busy", waits.length > 0);
  stage.classList.toggle("empty", !photo);
  find(".undo").disabled = !past.length; find(".redo").disabled = !future.length;
  find(".reset").disabled = find(".compare").disabled = !changed;
  find(".save").disabled = !photo || Boolean(pending.save);
  find(".close").hidden = !photo || photo.drawn;
  find(".drawn").hidden = !photo?.drawn;
  find(".turned").hidden = !views[face]?.turned;
  const list = Object.entries(edits[face] || {}).filter((entry) => entry[1] && rows[entry[0]]);
  const told = list.map(([name]) => `${rows[name].slider.label} ${rows[name].value.textContent}`).join(", ");
  const what = photo?.drawn ? words.example : words.photo_of;
  canvas.setAttribute("aria-label", holding || !told ? `${what}${holding ? ": " + words.original : ""}` : `${what} ${words.with} ${told}`);
}

function draw() {
  const seen = views[face];
  if (!whole || !seen) return;
  const close = alone && seen.image, base = close ? seen.image : whole, [left, top, right, bottom] = close ? seen.box : [0, 0, 1, 1];
  if (canvas.width !== base.naturalWidth || canvas.height !== base.naturalHeight) {
    canvas.width = base.naturalWidth; canvas.height = base.naturalHeight;
    root.style.setProperty("--ratio", base.naturalWidth / base.naturalHeight);
  }
  const near = (x) => (Math.abs(x - Math.round(x)) < 0.1 ? Math.round(x) : x); // else a pixel would be spread over two
  const across = (x) => near(((x - left) / (right - left)) * canvas.width), down = (y) => near(((y - top) / (bottom - top)) * canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(base, 0, 0);
  if (!holding) for (const { image, place } of patches.values()) {
    const x = across(place[0]), y = down(place[1]);
    pen.drawImage(image, x, y, across(place[2]) - x, down(place[3]) - y);
  }
  find(".badge").hidden = !holding;
  if (holding || close || (photo.boxes.length < 2 && !seen.image)) return;
  photo.boxes.forEach((box, number) => {
    const x = across(box[0]), y = down(box[1]), width = across(box[2]) - x, height = down(box[3]) - y, own = number === face;
    for (const [colour, thick] of [["rgba(0,0,0,.7)", own ? 7 : 4], [own ? "#fff" : "rgba(255,255,255,.75)", own ? 4 : 2]]) {
      pen.strokeStyle = colour; pen.lineWidth = thick;
      pen.strokeRect(x, y, width, height);
    }
    if (photo.boxes.length < 2) return;
    const size = Math.max(14, Math.min(28, width / 4));
    pen.font = `600 ${size}px system-ui, sans-serif`; pen.lineWidth = 4; pen.strokeStyle = "rgba(0,0,0,.8)"; pen.fillStyle = "#fff";
    pen.strokeText(number + 1, x + 8, y + size + 2);
    pen.fillText(number + 1, x + 8, y + size + 2);
  });
}

function hold(now) {
  if (holding === now) return;
  holding = now && Boolean(photo);
  find(".compare").setAttribute("aria-pressed", holding);
  show(); draw();
}

// ---- Mouse, touch and keyboard --------------------------------------------------------------------------------------

let pressed = null;
canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  pressed = { time: performance.now(), x: event.clientX, y: event.clientY };
  hold(true);
});
canvas.addEventListener("pointerup", (event) => {
  hold(false);
  if (!pressed || performance.now() - pressed.time > 350 || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > 12) return;
  const seen = views[face], close = alone && seen?.image, frame = canvas.getBoundingClientRect();
  if (!photo || !seen || close) return; // a click on a face of the whole photo chooses it
  const x = (event.clientX - frame.left) / frame.width, y = (event.clientY - frame.top) / frame.height;
  const hit = photo.boxes.findIndex(([left, top, right, bottom]) => left <= x && x <= right && top <= y && y <= bottom);
  if (hit >= 0) choose(hit);
});
for (const gone of ["pointercancel", "pointerleave"]) canvas.addEventListener(gone, () => hold(false));
canvas.addEventListener("contextmenu", (event) => { if (holding) event.preventDefault(); });
const compare = find(".compare");
compare.addEventListener("pointerdown", (event) => { if (!event.button) { compare.setPointerCapture(event.pointerId); hold(true); } });
for (const gone of ["pointerup", "pointercancel", "lostpointercapture", "blur", "keyup"]) compare.addEventListener(gone, () => hold(false));
compare.addEventListener("contextmenu", (event) => event.preventDefault());
compare.addEventListener("keydown", (event) => {
  if (event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  hold(true);
});
find(".undo").addEventListener("click", () => go(past, future));
find(".redo").addEventListener("click", () => go(future, past));
find(".reset").addEventListener("click", reset);
root.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(event.key.toLowerCase())) return;
  event.preventDefault();
  if (event.key.toLowerCase() === "y" || event.shiftKey) go(future, past); else go(past, future);
});
find(".save").addEventListener("click", () => { find(".file").textContent = ""; tell(""); send("save", { edits }); });
find(".close").addEventListener("click", () => send("forget", {}));

async function saved(answer) { // as a blob, since the file name of the server would otherwise override ours
  const config = window.gradio_config || {}, link = document.createElement("a"), owner = photo;
  const file = await fetch(`${config.root || ""}${config.api_prefix ?? "/gradio_api"}/file=${answer.path}`);
  if (!file.ok) return tell(words.slow);
  const content = await file.blob();
  if (photo !== owner) return;
  URL.revokeObjectURL(kept);
  link.href = kept = URL.createObjectURL(content);
  link.download = link.textContent = answer.name;
  find(".file").replaceChildren(words.saved + " ", link);
  link.click();
}
let kept = "";

async function take(file) {
  if (!file || pending.open) return;
  if (file.size > props.most_bytes) return tell(words.too_large.replace("{}", Math.floor(props.most_bytes / 2 ** 20)));
  tell("");
  busy("open");
  try {
    const { path } = await upload(file);
    send("open", { file: { path } });
  } catch (error) {
    done("open");
    tell(String(error.message || error));
  }
}

find("input[type=file]").addEventListener("change", (event) => { take(event.target.files[0]); event.target.value = ""; });
stage.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("over"); });
stage.addEventListener("dragleave", () => stage.classList.remove("over"));
stage.addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("over");
  take(event.dataTransfer.files[0]);
});

const shot = find(".shot"), video = shot.querySelector("video");
find(".camera").addEventListener("click", async () => {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
    shot.showModal();
  } catch { tell(words.no_camera); }
});
shot.addEventListener("close", () => { video.srcObject?.getTracks().forEach((track) => track.stop()); video.srcObject = null; });
shot.querySelector(".cancel").addEventListener("click", () => shot.close());
shot.querySelector(".take").addEventListener("click", () => {
  const frame = document.createElement("canvas");
  frame.width = video.videoWidth; frame.height = video.videoHeight;
  frame.getContext("2d").drawImage(video, 0, 0);
  shot.close();
  frame.toBlob((blob) => take(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.95);
});

props.examples.forEach((source, number) => {
  const button = document.createElement("button"), image = document.createElement("img");
  button.type = "button";
  image.src = source; image.alt = `${words.example} ${number + 1}`;
  button.append(image);
  button.addEventListener("click", () => { tell(""); send("example", { face: number }); });
  find(".examples").append(button);
});
find(".examples").hidden = !props.examples.length;

watch("value", heard);
show();
heard();
