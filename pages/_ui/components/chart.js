// A Plotly figure on one DOM node for as long as the chart is on the page: zoom, camera and legend survive new data.

import { position, follow } from "./films.js";
import { decode, picture } from "./figure.js";
import { plotly } from "./plotly.js";
import { background, template } from "./theme.js";
import { save } from "./export.js";

const CONFIG = { displayModeBar: false, displaylogo: false, responsive: false, doubleClick: "reset+autosize", showTips: false };
const SOLID = new Set(["surface", "mesh3d", "scatter3d", "cone", "streamtube", "isosurface", "volume"]);
const charts = new WeakMap();
const nextFrame = () => new Promise(requestAnimationFrame);

const near = (element) => new Promise((resolve) => {
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    resolve();
  }, { rootMargin: "300px" });
  seen.observe(element);
});

// A solid takes a browser without a graphics card seconds, in which nothing else is drawn: the flat pictures of the page go first.
const FLAT_WAITING = ".gn-chart[data-state=loading]:not([data-solid], .gn-still)";
const flatOnesFirst = async (patience = 3000) => {
  const end = performance.now() + patience;
  while (document.querySelector(FLAT_WAITING) && performance.now() < end) await nextFrame();
};

// Streamlit calls this again whenever data or theme change, and the cleanup of an overtaken call at any time: only the
// newest call's cleanup means that the chart has left the page.
export default function ({ data, parentElement, setTriggerValue }) {
  if (!charts.has(parentElement)) charts.set(parentElement, new Chart(parentElement));
  const chart = charts.get(parentElement);
  const call = chart.show(data, setTriggerValue);
  return () => {
    if (call !== chart.calls) return;
    charts.delete(parentElement);
    chart.close();
  };
}

class Chart {
  constructor(parent) {
    this.root = parent.querySelector(".gn-chart");
    this.plot = parent.querySelector(".gn-plot");
    this.note = parent.querySelector(".gn-note");
    this.calls = 0;
    this.views = 0;
    this.stopFollowing = () => {};
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.plot);
    parent.querySelector(".gn-tools").onclick = (event) => this.use(event.target.closest("button")?.dataset.tool);
  }

  show(data, click) {
    if (data.figure !== this.data?.figure) this.figure = { ...data.figure, data: decode(data.figure.data) };
    if (data.film !== this.data?.film) {
      this.stopFollowing();
      this.stopFollowing = data.film ? follow(data.film, () => this.draw()) : () => {};
    }
    this.data = data;
    this.click = click;
    this.words();
    this.draw();
    return ++this.calls;
  }

  words() {
    const { alt, caption, height, minWidth, still } = this.data;
    this.root.classList.toggle("gn-still", still);
    this.root.style.setProperty("--gn-height", `${height}px`);
    this.root.style.setProperty("--gn-min-width", `${minWidth}px`);
    this.plot.setAttribute("aria-label", alt);
    this.root.querySelector("details").hidden = !caption;
    this.root.querySelector("details div").textContent = caption;
  }

  // However often it is asked, it draws at most once a frame, and the newest state last.
  draw() {
    this.stale = true;
    this.drawing ??= this.drawAll().finally(() => { this.drawing = null; });
  }

  async drawAll() {
    try {
      if (this.root.toggleAttribute("data-solid", this.figure.data.some((trace) => SOLID.has(trace.type)))) await flatOnesFirst();
      this.adopt(await plotly(this.data.plotly));
      while (this.stale && !this.closed) {
        await nextFrame();
        if (this.closed) return;
        this.stale = false;
        await this.drawOnce(this.library);
        this.root.dataset.state = "ready";
      }
    } catch (problem) {
      console.warn(problem);
      this.note.textContent = problem.message.startsWith("The drawing") ? problem.message : "This picture could not be drawn.";
      this.root.dataset.state = "failed";
    }
  }

  // A picture that turns into a solid moves to the build of plotly.js that can draw it.
  adopt(library) {
    if (this.library && this.library !== library) {
      this.library.purge(this.plot);
      this.listening = false;
    }
    this.library = library;
  }

  async drawOnce(Plotly) {
    const { data, layout } = this.now();
    if (this.data.still) return this.drawStill(Plotly, data, layout);
    await Plotly.react(this.plot, data, layout, CONFIG);
    if (this.listening) return;
    this.listening = true;
    this.plot.on("plotly_click", (event) => this.data.clickable && this.report(event.points?.[0]));
  }

  // A thumbnail is an image, drawn when it comes near the screen: a page may hold dozens, and a browser only 16 WebGL canvases.
  async drawStill(Plotly, data, layout) {
    await near(this.plot);
    const { clientWidth: width, clientHeight: height } = this.plot;
    const image = new Image();
    image.alt = "";
    image.src = await Plotly.toImage({ data, layout, config: { staticPlot: true } }, { format: "svg", width, height });
    this.plot.replaceChildren(image);
  }

  // The figure at the film's position in the page's theme. A finger scrolls the page, so it drags nothing but a solid.
  now() {
    const { data, layout } = picture(this.figure, this.data.film ? position(this.data.film) : null);
    const solid = data.some((trace) => SOLID.has(trace.type));
    const dragmode = !solid && matchMedia("(pointer: coarse)").matches ? { dragmode: false } : {};
    const view = { uirevision: `${layout.uirevision ?? "keep"}/${this.views}`, template: template(this.root), autosize: true };
    return { data, layout: { ...layout, ...dragmode, ...view } };
  }

  report(point) {
    if (!point) return;
    const plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value) : value ?? null);
    const { curveNumber: trace, data, x, y, z, customdata } = point;
    const index = point.pointNumber ?? point.pointNumbers?.[0] ?? null;
    const place = data.type === "surface" ? [index[1], index[0]] : index; // Plotly says column, row for surfaces alone
    this.click("click", { trace, point: plain(place), x: plain(x), y: plain(y), z: plain(z), customdata: plain(customdata) });
  }

  resize() {
    if (this.root.dataset.state !== "ready" || !this.plot.clientWidth) return;
    if (this.data.still) this.draw();
    else this.library.Plots.resize(this.plot);
  }

  async use(tool) {
    if (!tool || this.root.dataset.state !== "ready") return;
    if (tool === "reset") return this.reset();
    await save(tool, { chart: this, at: this.data.film ? position(this.data.film) : null, background: background(this.root) });
  }

  // Plotly keeps what the user did as long as `uirevision` stays the same.
  reset() {
    this.views += 1;
    this.draw();
  }

  close() {
    this.closed = true;
    this.stopFollowing();
    this.resized.disconnect();
    const canvases = [...this.plot.querySelectorAll("canvas")];
    this.library?.purge(this.plot);
    for (const canvas of canvases) canvas.getContext("webgl")?.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
