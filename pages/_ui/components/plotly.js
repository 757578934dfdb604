// plotly.js, loaded once for the page: by the tag that the server put into the page's head, else when a chart first asks.

let loading = null;

export function plotly(address) {
  loading ??= window.Plotly ? Promise.resolve(window.Plotly) : new Promise((resolve, reject) => {
    const script = document.querySelector("script[data-glassnet=plotly]") ?? document.createElement("script");
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = null; // the next chart may try again
      script.remove();
      reject(new Error("The drawing library could not be loaded; reload the page to try again."));
    };
    if (script.isConnected) return;
    script.src = new URL(address, document.baseURI).href;
    document.head.append(script);
  });
  return loading;
}
