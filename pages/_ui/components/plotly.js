// plotly.js, loaded once for the page when the first chart asks for it.

let loading = null;

export function plotly(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(address, document.baseURI).href;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = null; // the next chart may try again
      script.remove();
      reject(new Error("The drawing library could not be loaded; reload the page to try again."));
    };
    document.head.append(script);
  });
  return loading;
}
