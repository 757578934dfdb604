// A canvas that is drawn on in the theme's text colour; its opacity is the ink that Python reads.

const KEEP = 20; // strokes that can be undone
const pads = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!pads.has(parentElement)) pads.set(parentElement, new Pad(parentElement, data));
  pads.get(parentElement).show(data, (png) => setStateValue("png", png));
}

class Pad {
  constructor(parent, { size, png }) {
    this.canvas = parent.querySelector("canvas");
    this.canvas.width = this.canvas.height = size;
    this.canvas.style.width = `${size}px`;
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.history = [];
    this.strokes = 0;
    this.cursor = { x: size / 2, y: size / 2, down: false };
    if (png) this.restore(png);
    const on = (name, act) => this.canvas.addEventListener(name, act);
    on("pointerdown", (event) => this.begin(event));
    on("pointermove", (event) => this.drawing && event.getCoalescedEvents().concat(event).forEach((e) => this.line(this.point(e))));
    for (const end of ["pointerup", "pointercancel"]) on(end, () => this.finish());
    on("keydown", (event) => this.key(event));
    on("blur", () => this.lift());
    parent.querySelector(".clear").onclick = () => this.clear();
    parent.querySelector(".undo").onclick = () => this.undo();
  }

  show({ size, label }, report) {
    this.size = size;
    this.report = report;
    this.canvas.ariaLabel = label;
    this.colour = getComputedStyle(this.canvas).getPropertyValue("--st-text-color").trim();
    this.pen.globalCompositeOperation = "source-in"; // the theme may have changed: the ink takes its colour
    this.pen.fillStyle = this.colour;
    this.pen.fillRect(0, 0, size, size);
    this.pen.globalCompositeOperation = "source-over";
  }

  restore(png) {
    const image = new Image();
    image.onload = () => this.pen.drawImage(image, 0, 0);
    image.src = png;
    this.strokes = 1;
  }

  point({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((clientX - box.left) * this.size) / box.width, y: ((clientY - box.top) * this.size) / box.height };
  }

  begin(event) {
    if (event.button > 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.start(this.point(event));
  }

  start(at) {
    this.history.push({ picture: this.pen.getImageData(0, 0, this.size, this.size), strokes: this.strokes });
    if (this.history.length > KEEP) this.history.shift();
    this.strokes += 1;
    this.drawing = true;
    this.last = at;
    this.line(at);
  }

  line(to) {
    Object.assign(this.pen, { strokeStyle: this.colour, lineWidth: this.size / 13, lineCap: "round", lineJoin: "round" });
    this.pen.beginPath();
    this.pen.moveTo(this.last.x, this.last.y);
    this.pen.lineTo(to.x + 0.01, to.y); // a point draws a dot
    this.pen.stroke();
    this.last = to;
  }

  finish() {
    if (!this.drawing) return;
    this.drawing = false;
    this.send();
  }

  send() { this.report(this.strokes ? this.canvas.toDataURL("image/png") : null); }

  undo() {
    const before = this.history.pop();
    if (!before) return;
    this.pen.putImageData(before.picture, 0, 0);
    this.strokes = before.strokes;
    this.send();
  }

  clear() {
    if (!this.strokes) return;
    this.history.push({ picture: this.pen.getImageData(0, 0, this.size, this.size), strokes: this.strokes });
    this.pen.clearRect(0, 0, this.size, this.size);
    this.strokes = 0;
    this.send();
  }

  key(event) {
    const step = this.size / 28, { cursor } = this;
    const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key] ?? [0, 0];
    if (!dx && !dy && event.key !== " ") return;
    event.preventDefault();
    if (event.key === " ") return cursor.down ? this.lift() : this.lower();
    cursor.x = Math.min(Math.max(cursor.x + dx, 0), this.size);
    cursor.y = Math.min(Math.max(cursor.y + dy, 0), this.size);
    if (cursor.down) this.line({ ...cursor });
  }

  lower() {
    this.cursor.down = true;
    this.start({ ...this.cursor });
  }

  lift() {
    if (!this.cursor.down) return;
    this.cursor.down = false;
    this.finish();
  }
}
