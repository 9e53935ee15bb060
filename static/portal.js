// What native elements cannot do alone: search and palette keys, copying, the person's time zone.
// All pages read without it.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (!document.cookie.includes(`zone=${encodeURIComponent(zone)}`)) {
  document.cookie = `zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; secure; samesite=lax`;
}

const typing = (element) => element.matches?.("input, textarea, select, [contenteditable]");
const palette = document.querySelector("dialog.palette");
const help = document.querySelector("dialog.keys");

const openPalette = () => {
  if (!palette || palette.open) return;
  palette.showModal();
  palette.querySelector("input").select();
};

let leader = false;
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (palette?.open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const links = [palette.querySelector("input"), ...palette.querySelectorAll("li:not([hidden]) a")];
    const at = links.indexOf(document.activeElement);
    links[(at + (event.key === "ArrowDown" ? 1 : links.length - 1)) % links.length].focus();
    event.preventDefault();
    return;
  }
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  if (typing(event.target) || modified || document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    event.preventDefault();
    document.querySelector(".search input")?.focus();
  } else if (event.key === "?") {
    help?.showModal();
  } else if (event.key === "g") {
    leader = true;
    setTimeout(() => {
      leader = false;
    }, 1500);
  } else if (leader) {
    leader = false;
    document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
  }
});

palette?.querySelector("input").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/);
  for (const item of palette.querySelectorAll("li")) {
    const text = item.textContent.toLowerCase();
    item.hidden = !item.hasAttribute("data-search") && !words.every((word) => text.includes(word));
  }
  const search = palette.querySelector("[data-search] a");
  search.href = `${search.dataset.base}?q=${encodeURIComponent(event.target.value)}`;
});
palette?.querySelector("input").addEventListener("keydown", (event) => {
  if (event.key === "Enter") palette.querySelector("li:not([hidden]) a")?.click();
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const target = copy.dataset.copy;
    const source = target.startsWith("#") ? document.querySelector(target).textContent : target;
    await navigator.clipboard.writeText(source);
    const text = copy.textContent;
    copy.textContent = copy.dataset.done;
    setTimeout(() => {
      copy.textContent = text;
    }, 1500);
  }
  const row = event.target.closest("table.list tbody tr");
  const handled = event.target.closest("a, button, input, label, summary") || getSelection().toString();
  if (row && !handled) row.querySelector("a.row")?.click();
});

for (const menu of document.querySelectorAll("details.menu")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

// Undo is offered for ten seconds, longer while somebody is about to take it.
for (const offer of document.querySelectorAll(".toast-undo")) {
  const expire = () => {
    if (offer.matches(":hover, :focus-within")) setTimeout(expire, 2000);
    else offer.querySelector("button").hidden = true;
  };
  setTimeout(expire, 10000);
}

const countdowns = [...document.querySelectorAll("[data-countdown]")];
const tick = () => {
  for (const shown of countdowns) {
    const left = Math.floor((Date.parse(shown.dataset.countdown) - Date.now()) / 1000);
    const parts = [left / 3600, (left / 60) % 60, left % 60].map((part) => String(Math.floor(part)).padStart(2, "0"));
    shown.textContent = left > 0 ? parts.join(":") : shown.dataset.over;
  }
};
if (countdowns.length) {
  tick();
  setInterval(tick, 1000);
}

document.addEventListener("allauth.error", (event) => {
  const problem = document.getElementById("passkey_problem");
  if (problem) {
    event.preventDefault();
    problem.hidden = false;
  }
});

// The command of a form follows what is typed (apps/interfaces/console/as_command.py). Of secret values only the names
// of the fields that are filled in are sent.
document.addEventListener("htmx:configRequest", (event) => {
  const {
    elt,
    parameters
  } = event.detail;
  if (!elt.dataset.secrets) return;
  const {
    elements
  } = elt.closest("form");
  parameters.entered = elt.dataset.secrets.split(" ").filter((name) => elements[name]?.value).join(" ");
});

// The sentence about the role that is chosen; the whole list stands below it.
for (const shown of document.querySelectorAll("[data-explains]")) {
  const field = document.getElementById(shown.dataset.explains);
  const tell = () => {
    for (const sentence of shown.children) sentence.hidden = sentence.dataset.value !== field.value;
  };
  field.addEventListener("input", tell);
  tell();
}

// Secrets: how many bytes they have, a random one generated here, and hiding a revealed one after its time.
for (const field of document.querySelectorAll("[data-measure]")) {
  const shown = document.querySelector(field.dataset.measure);
  const measure = () => {
    const size = new TextEncoder().encode(field.value.replace(/\r\n/g, "\n")).length;
    shown.textContent = `${size} / ${field.dataset.most}`;
    field.setCustomValidity(size > Number(field.dataset.most) ? shown.textContent : "");
  };
  field.addEventListener("input", measure);
  measure();
}
document.addEventListener("click", (event) => {
  const generator = event.target.closest("[data-generate]");
  if (!generator) return;
  const field = document.querySelector(generator.dataset.generate);
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const base64 = btoa(String.fromCharCode(...bytes));
  field.value = base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  field.dispatchEvent(new Event("input"));
});
const revealed = document.querySelector("[data-hide-after]");
if (revealed) {
  const hide = () => {
    revealed.replaceChildren();
  };
  setTimeout(() => {
    hide();
    location.replace(revealed.dataset.hideTo);
  }, 1000 * Number(revealed.dataset.hideAfter));
  addEventListener("pagehide", hide);
}

// The live tail shows since when there is no answer; it keeps asking, and shows when an answer comes again.
const tail = document.querySelector("[data-tail]");
if (tail) {
  const patience = 3500;
  let lastAnswer = Date.now();
  let inFront = Date.now();
  let shown = "";
  const show = (state) => {
    if (state === shown) return;
    shown = state;
    for (const line of tail.querySelectorAll("[data-state]")) {
      line.hidden = line.dataset.state !== state;
      const time = line.querySelector("time");
      if (time) {
        time.dateTime = new Date(lastAnswer).toISOString();
        time.textContent = new Date(lastAnswer).toLocaleTimeString([], {
          hour12: false
        });
      }
    }
  };
  show("following");
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) lastAnswer = Date.now();
    show(event.detail.successful ? "following" : event.detail.xhr.status === 503 ? "away" : "lost");
  });
  document.addEventListener("visibilitychange", () => {
    inFront = Date.now();
  });
  setInterval(() => {
    if (!document.hidden && shown === "following" && Date.now() - Math.max(lastAnswer, inFront) > patience) show("lost");
  }, 500);
}
