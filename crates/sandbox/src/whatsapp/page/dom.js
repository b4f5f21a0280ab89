// Building blocks: elements, icons, faces and WhatsApp's text marks.

export const $ = (selector, within = document) => within.querySelector(selector);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", Object.keys(ICONS).find((name) => ICONS[name] === path));
  const shape = document.createElementNS(svg.namespaceURI, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

export const ICONS = {
  reply: "M9 7 4 12l5 5M4 12h9a7 7 0 0 1 7 7",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  link: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  pin: "M12 21s7-6.2 7-11.5A7 7 0 0 0 5 9.500C5 14.800 12 21 12 21zM12 12a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z",
  again: "M4 12a8 8 0 1 0 2.500-5.800M4 4v4.500h4.500",
  file: "M6 3h8l5 5v13H6zM14 3v5h5",
  close: "m6 6 12 12M18 6 6 18",
  tick: "m2 13 4.500 4.500L17 7",
  ticks: "m1 13 4.500 4.500L15 7M10.500 16l1.500 1.500L22.500 7",
};

// Text as WhatsApp shows it: *bold*, _italic_, ~strike~, `code`, ```mono``` and links.
const MARKS = { "*": "strong", _: "em", "~": "s" };
const PATTERN = /```([\s\S]+?)```|`([^`\n]+)`|(https?:\/\/[^\s<>]+[^\s<>.,;:!?)\]])|(?<![\p{L}\p{N}])([*_~])(?=\S)([^\n]*?\S)\4(?![\p{L}\p{N}])/u;

export function formatted(text) {
  const out = document.createDocumentFragment();
  let rest = text;
  for (let found; (found = PATTERN.exec(rest));) {
    out.append(rest.slice(0, found.index));
    const [whole, mono, code, url, mark, inner] = found;
    if (mono ?? code) out.append(make("code", {}, mono ?? code));
    else if (url) out.append(make("a", { href: url, target: "_blank", rel: "noopener" }, url));
    else out.append(make(MARKS[mark], {}, formatted(inner)));
    rest = rest.slice(found.index + whole.length);
  }
  out.append(rest);
  return out;
}

export const onlyEmoji = (text) => /^(?:\p{Extended_Pictographic}[\u{1F3FB}-\u{1F3FF}\uFE0F\u200D]*\s?){1,3}$/u.test(text);

export function face(name) {
  const hue = [...name].reduce((sum, letter) => sum * 31 + letter.codePointAt(0), 7) % 360;
  return make("span", { class: "face", style: `--hue:${hue}`, "aria-hidden": "true" }, [...name][0]?.toUpperCase() ?? "?");
}
