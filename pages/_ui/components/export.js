// A chart as a file: PNG and SVG as it stands on the page, HTML with its film, its words and plotly.js inside.

export async function save(kind, { chart, at, background }) {
  const name = chart.data.name;
  if (kind === "html") return offer(`${name}.html`, new Blob([await standalone(chart, at, background)], { type: "text/html" }));
  const { data, layout, clientWidth: width, clientHeight: height } = chart.plot;
  const opaque = { ...layout, paper_bgcolor: background };
  await chart.library.downloadImage({ data, layout: opaque }, { format: kind, filename: name, width, height, scale: kind === "png" ? 2 : 1 });
}

function offer(filename, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: filename });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// One file that needs nothing else: it may be opened years later without a network.
async function standalone(chart, at, background) {
  const text = async (address) => (await fetch(address)).text();
  const library = await text(new URL(chart.data.plotly, document.baseURI));
  const figure = (await text(new URL("figure.js", import.meta.url))).replace(/^export /gm, "");
  const { title, alt, words, height, figure: content } = chart.data;
  const { color, family } = chart.plot._fullLayout.font;
  const json = (value) => JSON.stringify(value).replaceAll("<", "\\u003c");
  const escape = (words) => words.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  const last = content.frames.length - 1;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title>
<style>body { font: 15px/1.5 ${family.replace(/[<>{}]/g, "")}, sans-serif; max-width: 60rem; margin: 1rem auto; padding: 0 1rem; color: ${color}; background: ${background} }
h1 { font-size: 1.3rem } input { width: 100% } p { white-space: pre-line }</style></head>
<body><h1>${escape(title)}</h1><div id="plot" role="img" aria-label="${escape(alt)}" style="height:${height}px"></div>
<label id="film"${last < 1 ? " hidden" : ""}>Step <output></output><input type="range" min="0" max="${last}" value="${at ?? 0}"></label>
<p>${escape(words)}</p>
<script>${library}</script>
<script>
${figure}
const sent = ${json(content)}, look = ${json(chart.plot._fullLayout.template)};
const figure = { ...sent, data: decode(sent.data) }, slider = document.querySelector("input");
function draw() {
  const { data, layout } = picture(figure, figure.frames.length ? Number(slider.value) : null);
  document.querySelector("output").textContent = Number(slider.value) + 1 + " of " + figure.frames.length;
  Plotly.react("plot", data, { ...layout, template: look }, { displaylogo: false, responsive: true });
}
slider.oninput = draw;
draw();
</script></body></html>`;
}
