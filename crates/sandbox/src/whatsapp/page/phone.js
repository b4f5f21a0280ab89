// The phone page. No framework, no build step: the state comes from /control/state, what happens next
// from /control/events, and every tap is a call under /control/customers/….

import { $, face, formatted, icon, ICONS, make, onlyEmoji } from "./dom.js";
import { FAULTS, NAMES, WORDS } from "./words.js";

const CLOCK_STEPS = [[6_000, "6 s"], [900_000, "15 min"], [3_600_000, "1 h"], [86_400_000, "24 h"]];
const TYPING_MS = 25_000;
const NARROW = matchMedia("(max-width: 720px)");

const stored = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
const store = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private */ } };

let language = new URLSearchParams(location.search).get("lang") ?? stored("language")
  ?? (navigator.language.startsWith("en") ? "en" : "id");
if (!WORDS[language]) language = "id";
let state = { shop: "Warung", customers: [], faults: [], webhooks: [], waiting: 0, now: Date.now() };
let clockOffset = 0;
let active = null;
const phones = new Map();
const say = (word) => WORDS[language][word];

async function call(path, body, method = "POST") {
  const response = await fetch(`/control${path}`, {
    method,
    headers: { "content-type": "application/json" },
    body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
  });
  return response.ok ? response.json() : Promise.reject(new Error(await response.text()));
}

const clockTime = (at) => new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);

/* One phone. */

class Phone {
  constructor(customer) {
    this.id = customer.profile.wa_id;
    this.drawn = new Map();
    this.unseen = 0;
    this.element = $("#phone").content.firstElementChild.cloneNode(true);
    this.log = $(".log", this.element);
    this.field = $("textarea", this.element);
    const on = (selector, event, act) => $(selector, this.element).addEventListener(event, act);
    on(".composer", "submit", (event) => { event.preventDefault(); this.send(); });
    on("textarea", "input", () => this.fit());
    on("textarea", "keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.send();
      }
    });
    on(".more", "click", () => this.menu());
    on(".down", "click", () => this.toBottom());
    on(".shade", "click", () => this.closeSheet());
    on(".zoom", "click", () => this.closeZoom());
    on(".log", "scroll", () => this.scrolled());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("focusin", () => activate(this.id, false));
    this.update(customer);
  }

  update(customer) {
    this.customer = customer;
    const { name, wa_id: number, username } = customer.profile;
    this.name = name || number;
    this.element.setAttribute("aria-label", `${say("phoneOf")} ${this.name}`);
    this.element.id = `phone-${number}`;
    $(".contact h2", this.element).textContent = state.shop;
    const whose = $(".whose", this.element);
    whose.replaceChildren(face(this.name));
    whose.title = `${this.name} · ${username ? `@${username}` : `+${number}`}`;
    $(".owner", this.element).textContent = this.name;
    this.field.placeholder = say("write");
    for (const [selector, word] of [["textarea", "write"], [".send", "send"], [".more", "more"], [".down", "newer"]])
      $(selector, this.element).setAttribute("aria-label", say(word));
    this.log.setAttribute("aria-label", `${state.shop} · ${this.name}`);
    this.window(customer.window_open || !customer.thread.some((bubble) => bubble.from === "customer"));
    const stick = this.atBottom();
    const kept = new Set(customer.thread.map((bubble) => bubble.wamid));
    const same = this.language === language && [...this.drawn.keys()].every((wamid) => kept.has(wamid));
    if (!same) {
      this.drawn.clear();
      this.log.replaceChildren();
      this.presence(false);
    }
    this.language = language;
    if (!customer.thread.length) this.welcome();
    for (const bubble of customer.thread) this.draw(bubble, false);
    if (stick || !same) this.toBottom();
  }

  window(open) {
    const note = $(".closed", this.element);
    note.hidden = open;
    note.textContent = say("closedWindow");
  }

  welcome() {
    this.log.replaceChildren(make("div", { class: "welcome" },
      make("div", { class: "mini-stall", "aria-hidden": "true" }, make("i"), make("i"), make("i")),
      make("p", {}, make("b", {}, say("open")), make("br"), say("greet")),
      make("div", { class: "chips" }, ...say("chips").map((text) =>
        make("button", { type: "button", class: "chip", onclick: () => this.says(text) }, text)))));
  }

  draw(bubble, live = true) {
    const drawn = this.drawn.get(bubble.wamid);
    if (drawn) {
      if (bubble.tick) this.tick(bubble.wamid, bubble.tick);
      return;
    }
    const stick = this.atBottom() || bubble.from === "customer";
    if (!this.drawn.size) this.log.replaceChildren(make("p", { class: "day" }, say("today")));
    $(".dots", this.log)?.remove();
    const element = bubble.from === "shop" ? this.fromShop(bubble) : this.fromCustomer(bubble);
    if (live) element.classList.add("fresh");
    this.drawn.set(bubble.wamid, { element, bubble });
    this.log.append(element);
    if (bubble.from === "shop") this.presence(false);
    else this.window(true);
    if (stick) this.toBottom();
    if (live && bubble.from === "shop") {
      this.unseen += 1;
      this.scrolled();
    }
  }

  fromShop(bubble) {
    const { payload } = bubble;
    const content = payload.interactive ?? {};
    const parts = [];
    if (bubble.kind === "reaction") {
      const target = this.drawn.get(payload.reaction.message_id)?.element;
      target?.append(make("span", { class: "reaction" }, payload.reaction.emoji));
      return make("div", { class: "line", hidden: true });
    }
    if (payload.document ?? content.header?.document) parts.push(this.document(bubble));
    else if (bubble.media) parts.push(this.picture(bubble));
    else if (payload.image?.link) parts.push(make("p", { class: "footer" }, `${say("picture")}: ${payload.image.link}`));
    if (content.header?.text) parts.push(make("p", { class: "header" }, content.header.text));
    if (bubble.text) parts.push(this.words(bubble.text));
    if (content.footer) parts.push(make("p", { class: "footer" }, formatted(content.footer.text)));
    const body = make("div", { class: "bubble shop" }, ...parts, this.meta(bubble));
    const line = make("div", { class: "line" }, body);
    const action = (path, label, act) => make("button", { type: "button", class: "action", onclick: act }, icon(path), make("span", {}, label));
    if (bubble.kind === "buttons")
      for (const option of bubble.options) line.append(action(ICONS.reply, option.title, () => this.taps(bubble, option)));
    if (bubble.kind === "list")
      line.append(action(ICONS.list, content.action.button, (event) => this.sheet(bubble, event.currentTarget)));
    if (bubble.link)
      line.append(make("a", { class: "action", href: bubble.link, target: "_blank", rel: "noopener" },
        icon(ICONS.link), make("span", {}, content.action.parameters.display_text)));
    return line;
  }

  fromCustomer(bubble) {
    const { payload } = bubble;
    const reply = payload.interactive?.button_reply ?? payload.interactive?.list_reply;
    const parts = [];
    const quoted = this.drawn.get(payload.context?.id)?.bubble;
    if (quoted) parts.push(make("div", { class: "quote" }, make("b", {}, state.shop), make("span", {}, quoted.text ? formatted(quoted.text) : say("picture"))));
    if (payload.type === "text") parts.push(this.words(payload.text.body));
    else if (reply) {
      parts.push(this.words(reply.title));
      if (reply.description) parts.push(make("p", { class: "footer" }, reply.description));
    } else if (payload.type === "location")
      parts.push(make("p", { class: "place" }, icon(ICONS.pin), `${payload.location.name ?? say("location")} ${payload.location.latitude}, ${payload.location.longitude}`));
    else parts.push(make("p", {}, make("code", {}, payload.type ?? "?")));
    return make("div", { class: "line mine" }, make("div", { class: "bubble mine" }, ...parts, this.meta(bubble)));
  }

  words(text) {
    return make("p", { class: onlyEmoji(text) ? "words jumbo" : "words" }, formatted(text));
  }

  meta(bubble) {
    const meta = make("span", { class: "meta" }, make("time", {}, clockTime(bubble.at)));
    if (bubble.tick) meta.append(make("span", { class: "tick" }));
    if (bubble.tick) queueMicrotask(() => this.tick(bubble.wamid, bubble.tick));
    return meta;
  }

  tick(wamid, tick) {
    const drawn = this.drawn.get(wamid);
    const mark = drawn && $(".tick", drawn.element);
    if (!mark || mark.dataset.tick === tick) return;
    drawn.bubble.tick = tick;
    mark.dataset.tick = tick;
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", say(tick));
    mark.replaceChildren(icon(tick === "sent" ? ICONS.tick : ICONS.ticks));
  }

  picture(bubble) {
    const alt = bubble.text.split("\n")[0] || say("picture");
    const image = make("img", { src: bubble.media, alt });
    image.addEventListener("load", () => {
      image.classList.toggle("pixels", image.naturalWidth < 240);
      if (this.atBottom(image.height + 60)) this.toBottom();
    });
    return make("button", { type: "button", class: "picture", "aria-label": `${say("zoom")}: ${alt}`,
      onclick: (event) => this.zoom(bubble, alt, event.currentTarget) }, image);
  }

  document(bubble) {
    const name = bubble.payload.document?.filename ?? say("document");
    return make("p", { class: "place" }, icon(ICONS.file),
      bubble.media ? make("a", { href: bubble.media, target: "_blank", rel: "noopener" }, name) : name);
  }

  zoom(bubble, alt, opener) {
    const zoom = $(".zoom", this.element);
    this.opener = opener;
    zoom.replaceChildren(
      make("button", { type: "button", class: "round", "aria-label": say("close") }, icon(ICONS.close)),
      make("img", { src: bubble.media, alt, class: $("img", opener).className }));
    zoom.setAttribute("aria-label", alt);
    this.overlay(zoom, $("button", zoom));
  }

  closeZoom() { this.uncover($(".zoom", this.element)); }

  sheet(bubble, opener) {
    const action = bubble.payload.interactive.action;
    const rows = [];
    const groups = action.sections.map((section) => make("div", { role: "group", "aria-label": section.title ?? say("choose") },
      section.title ? make("h4", {}, section.title) : null,
      ...section.rows.map((row) => {
        const element = make("button", { type: "button", role: "menuitem", tabindex: "-1",
          onclick: () => { this.closeSheet(); this.taps(bubble, row); } },
          make("span", { class: "what" }, make("b", {}, row.title), row.description ? make("small", {}, row.description) : null),
          make("i", { class: "dot" }));
        rows.push(element);
        return element;
      })));
    this.open(action.button, groups, rows, opener);
  }

  menu() {
    const item = (path, label, act) => make("button", { type: "button", role: "menuitem", tabindex: "-1",
      onclick: () => { this.closeSheet(); act(); } }, icon(path), make("span", { class: "what" }, make("b", {}, label)));
    const rows = [item(ICONS.pin, say("place"), () => this.post("sends", { type: "location",
      location: { latitude: -6.1754, longitude: 106.8272, name: "Monas" } }))];
    const last = [...this.drawn.values()].findLast((drawn) => drawn.bubble.from === "customer");
    if (last) rows.push(item(ICONS.again, say("again"), () => this.post("sends-again", { wamid: last.bubble.wamid })));
    this.open(say("more"), rows, rows, $(".more", this.element));
  }

  open(title, content, rows, opener) {
    const sheet = $(".sheet", this.element);
    this.opener = opener;
    sheet.setAttribute("aria-label", title);
    sheet.replaceChildren(
      make("div", { class: "grip", "aria-hidden": "true" }),
      make("div", { class: "sheet-head" }, make("h3", {}, title),
        make("button", { type: "button", class: "round", "aria-label": say("close"), onclick: () => this.closeSheet() }, icon(ICONS.close))),
      make("div", { class: "rows", role: "menu", "aria-label": title }, ...content));
    sheet.onkeydown = (event) => {
      const at = rows.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      rows.at(to % rows.length).focus();
    };
    $(".shade", this.element).hidden = false;
    rows[0].tabIndex = 0;
    this.overlay(sheet, rows[0]);
  }

  closeSheet() {
    $(".shade", this.element).hidden = true;
    this.uncover($(".sheet", this.element));
  }

  overlay(layer, focus) {
    for (const part of [".contact", ".wall", ".composer"]) $(part, this.element).inert = true;
    layer.hidden = false;
    focus.focus();
  }

  uncover(layer) {
    if (layer.hidden) return;
    layer.hidden = true;
    for (const part of [".contact", ".wall", ".composer"]) $(part, this.element).inert = false;
    (this.opener?.isConnected ? this.opener : this.field).focus();
  }

  key(event) {
    if (event.key !== "Escape") return;
    this.closeZoom();
    this.closeSheet();
  }

  post(what, body) {
    return call(`/customers/${this.id}/${what}`, body).catch((error) => console.warn(error.message));
  }

  says(text) {
    this.field.focus();
    return this.post("says", { text });
  }

  taps(bubble, option) {
    this.field.focus();
    return this.post("taps", { option: option.id, wamid: bubble.wamid });
  }

  send() {
    const text = this.field.value.trim();
    if (!text) return;
    this.field.value = "";
    this.fit();
    this.says(text);
  }

  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 110)}px`;
  }

  presence(typing) {
    clearTimeout(this.typing);
    $(".presence", this.element).textContent = say(typing ? "typing" : "online");
    $(".dots", this.log)?.remove();
    if (!typing) return;
    const stick = this.atBottom();
    this.log.append(make("div", { class: "dots bubble shop", "aria-hidden": "true" }, make("i"), make("i"), make("i")));
    if (stick) this.toBottom();
    this.typing = setTimeout(() => this.presence(false), TYPING_MS);
  }

  atBottom(slack = 80) {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < slack;
  }

  toBottom() {
    this.log.scrollTop = this.log.scrollHeight;
    this.scrolled();
  }

  get shown() {
    return !document.hidden && (!NARROW.matches || active === this.id);
  }

  scrolled() {
    const bottom = this.atBottom();
    if (this.shown && bottom) {
      if (this.unseen || this.customer.unread) this.post("reads");
      this.customer.unread = 0;
      this.unseen = 0;
    }
    const down = $(".down", this.element);
    down.hidden = bottom;
    badge($(".badge", down), this.unseen);
    drawTabs();
  }
}

/* The page around the phones. */

function badge(element, count) {
  element.hidden = !count;
  element.textContent = count > 99 ? "99+" : String(count);
}

function activate(id, scroll = true) {
  if (active === id) return;
  active = id;
  for (const phone of phones.values()) phone.element.classList.toggle("active", phone.id === id);
  const phone = phones.get(id);
  if (scroll && phone) phone.toBottom();
  drawTabs();
}

function drawTabs() {
  const tabs = $("#tabs");
  tabs.hidden = phones.size === 0;
  const focused = tabs.contains(document.activeElement);
  tabs.replaceChildren(...[...phones.values()].map((phone) => {
    const count = make("b", { class: "badge" });
    badge(count, phone.unseen);
    return make("button", { type: "button", role: "tab", "aria-selected": String(phone.id === active),
      "aria-controls": phone.element.id, tabindex: phone.id === active ? "0" : "-1",
      onclick: () => activate(phone.id) }, face(phone.name), make("span", {}, phone.name), count);
  }));
  if (focused) $("[aria-selected=true]", tabs)?.focus();
  const unseen = [...phones.values()].reduce((sum, phone) => sum + phone.unseen, 0);
  document.title = unseen ? `(${unseen}) ${state.shop}` : state.shop;
}

function drawPage() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
  $("#shop").textContent = state.shop;
  $("#language").textContent = language === "id" ? "EN" : "ID";
  $("#language").setAttribute("aria-label", language === "id" ? "EN, English" : "ID, Bahasa Indonesia");
  $("#theme").setAttribute("aria-label", say("dark"));
  const known = new Set(state.customers.map((customer) => customer.profile.wa_id));
  for (const [id, phone] of phones) {
    if (known.has(id)) continue;
    phone.element.remove();
    phones.delete(id);
  }
  for (const customer of state.customers) {
    const id = customer.profile.wa_id;
    if (phones.has(id)) phones.get(id).update(customer);
    else {
      const phone = new Phone(customer);
      phones.set(id, phone);
      $("#phones").append(phone.element);
      phone.toBottom();
    }
  }
  if (!phones.has(active)) {
    active = null;
    activate(phones.keys().next().value ?? null);
  }
  drawTabs();
  drawDrawer();
}

function drawDrawer() {
  const armed = (fault) => state.faults.find((arming) => JSON.stringify(arming.fault) === JSON.stringify(fault))?.next ?? 0;
  const arm = (fault, next) => call("/faults", { fault, next: Math.max(0, next) });
  const focused = document.activeElement?.dataset?.fault;
  $("#fault-list").replaceChildren(...FAULTS.map(([fault, id, en], index) => {
    const count = armed(fault);
    const [name, what] = (language === "id" ? id : en).split(": ");
    const step = (sign, by, label) => make("button", { type: "button", class: "round", "data-fault": `${index}${sign}`,
      "aria-label": `${say(label)}: ${name}`, disabled: by < 0 && !count, onclick: () => arm(fault, count + by) }, sign);
    return make("li", { class: count ? "on" : "" }, make("span", {}, make("b", {}, name), make("small", {}, what)),
      step("−", -1, "less"), make("output", { "aria-label": `${count} ${say("times")}` }, String(count)), step("+", 1, "moreOf"));
  }));
  if (focused) $(`[data-fault="${focused}"]`)?.focus();
  badge($("#armed"), state.faults.reduce((sum, arming) => sum + Math.max(arming.next, arming.chance ? 1 : 0), 0));
  $("#clock").replaceChildren(...CLOCK_STEPS.map(([ms, label]) =>
    make("button", { type: "button", class: "chip", onclick: () => call("/clock", { advance_ms: ms }) }, `+${label}`)));
  $("#bots").replaceChildren(...state.webhooks.map((url) => make("li", {}, make("code", {}, url))));
  $("#waiting").textContent = `${state.waiting} ${say("waiting")}`;
}

function toggleDrawer(open) {
  const drawer = $("#drawer");
  if (drawer.hidden === !open) return;
  drawer.hidden = !open;
  $("#faults").setAttribute("aria-expanded", String(open));
  if (open) refresh();
  (open ? $("[data-close]", drawer) : $("#faults")).focus();
}

function greetNewcomer() {
  const dialog = $("#newcomer");
  const form = $("form", dialog);
  const taken = new Set(state.customers.map((customer) => customer.profile.name));
  form.reset();
  form.elements.name.value = NAMES.find((name) => !taken.has(name)) ?? "Tamu";
  form.elements.number.value = `62812${String(Math.floor(Math.random() * 1e8)).padStart(8, "0")}`;
  dialog.returnValue = "";
  dialog.showModal();
  form.elements.name.select();
}

async function welcomeNewcomer() {
  const { name, number, hides } = $("#newcomer form").elements;
  if ($("#newcomer").returnValue !== "ok") return;
  const wa_id = number.value.trim();
  const username = hides.checked ? name.value.trim().toLowerCase().replace(/[^a-z0-9]+/g, ".") : null;
  await call("/customers", { wa_id, name: name.value.trim(), username, hides_number: hides.checked });
  await refresh();
  activate(wa_id);
  const phone = phones.get(wa_id);
  phone?.element.scrollIntoView({ inline: "center", block: "nearest" });
  phone?.field.focus();
}

let sure;
function startOver() {
  const button = $("#reset");
  if (!sure) {
    button.textContent = say("sure");
    sure = setTimeout(() => { sure = undefined; button.textContent = say("reset"); }, 3000);
    return;
  }
  clearTimeout(sure);
  sure = undefined;
  button.textContent = say("reset");
  call("/reset");
}

let refreshing;
function refresh() {
  // Many events at once ask for one fetch.
  refreshing ??= new Promise((done) => setTimeout(done, 20))
    .then(() => { refreshing = undefined; return call("/state", null, "GET"); })
    .then((fresh) => {
      state = fresh;
      clockOffset = fresh.now - Date.now();
      drawPage();
    });
  return refreshing;
}

function listen() {
  const source = new EventSource("/control/events");
  source.onopen = () => { $("#offline").hidden = true; refresh(); };
  source.onerror = () => {
    $("#offline").hidden = false;
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  };
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    const phone = phones.get(event.customer);
    if (event.type === "state" || !phone) refresh();
    else if (event.type === "bubble") phone.draw(event.bubble);
    else if (event.type === "tick") for (const wamid of event.wamids) phone.tick(wamid, event.tick);
    else if (event.type === "typing") phone.presence(true);
  };
}

function showTime() {
  const now = clockTime(Date.now() + clockOffset);
  for (const clock of document.querySelectorAll(".clock")) if (clock.textContent !== now) clock.textContent = now;
}

document.documentElement.dataset.theme = new URLSearchParams(location.search).get("theme") ?? stored("theme") ?? "";
$("#theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  store("theme", root.dataset.theme);
});
$("#language").addEventListener("click", () => {
  language = language === "id" ? "en" : "id";
  store("language", language);
  drawPage();
});
$("#add").addEventListener("click", greetNewcomer);
$("#newcomer").addEventListener("close", welcomeNewcomer);
$("#faults").addEventListener("click", () => toggleDrawer($("#drawer").hidden));
$("[data-close]").addEventListener("click", () => toggleDrawer(false));
$("#drawer").addEventListener("keydown", (event) => { if (event.key === "Escape") toggleDrawer(false); });
$("#clear").addEventListener("click", () => call("/faults", null, "DELETE"));
$("#reset").addEventListener("click", startOver);
$("#tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const ids = [...phones.keys()];
  activate(ids.at((ids.indexOf(active) + step) % ids.length));
  $("#tabs [aria-selected=true]").focus();
});
document.addEventListener("keydown", (event) => {
  if (!event.altKey || !/^[1-9]$/.test(event.key)) return;
  const phone = [...phones.values()][event.key - 1];
  if (!phone) return;
  event.preventDefault();
  activate(phone.id);
  phone.field.focus();
});
document.addEventListener("visibilitychange", () => phones.forEach((phone) => phone.scrolled()));
NARROW.addEventListener("change", () => phones.forEach((phone) => phone.toBottom()));
setInterval(showTime, 1000);
drawPage();
listen();
