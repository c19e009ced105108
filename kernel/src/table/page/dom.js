// Making elements. Texts go in as texts, never as HTML.

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

function button(label, title, onclick, more = {}) {
  return element("button", { type: "button", title, onclick, ...more }, label);
}

const COUNT = new Intl.NumberFormat("en-US");

function counted(count, one, many) {
  return `${COUNT.format(count)} ${count === 1 ? one : many}`;
}

// A sheet of things to choose from or fill in beside an element, above all else on the page.
class Popover {
  constructor(root) {
    this.root = root;
    this.sheet = null;
  }

  open(anchor, label, ...children) {
    this.close();
    const sheet = element("div", { class: "fd-popover", role: "dialog", "aria-label": label, tabindex: "-1" }, ...children);
    this.sheet = sheet;
    this.anchor = anchor;
    this.root.append(sheet);
    if (sheet.showPopover) {
      sheet.popover = "manual";
      sheet.showPopover();
    }
    this.place();
    this.outside = (event) => {
      if (!sheet.contains(event.target) && !anchor.contains(event.target)) this.close();
    };
    this.scrolled = (event) => {
      if (!sheet.contains(event.target)) this.close();
    };
    document.addEventListener("pointerdown", this.outside, true);
    document.addEventListener("scroll", this.scrolled, true);
    sheet.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
      anchor.focus();
    });
    (sheet.querySelector("[autofocus]") ?? sheet).focus({ preventScroll: true });
    return sheet;
  }

  place() {
    const { sheet, anchor } = this;
    if (!sheet) return;
    const at = anchor.getBoundingClientRect();
    const room = { width: document.documentElement.clientWidth, height: document.documentElement.clientHeight };
    const size = sheet.getBoundingClientRect();
    const below = at.bottom + 4;
    const top = below + size.height > room.height && at.top > size.height + 8 ? at.top - size.height - 4 : below;
    sheet.style.left = `${Math.max(4, Math.min(at.left, room.width - size.width - 4))}px`;
    sheet.style.top = `${Math.max(4, Math.min(top, room.height - size.height - 4))}px`;
  }

  close() {
    if (!this.sheet) return;
    document.removeEventListener("pointerdown", this.outside, true);
    document.removeEventListener("scroll", this.scrolled, true);
    this.sheet.remove();
    this.sheet = null;
  }
}
