// plotly.js, each build loaded once for the page: the small one by the tag that the server put into the page's head, else
// when a chart first asks. Both builds call themselves window.Plotly, so a script keeps what it brought as `library`.

const loading = new Map();

export function plotly(address) {
  const url = new URL(address, document.baseURI).href;
  if (!loading.has(url)) loading.set(url, load(url));
  return loading.get(url);
}

function load(url) {
  const script = [...document.querySelectorAll("script[data-glassnet=plotly]")].find((tag) => tag.src === url) ?? document.createElement("script");
  return script.library ?? new Promise((resolve, reject) => {
    script.onload = () => resolve(script.library = window.Plotly);
    script.onerror = () => {
      loading.delete(url); // the next chart may try again
      script.remove();
      reject(new Error("The drawing library could not be loaded; reload the page to try again."));
    };
    if (script.isConnected) return;
    script.src = url;
    document.head.append(script);
  });
}
