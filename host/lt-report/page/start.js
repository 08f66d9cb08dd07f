// The form that starts a run: made of what the chosen scenario declares.
import { get, send, sendText } from "lt/api.js";
import { settingField } from "lt/controls.js";
import { h, toast } from "lt/dom.js";
import { duration } from "lt/format.js";
import { field, missing, notice } from "lt/form.js";

// Shows the form in `main`; `name` is the scenario that is chosen at first.
export async function startPage(app, name) {
  const { scenarios } = await get("/v1/scenarios");
  if (scenarios.length === 0) return nothingStored(app);
  const chosen = scenarios.some((scenario) => scenario.name === name) ? name : scenarios[0].name;
  const choice = field({ name: "scenario", label: "Scenario", type: "select", options: scenarios.map((scenario) => ({ value: scenario.name, label: `${scenario.name} ${scenario.version}` })), value: chosen });
  const rest = h("div");
  choice.input.addEventListener("change", () => fill(app, rest, choice.value()));
  const node = h("article", { class: "form" }, h("header", { class: "title" }, h("a", { class: "back", href: "#/" }, "← All runs"), h("h1", { tabIndex: -1 }, "Start a run")), choice.node, rest, runFile(app));
  await fill(app, rest, chosen);
  return node;
}

function nothingStored() {
  return h("article", { class: "form" }, h("h1", { tabIndex: -1 }, "Start a run"), h("p", null, "No scenario is stored yet: drop a .wasm anywhere on this page, or use ", h("code", null, "lt-host upload FILE.wasm"), "."));
}

async function fill(app, rest, name) {
  const [scenario, { files }] = await Promise.all([get(`/v1/scenarios/${encodeURIComponent(name)}`), get("/v1/files").catch(() => ({ files: [] }))]);
  const load = loadFields(scenario).map(field);
  const settings = scenario.settings.map((setting) => field({ ...settingField(setting), required: setting.default === undefined || setting.default === null }));
  const data = (scenario.data ?? []).map((each) => field(dataField(each, files)));
  const judge = [
    field({ name: "thresholds", label: "Thresholds", type: "textarea", rows: 3, placeholder: "http_req_duration:p(95)<200", hint: "One a line. A run passes if all hold at its end." }),
  ];
  const more = [
    field({ name: "name", label: "Title", hint: "For people: it heads the run." }),
    field({ name: "tags", label: "Tags", type: "textarea", rows: 2, placeholder: "build=1234", hint: "One a line: name=value. They are on all samples." }),
    field({ name: "seed", label: "Seed", placeholder: "by chance", hint: "The same seed makes the same run." }),
    field({ name: "comment", label: "Comment" }),
  ];
  const all = [...load, ...settings, ...data, ...judge, ...more];
  const refused = notice();
  const go = h("button", { type: "submit", class: "primary" }, "Start");
  const form = h(
    "form",
    { noValidate: true },
    scenario.doc && h("p", { class: "muted" }, scenario.doc),
    scenario.roles?.length > 0 && h("p", { class: "muted" }, "Roles: ", scenario.roles.map((role) => `${role.name} (${role.doc})`).join(", ")),
    group("Load", load),
    settings.length > 0 && group("Settings", settings),
    data.length > 0 && group("Files", data),
    group("Judgement", judge),
    h("details", null, h("summary", null, "More"), h("div", { class: "fields" }, more.map((each) => each.node))),
    refused.node,
    h("div", { class: "buttons" }, go),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (missing(all)) return;
    refused.clear(all);
    go.disabled = true;
    try {
      begun(app, await send("POST", "/v1/runs", spec(scenario, { load, settings, data, judge, more }), { once: true }));
    } catch (error) {
      refused.show(error, all);
      if (more.some((each) => each.input.getAttribute("aria-invalid"))) form.querySelector("details").open = true;
    } finally {
      go.disabled = false;
    }
  });
  rest.replaceChildren(form);
}

const group = (title, fields) => h("fieldset", null, h("legend", null, title), h("div", { class: "fields" }, fields.map((each) => each.node)));

function loadFields({ load = {} }) {
  return [
    { name: "users", label: "Users", type: "number", min: 1, step: 1, value: load.users ?? 10 },
    { name: "duration", label: "Duration", value: load.duration ?? (load.duration_ms ? duration(load.duration_ms).replace(/(?<=[hm])0[ms]/g, "") : "1m"), placeholder: "30s, 1m30s", hint: "Empty: one iteration a user, or so many as are given." },
    { name: "rate", label: "Rate", placeholder: "100/s", hint: "Iterations started a second. Empty: each user goes on as fast as it can." },
    { name: "iterations", label: "Iterations", type: "number", min: 1, step: 1, value: load.iterations ?? undefined, hint: "Shared by all users. Empty: no limit." },
  ];
}

function dataField(about, files) {
  const options = [{ value: "", label: about.required ? "Choose a file" : "None" }, ...files.map((file) => file.name)];
  return { name: about.name, label: about.name, type: "select", options, required: about.required, hint: `${about.doc} (${about.fields?.length ? `records with ${about.fields.join(", ")}` : kindOf(about)}; files come with PUT /v1/files/NAME)` };
}

const kindOf = (about) => (typeof about.kind === "string" ? about.kind : Object.keys(about.kind ?? {})[0] ?? "asset");

const lines = (text) => (text ?? "").split("\n").map((line) => line.trim()).filter(Boolean);

function pairs(text) {
  return Object.fromEntries(lines(text).map((line) => {
    const at = line.indexOf("=");
    if (at < 1) throw new Error(`A tag is name=value, and this is not: ${line}`);
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}

// The run spec, in the short form for one scenario. What was left as the scenario has it is not sent.
function spec(scenario, { load, settings, data, judge, more }) {
  const body = { scenario: scenario.name };
  const given = (fields) => fields.map((each) => [each.about, each.value()]).filter(([, value]) => value !== undefined);
  for (const [about, value] of given(load)) body[about.name] = value;
  const set = given(settings).filter(([about, value]) => value !== (scenario.settings.find((setting) => setting.name === about.name)?.default ?? undefined));
  if (set.length > 0) body.settings = Object.fromEntries(set.map(([about, value]) => [about.name, value]));
  for (const [about, value] of given(data)) {
    const feeder = kindOf(scenario.data.find((each) => each.name === about.name)) === "feeder";
    (body[feeder ? "feeders" : "assets"] ??= {})[about.name] = feeder ? { file: value } : value;
  }
  const thresholds = lines(judge[0].value());
  if (thresholds.length > 0) body.thresholds = thresholds;
  for (const [about, value] of given(more)) {
    if (about.name === "tags") body.tags = pairs(value);
    else if (about.name === "seed") body.seed = seed(value);
    else body[about.name] = value;
  }
  return body;
}

function seed(text) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error("A seed is a whole number.");
  return number;
}

function begun(app, run) {
  toast("The run is accepted.");
  app.refresh();
  location.hash = `#/runs/${encodeURIComponent(run.id)}`;
}

// Everything that a run file can say, for who has one.
function runFile(app) {
  const text = field({ name: "spec", label: "Run file", type: "textarea", rows: 10, placeholder: 'scenario = "chat"\nusers = 10\nduration = "30s"', hint: "As for lt-host run --spec; scenarios are named as they are stored." });
  const refused = notice();
  const go = h("button", { type: "submit" }, "Start from the run file");
  const form = h("form", { noValidate: true, onsubmit: start }, text.node, refused.node, h("div", { class: "buttons" }, go));
  async function start(event) {
    event.preventDefault();
    refused.clear([text]);
    go.disabled = true;
    try {
      begun(app, await sendText("/v1/runs", "application/toml", text.value() ?? ""));
    } catch (error) {
      refused.show(error, [text]);
    } finally {
      go.disabled = false;
    }
  }
  return h("details", { class: "panel wide" }, h("summary", null, h("h3", null, "From a run file")), form);
}
