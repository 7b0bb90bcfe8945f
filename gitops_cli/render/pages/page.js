"use strict";
(() => {
  const rows = [...document.querySelectorAll("main tbody tr")];
  const texts = new Map();
  const words = document.getElementById("words");
  const found = document.getElementById("found");
  const filter = document.getElementById("filter");
  const pause = document.getElementById("pause");
  const text = row => {
    if (!texts.has(row)) {
      const context = row.closest("section")?.dataset.words ?? "";
      texts.set(row, `${context} ${[...row.cells].map(c => c.textContent).join(" ")}`.toLowerCase());
    }
    return texts.get(row);
  };
  const narrow = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      row.hidden = !wanted.every(word => text(row).includes(word));
      count += row.hidden ? 0 : 1;
    }
    found.textContent = wanted.length ? `${count} of ${rows.length} rows` : "";
    const hash = wanted.length ? "#filter=" + encodeURIComponent(words.value) : "";
    if (hash || location.hash.startsWith("#filter=")) {
      history.replaceState(null, "", location.pathname + location.search + hash);
    }
  };
  const units = {s: 1, m: 60, h: 3600, d: 86400, mo: 2592000, y: 31536000};
  const key = (row, index) => {
    const text = row.cells[index]?.textContent.trim() ?? "";
    const length = /^(\d+)(mo|[smhdy])(?:(\d\d)m)?\+?$/.exec(text);
    if (length === null) return text === "–" ? "" : text;
    return String(length[1] * units[length[2]] + 60 * (length[3] ?? 0));
  };
  const compare = (a, b) => {
    if (a === "" || b === "" || a === "-" || b === "-") {
      return (a === "" || a === "-") - (b === "" || b === "-");
    }
    const difference = Number(a) - Number(b);
    return Number.isNaN(difference) ? a.localeCompare(b, undefined, {numeric: true}) : difference;
  };
  const sort = (head, index) => {
    const table = head.closest("table");
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const keyed = [...body.rows].map(row => [key(row, index), row]);
    const empty = k => k === "" || k === "-";
    keyed.sort(([a], [b]) => up || empty(a) || empty(b) ? compare(a, b) : compare(b, a));
    body.append(...keyed.map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("main table")) {
    if (table.tBodies[0].rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((head, index) => {
      if (head.dataset.plain !== undefined) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(head, index));
      head.append(button);
    });
  }
  let due;
  words.addEventListener("input", () => {
    clearTimeout(due);
    due = setTimeout(narrow, rows.length > 2000 ? 150 : 0);
  });
  filter.addEventListener("submit", event => event.preventDefault());
  filter.hidden = rows.length === 0;
  if (location.hash.startsWith("#filter=")) {
    try {
      words.value = decodeURIComponent(location.hash.slice(8));
    } catch {
      words.value = "";
    }
    narrow();
  }
  const seconds = Number(document.documentElement.dataset.refresh);
  if (seconds) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      const stopped = pause.getAttribute("aria-pressed") !== "true";
      pause.setAttribute("aria-pressed", String(stopped));
      pause.textContent = stopped ? "Refresh is paused" : "Pause the refresh";
    });
    setInterval(() => {
      const busy = document.activeElement === words;
      if (pause.getAttribute("aria-pressed") === "false" && !busy) location.reload();
    }, seconds * 1000);
  }
})();
