// The line below a plot in which a person selects. Vega writes what is selected into the field here, which it finds by
// its id; from here it goes to the kernel, which knows what it is for.

// A person who drags is told about where they stop.
const REST_MS = 300;

function render({ model, el }) {
  const field = document.createElement("input");
  field.type = "hidden";
  field.id = model.get("_field");
  const line = document.createElement("div");
  line.setAttribute("role", "status");
  line.style.cssText = "color: var(--jp-ui-font-color2, #595959); font-size: 12px; padding: 0 4px 6px";
  const say = () => {
    line.textContent = model.get("_status");
  };
  let timer;
  let told = "";
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (field.value === told) return;
      told = field.value;
      model.send({ selected: told.slice(0, 1000) });
    }, REST_MS);
  });
  model.on("change:_status", say);
  say();
  el.append(field, line);
  // The plot looks for the field when it is drawn, so it is drawn now.
  model.send({ ready: {} });
  return () => {
    clearTimeout(timer);
    model.off("change:_status", say);
  };
}

export default { render };
