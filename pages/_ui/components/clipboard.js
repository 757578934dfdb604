// Copies the address of the page; where the browser forbids the clipboard, shows the address to copy by hand.
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const said = parentElement.querySelector("span");
  button.textContent = data.label;
  button.onclick = async () => {
    const link = new URL(window.location.href);
    if (data.focus) link.searchParams.set("focus", "1");
    try {
      await navigator.clipboard.writeText(link.href);
      said.textContent = "Copied";
    } catch {
      said.textContent = link.href;
    }
    setTimeout(() => { if (said.textContent === "Copied") said.textContent = ""; }, 2000);
  };
}
