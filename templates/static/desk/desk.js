// Small comforts over pages that work without: theme, demo accounts, keys in the queue, a clock for relative times.
(() => {
  "use strict";

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-theme-switch]")) {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      const shown = document.documentElement.dataset.theme || (dark ? "dark" : "light");
      const next = shown === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
    }
    if (button.matches("[data-account]")) {
      const form = document.getElementById("login");
      form.elements.username.value = button.dataset.account;
      if (button.dataset.password) {
        form.elements.password.value = button.dataset.password;
        form.requestSubmit();
      } else form.elements.password.focus();
    }
  });

  // j and k walk through rows, Enter opens one (it is a link), / goes to the search field.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const step = { j: 1, k: -1 }[event.key];
    if (step) {
      const rows = [...document.querySelectorAll("[data-row]")];
      const next = rows.indexOf(document.activeElement) + step;
      if (rows.length) rows[Math.min(rows.length - 1, Math.max(0, next))].focus();
    } else if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) {
        event.preventDefault();
        search.select();
      }
    }
  });
})();
