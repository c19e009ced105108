// The code that every table carries. It finds the real code in a model that all tables of a kernel share, and imports
// it once a page, so that fifty tables do not carry it fifty times.

const LOADED = (globalThis.__flowdeckTables ??= new Map());

async function library(model) {
  const id = model.get("_library");
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await model.widget_manager.get_model(id);
    } catch (error) {
      // While a page loads, models come one by one.
      if (attempt === 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function load(model) {
  const code = new Blob([(await library(model)).get("_code")], { type: "text/javascript" });
  const url = URL.createObjectURL(code);
  try {
    return await import(/* webpackIgnore: true */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

function loaded(model) {
  const version = model.get("_code_version");
  if (!LOADED.has(version)) {
    const loading = load(model);
    LOADED.set(version, loading);
    loading.catch(() => LOADED.delete(version));
  }
  return LOADED.get(version);
}

export default {
  async render(context) {
    return (await loaded(context.model)).render(context);
  },
};
