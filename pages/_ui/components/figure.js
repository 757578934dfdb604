// A figure as Python sent it (core/plots/encode.py) turned into what Plotly draws. No page, no theme, no network here:
// the standalone HTML file carries this very text.

const ARRAYS = {
  i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array,
  f4: Float32Array, f8: Float64Array,
};
const QUANTA = 254, NAN_CODE = 255;

const isPlain = (value) => value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;

// Every {dtype, bdata, shape} inside `value` as a typed array (a list of rows if it has rows).
// Decoded once: Plotly sees from an array's identity that it has not changed.
export function decode(value) {
  if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map(decode);
  if (!isPlain(value)) return value;
  if (typeof value.bdata === "string") return decodeArray(value);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, decode(part)]));
}

function decodeArray({ dtype, bdata, shape, scale }) {
  const text = atob(bdata), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const codes = new ARRAYS[dtype](bytes.buffer);
  const flat = scale ? dequantise(codes, ...scale) : codes;
  return rows(flat, shape ? shape.split(",").map(Number) : [flat.length]);
}

function dequantise(codes, low, high) {
  const values = new Float32Array(codes.length), quantum = (high - low) / QUANTA;
  for (let i = 0; i < codes.length; i++) values[i] = codes[i] === NAN_CODE ? NaN : low + codes[i] * quantum;
  return values;
}

function rows(flat, [first, ...rest]) {
  if (!rest.length) return flat;
  const size = rest.reduce((a, b) => a * b, 1);
  return Array.from({ length: first }, (_, i) => rows(flat.subarray(i * size, (i + 1) * size), rest));
}

// A copy whose containers may be written to (Plotly writes ranges and visibility into what it is given); arrays of
// numbers are not copied.
function fresh(value) {
  if (Array.isArray(value)) return isPlain(value[0]) ? value.map(fresh) : value;
  return isPlain(value) ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fresh(part)])) : value;
}

export function merge(base, over) {
  const out = { ...base };
  for (const [name, value] of Object.entries(over)) {
    out[name] = isPlain(value) && isPlain(out[name]) ? merge(out[name], value) : value;
  }
  return out;
}

// The figure at step `at` of its film: frame k is laid over the figure itself, not over frame k - 1.
export function picture({ data, layout, frames }, at) {
  const traces = data.map(fresh);
  const frame = at === null || !frames.length ? null : frames[Math.min(Math.max(at, 0), frames.length - 1)];
  if (!frame) return { data: traces, layout: fresh(layout) };
  frame.decoded ??= decode(frame.data);
  frame.traces.forEach((trace, i) => { traces[trace] = merge(traces[trace], fresh(frame.decoded[i])); });
  return { data: traces, layout: fresh(merge(layout, frame.layout)) };
}
