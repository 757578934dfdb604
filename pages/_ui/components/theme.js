// Streamlit's theme as a Plotly template: it colours whatever a figure leaves open, and a figure's own words win.

const value = (style, name) => style.getPropertyValue(`--st-${name}`).trim();

const BARS = ["heatmap", "contour", "surface", "histogram2d"]; // trace types with a colour bar of their own

export function template(element) {
  const style = getComputedStyle(element);
  const text = value(style, "text-color"), line = value(style, "border-color");
  const panel = value(style, "secondary-background-color"), clear = "rgba(0,0,0,0)";
  const family = value(style, "font") || "sans-serif", digits = ".4~g";
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, tickcolor: line, automargin: true, tickfont: { size: 12 }, title: { standoff: 8, font: { size: 13 } } };
  const wall = { ...axis, showbackground: false, color: text, hoverformat: digits };
  const colorbar = { thickness: 12, outlinewidth: 0, tickfont: { size: 11 }, title: { side: "right", font: { size: 12 } }, ticks: "" };
  return {
    layout: {
      font: { color: text, family, size: 13 },
      title: { font: { size: 14 }, x: 0, xref: "paper", xanchor: "left", y: 1, yref: "container", yanchor: "top", pad: { t: 4 } },
      paper_bgcolor: clear, plot_bgcolor: clear,
      hoverlabel: { bgcolor: panel, bordercolor: line, font: { color: text, family, size: 12 } },
      xaxis: axis, yaxis: axis, scene: { xaxis: wall, yaxis: wall, zaxis: wall }, coloraxis: { colorbar },
      margin: { l: 56, r: 16, t: 28, b: 48 }, uirevision: "keep",
    },
    data: {
      ...Object.fromEntries(BARS.map((type) => [type, [type === "surface" ? { colorbar } : { colorbar, zhoverformat: digits }]])),
      ...Object.fromEntries(["scatter", "scatter3d", "bar"].map((type) => [type, [{ marker: { colorbar } }]])),
    },
  };
}

export const background = (element) => value(getComputedStyle(element), "background-color");
