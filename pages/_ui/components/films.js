// Where each film on this page stands. A transport bar moves a film; every chart that names it listens and follows.
// A film outlives its last listener for a moment, so that a chart that Streamlit mounts anew finds its place again.

const films = new Map(); // name -> { at, listeners }
const MEMORY = 1000; // ms

function open(name) {
  if (!films.has(name)) films.set(name, { at: null, listeners: new Set() });
  return films.get(name);
}

// The step at which the film stands; null while no transport bar has said so.
export const position = (name) => films.get(name)?.at ?? null;

// Call `listener(step)` on every move. Returns the function that stops this.
export function follow(name, listener) {
  const film = open(name);
  film.listeners.add(listener);
  return () => {
    film.listeners.delete(listener);
    setTimeout(() => { if (!film.listeners.size && films.get(name) === film) films.delete(name); }, MEMORY);
  };
}

export function move(name, step) {
  const film = open(name);
  if (film.at === step) return;
  film.at = step;
  for (const listener of [...film.listeners]) listener(step);
}
