// The page's address as a QR code, fetched when it is asked for. It is of no use where only this machine can open it.
(() => {
  const OWN = /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/;
  document.documentElement.toggleAttribute("data-only-here", OWN.test(location.hostname));
  document.addEventListener("toggle", ({ target }) => {
    if (!target.matches?.("details.qr-code") || !target.open) return;
    const address = location.origin + location.pathname, code = target.querySelector("img");
    target.querySelector("p").textContent = address;
    code.alt = `QR code of ${address}`;
    code.src = "qr.svg";
  }, true);
})();
