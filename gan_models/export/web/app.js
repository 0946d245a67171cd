// This file is both the page and the worker in which the network computes, so that the page never blocks.

// ---- Random numbers: numpy's Philox 4x64 and ziggurat, so that seeds give the same numbers as in Python ------------

const MASK = (1n << 64n) - 1n;
const LATENTS = 0n, LABELS = 3n; // the streams of gan_models.rng

export class Random {
  // numpy.random.Philox(key=[seed, stream], counter=[0, index, 0, 0])
  constructor(seed, index, stream) {
    this.key = [BigInt(seed), stream];
    this.counter = [0n, BigInt(index), 0n, 0n];
    this.words = []; // 32 bits each, the next one last
  }

  uint32() {
    if (!this.words.length) this.refill();
    return this.words.pop();
  }

  refill() {
    this.counter[0] = (this.counter[0] + 1n) & MASK;
    let [a, b, c, d] = this.counter, [k, l] = this.key;
    for (let round = 0; round < 10; round++) {
      const x = 0xD2E7470EE14C6C93n * a, y = 0xCA5A826395121157n * c;
      [a, b, c, d] = [(y >> 64n) ^ b ^ k, y & MASK, (x >> 64n) ^ d ^ l, x & MASK];
      k = (k + 0x9E3779B97F4A7C15n) & MASK;
      l = (l + 0xBB67AE8584CAA73Bn) & MASK;
    }
    for (const word of [d, c, b, a]) this.words.push(Number(word >> 32n), Number(word & 0xFFFFFFFFn));
  }

  float() {
    return (this.uint32() >>> 8) / 16777216;
  }

  below(n) { // a whole number 0..n-1 (Lemire 2019, arXiv:1805.10941)
    for (;;) {
      const wide = BigInt(this.uint32()) * BigInt(n);
      if (Number(wide & 0xFFFFFFFFn) >= 4294967296 % n) return Number(wide >> 32n);
    }
  }

  normal() { // Marsaglia and Tsang 2000, "The ziggurat method for generating random variables"
    for (;;) {
      const word = this.uint32(), k = word & 255, high = (word >>> 9) & 0x7FFFFF;
      const x = f32(high * ZIGGURAT.width[k]) * (word & 256 ? -1 : 1);
      if (high < ZIGGURAT.inside[k]) return x;
      if (k === 0) {
        for (;;) {
          const far = f32(-f32(1 / EDGE) * f32(Math.log1p(-this.float())));
          const y = f32(-Math.log1p(-this.float()));
          if (y + y > far * far) return (high >> 8) & 1 ? -f32(f32(EDGE) + far) : f32(f32(EDGE) + far);
        }
      }
      const step = f32(ZIGGURAT.height[k - 1] - ZIGGURAT.height[k]);
      if (f32(f32(step * this.float()) + ZIGGURAT.height[k]) < Math.exp(-0.5 * x * x)) return x;
    }
  }
}

const f32 = Math.fround;
const EDGE = 3.6541528853610088, AREA = 0.004928673233974655; // of 256 layers: the start of the tail; the area of each
const ZIGGURAT = (() => {
  const inside = new Uint32Array(256), width = new Float32Array(256), height = new Float32Array(256);
  const density = (x) => Math.exp(-0.5 * x * x), scale = 2 ** 23;
  let x = EDGE, above = EDGE;
  inside[0] = EDGE * density(EDGE) / AREA * scale;
  width[0] = AREA / density(EDGE) / scale;
  height[0] = 1;
  width[255] = EDGE / scale;
  height[255] = density(EDGE);
  for (let k = 254; k >= 1; k--) {
    x = Math.sqrt(-2 * Math.log(AREA / x + density(x)));
    inside[k + 1] = x / above * scale;
    above = x;
    width[k] = x / scale;
    height[k] = density(x);
  }
  return { inside, width, height };
})();

export function latentOf(seed, index, size) {
  const random = new Random(seed, index, LATENTS);
  return Float32Array.from({ length: size }, () => random.normal());
}

export function slerp(a, b, t) { // as gan_models.latents.slerp
  let dot = 0, aa = 0, bb = 0;
  for (let k = 0; k < a.length; k++) dot += a[k] * b[k], aa += a[k] * a[k], bb += b[k] * b[k];
  const norms = Math.sqrt(aa * bb), angle = Math.acos(Math.min(1, Math.max(-1, dot / (norms || 1)))), sine = Math.sin(angle);
  const [p, q] = sine < 1e-4 || !norms ? [1 - t, t] : [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return a.map((value, k) => p * value + q * b[k]);
}

const lerp = (a, b, t) => a.map((value, k) => value + t * (b[k] - value));

export function share(x) { // the standard normal distribution function, by Simpson's rule
  const density = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let k = 1; k < 64; k++) sum += (k % 2 ? 4 : 2) * density(x * k / 64);
  return 0.5 + sum * x / 192;
}

export function quantile(p) { // the inverse of `share`
  let low = -6, high = 6;
  for (let k = 0; k < 40; k++) share((low + high) / 2) < p ? low = (low + high) / 2 : high = (low + high) / 2;
  return (low + high) / 2;
}

// ---- The worker -----------------------------------------------------------------------------------------------------

async function work() {
  const ort = await import("./ort.wasm.min.mjs");
  // Several threads would need a page that is isolated by headers of its server; one is enough.
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1;
  ort.env.wasm.wasmPaths = new URL(".", import.meta.url).href;
  let session;
  self.onmessage = async ({ data: { id, bytes, inputs } }) => {
    try {
      if (bytes) {
        session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
        return self.postMessage({ id });
      }
      const start = performance.now(), feeds = {};
      for (const [name, [values, shape]] of Object.entries(inputs)) feeds[name] = new ort.Tensor("float32", values, shape);
      const found = await session.run(feeds), outputs = {};
      for (const [name, tensor] of Object.entries(found)) outputs[name] = tensor.data;
      self.postMessage({ id, outputs, milliseconds: performance.now() - start });
    } catch (error) {
      self.postMessage({ id, error: String(error?.message || error) });
    }
  };
  self.postMessage({ id: 0 });
}

class Network {
  constructor() {
    this.worker = new Worker(import.meta.url, { type: "module" });
    this.waiting = new Map();
    this.count = 0;
    this.milliseconds = 0;
    this.worker.onmessage = ({ data }) => {
      const [resolve, reject] = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      data.error ? reject(new Error(data.error)) : resolve(data);
    };
    this.worker.onerror = (event) => this.waiting.forEach(([, reject]) => reject(new Error(event.message || "no worker")));
    this.ready = new Promise((...both) => this.waiting.set(0, both));
  }

  ask(message, transfer = []) {
    const id = ++this.count;
    return new Promise((...both) => {
      this.waiting.set(id, both);
      this.worker.postMessage({ id, ...message }, transfer);
    });
  }

  async load(url, progress) {
    const [answer] = await Promise.all([fetch(url), this.ready]);
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    const total = Number(answer.headers.get("content-length")) || 0, chunks = [];
    let loaded = 0;
    for (const reader = answer.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      progress(total ? Math.min(1, (loaded += value.length) / total) : undefined);
    }
    const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
    await this.ask({ bytes }, [bytes.buffer]);
  }

  async run(inputs) { // name -> [Float32Array, shape]
    const answer = await this.ask({ inputs });
    this.milliseconds = answer.milliseconds;
    return answer.outputs;
  }
}

// ---- The page -------------------------------------------------------------------------------------------------------

const COUNT = 16;
const at = (id) => document.getElementById(id);

function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  for (const [key, value] of Object.entries(properties)) if (key.includes("-")) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

class Page {
  constructor(model, network) {
    this.model = model;
    this.network = network;
    [this.channels, this.height, this.width] = model.shape;
    this.pixels = this.channels * this.height * this.width;
    this.small = make("canvas", { width: this.width, height: this.height });
    at("stage").width = Math.round(at("stage").height * this.width / this.height);
    document.documentElement.style.setProperty("--ratio", this.width / this.height);
    this.busy = null;
  }

  // Only the newest request is drawn: a moving slider makes requests faster than the network answers.
  newest(job) {
    this.next = job;
    this.busy ??= (async () => {
      while (this.next) {
        const now = this.next;
        this.next = null;
        await now();
      }
    })().catch(trouble).finally(() => (this.busy = null));
    return this.busy;
  }

  image(data, k) { // picture k of an output in -1..1 as ImageData
    const { width, height, channels, pixels } = this, image = new ImageData(width, height), plane = width * height;
    for (let place = 0, start = k * pixels; place < plane; place++) {
      for (let c = 0; c < 3; c++) {
        image.data[place * 4 + c] = Math.round((data[start + (channels < 3 ? 0 : c * plane) + place] + 1) * 127.5);
      }
      image.data[place * 4 + 3] = 255;
    }
    return image;
  }

  show(canvas, image) {
    const context = canvas.getContext("2d");
    if (canvas.width === this.width) return context.putImageData(image, 0, 0);
    this.small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.small, 0, 0, canvas.width, canvas.height);
  }

  thumbnails(describe) {
    this.tiles = Array.from({ length: COUNT }, (_, k) => {
      const tile = make("button", { type: "button", "aria-pressed": "false" },
        make("canvas", { width: this.width, height: this.height }));
      tile.onclick = () => this.choose(k);
      tile.setAttribute("aria-label", describe(k));
      return tile;
    });
    at("grid").replaceChildren(...this.tiles);
    at("grid").onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -4, ArrowDown: 4 }[event.key];
      const to = this.tiles.indexOf(document.activeElement) + step;
      if (!step || !this.tiles[to]) return;
      event.preventDefault();
      this.tiles[to].focus();
    };
  }

  mark(k) {
    this.chosen = k;
    this.tiles.forEach((tile, other) => tile.setAttribute("aria-pressed", String(other === k)));
  }

  sliders(names, low, high, values, changed) { // labelled ranges; returns them
    const inputs = names.map((_, k) => make("input", { type: "range", id: `change-${k}`, min: low, max: high, step: 0.05, value: values[k] }));
    const outputs = names.map(() => make("output"));
    const tell = () => inputs.forEach((input, k) => {
      const percent = Math.round(input.value * 100);
      outputs[k].value = low < 0 && percent > 0 ? `+${percent} %` : `${percent} %`;
    });
    inputs.forEach((input, k) => (input.oninput = () => { changed(k, Number(input.value)); tell(); }));
    tell();
    const labels = names.map((name, k) => make("label", { htmlFor: `change-${k}` }, make("span", {}, name, outputs[k]), inputs[k]));
    return Object.assign(make("div", { className: "sliders" }, ...labels), { inputs, tell });
  }

  choices(names, now, chosen, label) { // chips, of which one is chosen
    const chips = names.map((name, k) => {
      const chip = make("button", { type: "button", textContent: name, role: "radio" });
      chip.onclick = () => { now = k; tell(); chosen(k); };
      return chip;
    });
    const tell = () => chips.forEach((chip, k) => {
      chip.setAttribute("aria-checked", String(k === now));
      chip.tabIndex = k === Math.max(0, now) ? 0 : -1;
    });
    const box = make("div", { className: "chips", role: "radiogroup" }, ...chips);
    box.setAttribute("aria-label", label);
    box.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const to = chips[(Math.max(0, now) + step + chips.length) % chips.length];
      to.focus();
      to.click();
    };
    tell();
    return box;
  }

  save(image, name) {
    const canvas = make("canvas", { width: this.width, height: this.height });
    canvas.getContext("2d").putImageData(image, 0, 0);
    canvas.toBlob((blob) => {
      const link = make("a", { href: URL.createObjectURL(blob), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }
}

// The page of a generator: samples of a seed, changes of one of them, a walk between several.
class Generator extends Page {
  async start() {
    const { kind } = this.model;
    this.wishes = kind === "attributes" ? this.model.labels.map(() => null) : null; // 1 with, 0 without, null any
    this.path = [];
    this.thumbnails((k) => `Picture ${k}`);
    this.askFor();
    at("seed").oninput = () => {
      const right = /^\d{1,18}$/.test(at("seed").value);
      at("seed").classList.toggle("invalid", !right);
      if (right) this.draw();
    };
    at("fresh").onclick = () => {
      at("seed").value = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
      at("seed").oninput();
    };
    at("truncation").oninput = () => this.draw();
    at("reset").onclick = () => this.choose(this.chosen);
    at("save").onclick = () => this.save(this.image(this.shown, 0), `${document.title}-${this.seed}-${this.chosen}.png`);
    at("add").onclick = () => { this.path.push({ ...this.now, image: this.image(this.shown, 0) }); this.showPath(); };
    at("play").onclick = () => (this.playing ? this.stop() : this.play());
    at("where").oninput = () => { this.stop(); this.step(Number(at("where").value)); };
    await this.draw();
    for (const k of [0, 1, 2]) this.path.push({ ...this.pictures[k], image: this.image(this.drawn, k) });
    this.showPath();
  }

  askFor() {
    const { kind, labels, categories } = this.model, box = at("wishes");
    if (kind === "attributes") {
      box.setAttribute("aria-label", "Ask for");
      const hint = make("span", { className: "note", textContent: "Ask for" });
      box.replaceChildren(hint, ...labels.map((name, k) => {
        const chip = make("button", { type: "button", textContent: name });
        const tell = () => {
          const [state, words] = { null: ["any", "any"], 1: ["with", "with"], 0: ["without", "without"] }[this.wishes[k]];
          chip.dataset.state = state;
          chip.setAttribute("aria-label", `${name}: ${words}`);
          chip.title = `${name}: ${words}. A click asks for the next of with, without, any.`;
        };
        chip.onclick = () => {
          this.wishes[k] = { null: 1, 1: 0, 0: null }[this.wishes[k]];
          tell();
          this.draw();
        };
        tell();
        return chip;
      }));
    } else if (kind === "classes" || kind === "codes") {
      const names = kind === "classes" ? labels : Array.from({ length: categories }, (_, k) => `Code ${k}`);
      const chips = this.choices(["Any", ...names], 0, (k) => { this.wishes = k ? k - 1 : null; this.draw(); }, "Draw");
      box.replaceWith(Object.assign(chips, { id: "wishes" }));
    }
  }

  pictureOf(k) { // the latent and the labels of picture k of the seed
    const { kind, labels, latents, table, exclusive } = this.model;
    const latent = latentOf(this.seed, k, latents).map((value) => value * this.truncation);
    if (kind === "codes") return { latent: this.wishes === null ? latent : this.withCategory(latent, this.wishes) };
    if (kind === "plain") return { latent };
    const random = new Random(this.seed, k, LABELS);
    if (kind === "classes") {
      const drawn = random.below(labels.length), row = new Float32Array(labels.length);
      row[this.wishes ?? drawn] = 1;
      return { latent, labels: row };
    }
    const row = Float32Array.from(table[random.below(table.length)]);
    this.wishes.forEach((wish, label) => wish !== null && (row[label] = wish));
    const wished = Math.max(0, ...exclusive.map((label) => this.wishes[label] ?? 0));
    for (const label of exclusive) if (this.wishes[label] === null) row[label] *= 1 - wished;
    return { latent, labels: row };
  }

  withCategory(latent, category) { // swap the largest entry and the wanted one (InfoGANGenerator.with_codes)
    const found = latent.slice(), largest = this.categoryOf(latent);
    [found[largest], found[category]] = [latent[category], latent[largest]];
    return found;
  }

  categoryOf(latent) {
    const head = latent.subarray(0, this.model.categories);
    return head.indexOf(Math.max(...head));
  }

  async run(pictures) {
    const latents = new Float32Array(pictures.flatMap((picture) => [...picture.latent]));
    const inputs = { latents: [latents, [pictures.length, this.model.latents]] };
    if (pictures[0].labels) {
      const labels = new Float32Array(pictures.flatMap((picture) => [...picture.labels]));
      inputs.labels = [labels, [pictures.length, this.model.labels.length]];
    }
    return (await this.network.run(inputs)).images;
  }

  draw() {
    this.stop();
    return this.newest(async () => {
      this.seed = at("seed").value;
      this.truncation = Number(at("truncation").value);
      this.pictures = this.tiles.map((_, k) => this.pictureOf(k));
      this.drawn = await this.run(this.pictures);
      this.tiles.forEach((tile, k) => this.show(tile.firstChild, this.image(this.drawn, k)));
      at("status").textContent = `${COUNT} pictures of seed ${this.seed} in ${Math.round(this.network.milliseconds)} ms`;
      this.choose(this.chosen ?? 0);
    });
  }

  choose(k) {
    this.stop();
    this.mark(k);
    this.turn = (this.turn ?? 0) + 1; // ignore pictures that are still being drawn for another choice
    const { latent, labels } = this.pictures[k];
    this.now = { latent: latent.slice(), labels: labels?.slice() };
    this.present(this.drawn.slice(k * this.pixels, (k + 1) * this.pixels), `Picture ${k} of seed ${this.seed}`);
    this.offerChanges();
  }

  present(data, words) {
    this.shown = data;
    this.show(at("stage"), this.image(data, 0));
    at("stage").setAttribute("aria-label", words);
    at("one-title").textContent = words;
  }

  redraw() {
    this.stop();
    return this.newest(async () => {
      const { turn } = this, data = await this.run([this.now]);
      if (turn === this.turn) this.present(data, `Picture ${this.chosen} of seed ${this.seed}, changed`);
    });
  }

  offerChanges() {
    const { kind, labels, exclusive, categories, continuous } = this.model, { now } = this;
    if (kind === "attributes") {
      const box = this.sliders(labels, 0, 1, now.labels, (k, value) => {
        now.labels[k] = value;
        if (exclusive.includes(k)) { // hair has one colour: raising one lowers the others
          for (const other of exclusive) if (other !== k) now.labels[other] = Math.min(now.labels[other], 1 - value);
          box.inputs.forEach((input, other) => (input.value = now.labels[other]));
        }
        this.redraw();
      });
      at("changes").replaceChildren(box);
    } else if (kind === "classes") {
      const change = (k) => { now.labels.fill(0); now.labels[k] = 1; this.redraw(); };
      at("changes").replaceChildren(this.choices(labels, now.labels.indexOf(1), change, "Draw it as"));
    } else if (kind === "codes") {
      const names = Array.from({ length: categories }, (_, k) => `Code ${k}`);
      const change = (k) => { now.latent = this.withCategory(now.latent, k); this.redraw(); };
      const chips = this.choices(names, this.categoryOf(now.latent), change, "Draw it as");
      const free = Array.from({ length: continuous }, (_, k) => `Free code ${k + 1}`);
      const own = free.map((_, k) => 2 * share(now.latent[categories + k]) - 1);
      const box = this.sliders(free, -1, 1, own, (k, value) => {
        now.latent[categories + k] = quantile((value * 0.999 + 1) / 2);
        this.redraw();
      });
      at("changes").replaceChildren(chips, box);
    } else {
      at("changes").replaceChildren();
    }
  }

  showPath() {
    at("path").replaceChildren(...this.path.map((picture, k) => {
      const canvas = make("canvas", { width: this.width, height: this.height });
      this.show(canvas, picture.image);
      const remove = make("button", { type: "button", textContent: "×" });
      remove.setAttribute("aria-label", `Take picture ${k + 1} out of the walk`);
      remove.onclick = () => { this.stop(); this.path.splice(k, 1); this.showPath(); at("path").querySelector("button")?.focus(); };
      return make("li", {}, canvas, remove);
    }));
    at("play").disabled = at("where").disabled = this.path.length < 2;
  }

  step(place) { // 0..1: from the first picture of the walk through all others back to the first
    const count = this.path.length, way = Math.min(place, 0.999999) * count, leg = Math.floor(way), t = way - leg;
    const [a, b] = [this.path[leg], this.path[(leg + 1) % count]];
    return this.newest(async () => {
      const latent = slerp(a.latent, b.latent, t), labels = a.labels && lerp(a.labels, b.labels, t);
      const { turn } = this, data = await this.run([{ latent, labels }]);
      if (turn !== this.turn) return;
      this.now = { latent, labels };
      this.present(data, `On the way from ${leg + 1} to ${(leg + 1) % count + 1}`);
    });
  }

  async play() {
    if (this.path.length < 2) return;
    this.playing = true;
    at("play").textContent = "Stop";
    let last = performance.now();
    while (this.playing) {
      const now = performance.now();
      at("where").value = (Number(at("where").value) + (now - last) / 2500 / this.path.length) % 1;
      last = now;
      await this.step(Number(at("where").value));
      await new Promise(requestAnimationFrame);
    }
  }

  stop() {
    this.playing = false;
    at("play").textContent = "Play";
  }
}

// The page of an editor: a generated face or your own photo, and a slider for each attribute.
class Editor extends Page {
  async start() {
    for (const id of ["draw", "wishes", "walk", "add"]) at(id).hidden = true;
    at("open").hidden = at("before").hidden = false;
    at("seeds").textContent = "The faces to begin with were drawn when this page was made; they are of nobody.";
    at("pictures-title").textContent = "Faces of nobody";
    this.thumbnails((k) => `Face ${k + 1}`);
    const sheet = await createImageBitmap(await (await fetch("faces.png")).blob());
    this.faces = this.tiles.map((tile, k) => {
      const context = tile.firstChild.getContext("2d", { willReadFrequently: true });
      context.drawImage(sheet, -k * this.width, 0);
      return context.getImageData(0, 0, this.width, this.height);
    });
    const box = this.sliders(this.model.labels, -this.model.most, this.model.most, this.model.labels.map(() => 0), (k, value) => {
      const { exclusive } = this.model;
      if (exclusive.includes(k) && value > 0) { // a head has one of them
        for (const other of exclusive) if (other !== k && box.inputs[other].value > 0) box.inputs[other].value = 0;
      }
      this.edit();
    });
    at("changes").replaceChildren(box);
    this.box = box;
    at("reset").onclick = () => this.clear();
    at("save").onclick = () => this.save(this.edited, `${document.title}-edited.png`);
    const look = (before) => () => {
      at("tag").hidden = !before;
      at("tag").textContent = "Before";
      this.show(at("stage"), before ? this.face : this.edited);
    };
    Object.assign(at("before"), { onpointerdown: look(true), onpointerup: look(false), onpointerleave: look(false), onblur: look(false) });
    at("before").onkeydown = (event) => event.key === " " && look(true)();
    at("before").onkeyup = look(false);
    at("before").title = "Hold to see it as it was";
    at("photo").onchange = () => at("photo").files[0] && this.open(at("photo").files[0]);
    this.framing();
    await this.choose(0);
  }

  choose(k) {
    this.mark(k);
    at("crop").hidden = true;
    this.photo = null;
    this.face = this.faces[k];
    return this.clear();
  }

  clear() {
    this.box.inputs.forEach((input) => (input.value = 0));
    return this.edit();
  }

  edit() {
    this.box.tell();
    return this.newest(async () => {
      const { face, pixels } = this, plane = this.width * this.height, images = new Float32Array(pixels);
      for (let k = 0; k < pixels; k++) images[k] = face.data[(k % plane) * 4 + Math.floor(k / plane)] / 127.5 - 1;
      const changes = Float32Array.from(this.box.inputs, (input) => Number(input.value));
      const found = await this.network.run({ images: [images, [1, ...this.model.shape]], changes: [changes, [1, changes.length]] });
      this.edited = this.image(found.edited, 0);
      this.show(at("stage"), this.edited);
      if (this.photo) this.oval();
      const seen = this.model.labels.filter((_, k) => found.shown[k] > 0.5).map((name) => name.toLowerCase());
      const words = `The network sees: ${seen.join(", ") || "none of its attributes"}`;
      at("status").textContent = `${words}. An edit takes ${Math.round(this.network.milliseconds)} ms.`;
      at("stage").setAttribute("aria-label", `${this.photo ? "Your photo" : `Face ${this.chosen + 1}`}, edited`);
      at("one-title").textContent = this.photo ? "Your photo" : `Face ${this.chosen + 1}`;
    });
  }

  async open(file) {
    try {
      this.photo = await createImageBitmap(file);
    } catch {
      at("status").textContent = "This file is no picture that this browser can open; choose another.";
      return;
    }
    this.mark(-1);
    at("zoom").value = 1;
    this.middle = [this.photo.width / 2, this.photo.height / 2];
    at("crop").hidden = false;
    this.frame();
  }

  frame() { // cut the square out of the photo
    const side = Math.min(this.photo.width, this.photo.height) / at("zoom").value;
    this.middle = this.middle.map((value, k) => {
      const most = k ? this.photo.height : this.photo.width;
      return Math.min(Math.max(value, side / 2), most - side / 2);
    });
    const context = this.small.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(this.photo, this.middle[0] - side / 2, this.middle[1] - side / 2, side, side, 0, 0, this.width, this.height);
    this.face = context.getImageData(0, 0, this.width, this.height);
    this.moving = true;
    clearTimeout(this.settled);
    this.settled = setTimeout(() => { this.moving = false; this.edit(); }, 700);
    this.edit();
  }

  framing() {
    const stage = at("stage");
    const move = (across, down) => {
      const side = Math.min(this.photo.width, this.photo.height) / at("zoom").value;
      this.middle = [this.middle[0] + across * side, this.middle[1] + down * side];
      this.frame();
    };
    stage.tabIndex = 0;
    stage.onkeydown = (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!this.photo || !way) return;
      event.preventDefault();
      move(way[0] / 50, way[1] / 50);
    };
    stage.onpointermove = (event) => {
      if (this.photo && event.buttons) move(-event.movementX / stage.clientWidth, -event.movementY / stage.clientHeight);
    };
    at("zoom").oninput = () => this.frame();
  }

  oval() { // where the editor expects the head (gan_models.networks.compositing.HEAD)
    if (!this.moving) return;
    const context = at("stage").getContext("2d"), size = at("stage").width;
    context.lineWidth = 3;
    context.strokeStyle = "#fffc";
    context.setLineDash([12, 10]);
    context.beginPath();
    context.ellipse(0.5 * size, 0.57 * size, 0.453 * size * 0.8, 0.609 * size * 0.8, 0, 0, 2 * Math.PI);
    context.stroke();
  }
}

function trouble(error) {
  const words = `This did not work: ${error.message}. Load the page anew; if it stays, use a newer browser.`;
  at("loading").hidden = false;
  at("loading").className = "trouble";
  at("loading").textContent = words;
}

async function begin() {
  const model = JSON.parse(at("model").textContent), network = new Network();
  at("late").hidden = true;
  try {
    await network.load("model.onnx", (share) => share === undefined || (at("progress").value = share));
    at("app").hidden = false;
    const page = window.page = model.part === "edit" ? new Editor(model, network) : new Generator(model, network);
    await page.start();
    at("loading").hidden = true;
    document.body.dataset.ready = "yes";
  } catch (error) {
    trouble(error);
  }
}

if (typeof document !== "undefined") begin();
else if (typeof WorkerGlobalScope !== "undefined") work();
