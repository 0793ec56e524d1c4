// hx-swap="morph": make an element like its new version and keep every node that stays, and with it focus,
// half-typed words, open folds, scroll positions and text that streams in. What has data-stays (an answer to what the
// reader did) stays until the reader's next try.
(() => {
  "use strict";

  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");

  function attributes(old, fresh) {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  function drop(node) {
    if (!node.dataset || node.dataset.stays === undefined) node.remove();
  }

  function children(old, fresh) {
    let place = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      let found = place;
      while (found && !alike(found, wanted)) found = found.nextSibling;
      if (found && (wanted.id || found === place)) {
        // What stands between has no counterpart here; it is dropped unless it has an id that comes later.
        while (place !== found) {
          const gone = place;
          place = place.nextSibling;
          if (gone.id && [...fresh.childNodes].some((node) => node.id === gone.id)) old.append(gone);
          else drop(gone);
        }
        place = found.nextSibling;
        morph(found, wanted);
      } else {
        old.insertBefore(wanted, place);
      }
    }
    while (place) {
      const gone = place;
      place = place.nextSibling;
      drop(gone);
    }
  }

  function morph(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    const streaming = old.dataset.stream !== undefined && old.dataset.turn === fresh.dataset.turn;
    attributes(old, fresh);
    if (old.nodeName === "TEXTAREA" || streaming) return; // what is being typed, or said, stays
    if (old.isEqualNode(fresh)) return;
    children(old, fresh);
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.nodeName !== "FORM") return;
    for (const old of event.detail.target.querySelectorAll("[data-stays]")) old.remove();
  });

  htmx.defineExtension("morph", {
    isInlineSwap: (style) => style === "morph",
    handleSwap: (style, target, fragment) => {
      if (style !== "morph") return false;
      const fresh = fragment.querySelector(`#${CSS.escape(target.id)}`);
      if (!fresh) return [target]; // not what was asked for (an error page, say): keep what is shown
      morph(target, fresh);
      return [target];
    },
  });
})();
