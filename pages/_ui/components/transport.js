// The transport bar over a film: it moves the film in the browser, and tells Python only where it came to rest.

import { follow, move, position } from "./films.js";

const REST = 400; // ms without a move before Python hears of it
const CAPTION_PACE = 1400; // ms for a step that has something to read, at speed 1
const FILM_LENGTH = 8000; // ms for a whole film without words, at speed 1
const bars = new WeakMap();
const serials = new Map(); // film -> the serial last followed: a page that lays itself out anew makes a new bar

// See chart.js: the cleanup of an overtaken call must not close the bar.
export default function ({ data, parentElement, setStateValue }) {
  if (!bars.has(parentElement)) bars.set(parentElement, new Bar(parentElement));
  const bar = bars.get(parentElement);
  const call = bar.show(data, setStateValue);
  return () => {
    if (call !== bar.calls) return;
    bars.delete(parentElement);
    bar.close();
  };
}

class Bar {
  constructor(parent) {
    const find = (selector) => parent.querySelector(selector);
    this.root = find(".bar");
    this.slider = find("input");
    this.speed = find("select");
    this.where = find(".where");
    this.caption = find(".caption");
    this.button = Object.fromEntries([...this.root.querySelectorAll("button")].map((b) => [b.dataset.do, b]));
    this.calls = 0;
    this.playing = false;
    this.stopFollowing = () => {};
    this.resized = new ResizeObserver(() => this.reserve());
    this.resized.observe(this.root);
    this.slider.oninput = () => this.jump(Number(this.slider.value));
    this.root.onclick = (event) => this.press(event.target.closest("button")?.dataset.do);
    this.root.onkeydown = (event) => this.key(event);
  }

  get at() { return Math.min(position(this.data.film) ?? 0, this.last); }

  show(data, report) {
    const { film, at, serial } = data;
    const fresh = !this.data || this.data.film !== film;
    const sent = (serials.get(film) ?? serial) !== serial;
    serials.set(film, serial);
    this.data = data;
    this.report = report;
    this.last = data.steps.length - 1;
    this.drawn = null;
    if (fresh) {
      this.stopFollowing();
      this.stopFollowing = follow(film, () => this.moved());
    }
    if (sent) this.pause();
    if (sent || position(film) === null) this.told = at;
    move(film, sent ? at : Math.min(position(film) ?? at, this.last));
    this.paint();
    this.reserve();
    return ++this.calls;
  }

  jump(step) {
    this.pause();
    move(this.data.film, Math.max(0, Math.min(step, this.last)));
  }

  press(what) {
    if (what === "play") this.playing ? this.pause() : this.play();
    else if (what) this.jump({ first: 0, back: this.at - 1, next: this.at + 1, last: this.last }[what]);
  }

  // Space plays and pauses, unless it presses the button that has the focus.
  key(event) {
    const native = event.target.matches("select") || event.altKey || event.ctrlKey || event.metaKey;
    const what = { ArrowLeft: "back", ArrowRight: "next", ArrowDown: "back", ArrowUp: "next", Home: "first", End: "last", " ": "play" }[event.key];
    if (native || !what || (what === "play" && event.target.matches("button"))) return;
    event.preventDefault();
    this.press(what);
  }

  play() {
    if (this.last < 1) return;
    if (this.at === this.last) move(this.data.film, 0);
    this.playing = true;
    this.due = performance.now() + this.pace();
    this.paint();
    requestAnimationFrame((now) => this.tick(now));
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.paint();
    this.rest();
  }

  // A step with words is never skipped; a film without words keeps its pace even where drawing is slow.
  tick(now) {
    if (!this.playing) return;
    if (now >= this.due) {
      const late = this.wordy() ? 1 : 1 + Math.floor((now - this.due) / this.pace());
      this.due = this.wordy() ? now + this.pace() : this.due + late * this.pace();
      move(this.data.film, Math.min(this.at + late, this.last));
      if (this.at === this.last) return this.pause();
    }
    requestAnimationFrame((time) => this.tick(time));
  }

  wordy() { return this.data.steps.some((step) => step.text || step.math.length); }

  pace() { return (this.wordy() ? CAPTION_PACE : Math.max(40, Math.min(500, FILM_LENGTH / this.last))) / Number(this.speed.value); }

  moved() {
    this.paint();
    this.rest();
  }

  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.playing || this.at === this.told) return;
      this.told = this.at;
      this.report("rested", { step: this.at, serial: this.data.serial });
    }, REST);
  }

  paint() {
    const step = this.data.steps[this.at];
    this.root.classList.toggle("playing", this.playing);
    this.root.ariaLabel = `Steps of ${this.data.film}`;
    this.button.play.ariaLabel = this.playing ? "Pause" : "Play";
    this.button.first.disabled = this.button.back.disabled = this.at === 0;
    this.button.next.disabled = this.button.last.disabled = this.at === this.last;
    this.slider.max = this.last;
    this.slider.value = this.at;
    this.slider.style.setProperty("--done", `${this.last ? (100 * this.at) / this.last : 0}%`);
    this.slider.ariaValueText = `${this.at + 1} of ${this.last + 1}: ${step?.title ?? ""}`;
    this.where.replaceChildren(`step ${this.at + 1} of ${this.last + 1}: `, bold(step?.title ?? ""));
    this.caption.ariaLive = this.playing ? "off" : "polite";
    if (this.drawn === this.at) return;
    this.drawn = this.at;
    this.caption.replaceChildren(...words(step));
  }

  // Room for the longest caption, so that nothing below moves while the film plays.
  reserve() {
    const { steps } = this.data;
    const longest = (size) => steps.reduce((best, step) => (size(step) > size(best) ? step : best), steps[0]);
    const tallest = new Set([(s) => s.text.length, (s) => s.math.length, (s) => s.math.join("").length].map(longest));
    const probe = this.caption.cloneNode();
    Object.assign(probe.style, { visibility: "hidden", position: "absolute", minHeight: "0", width: `${this.caption.clientWidth}px` });
    probe.ariaLive = "off";
    this.caption.after(probe);
    const heights = [...tallest].map((step) => (probe.replaceChildren(...words(step)), probe.offsetHeight));
    probe.remove();
    this.caption.style.minHeight = `${Math.max(0, ...heights)}px`;
  }

  close() {
    this.playing = false;
    clearTimeout(this.resting);
    this.stopFollowing();
    this.resized.disconnect();
  }
}

function bold(text) {
  const b = document.createElement("b");
  b.textContent = text;
  return b;
}

// The caption of a step. MathML is parsed as XML: whatever else might stand in it stays inert.
function words({ text, math }) {
  const p = document.createElement("p");
  p.textContent = text;
  const parser = new DOMParser();
  return [...(text ? [p] : []), ...math.map((markup) => document.importNode(parser.parseFromString(markup, "application/xml").documentElement, true))];
}
