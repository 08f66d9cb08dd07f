// What may be done to a run while it goes on: each button opens a form, and what the host refuses is said in the form.
import { get, send } from "lt/api.js";
import { announce, h, toast } from "lt/dom.js";
import { openForm } from "lt/form.js";
import { askSwap } from "lt/swap.js";

export const OVER = new Set(["ended", "failed", "interrupted"]);

const path = (run, more = "") => `/v1/runs/${encodeURIComponent(run.id)}${more}`;

// The buttons of a run. `view.run` is the run as it is now, `view.changed(run)` is told of a newer one.
export function controls(view) {
  const button = (label, action, kind = "") => h("button", { type: "button", class: kind, onclick: () => action(view) }, label);
  const all = {
    add: button("Add users", addUsers),
    remove: button("Remove users", removeUsers),
    load: button("Change load", changeLoad),
    settings: button("Settings", changeSettings),
    swap: button("Swap code", (each) => askSwap(each)),
    judge: button("Thresholds and tags", changeThresholds),
    throttle: button("Throttles", changeThrottle),
    annotate: button("Annotate", annotate),
    pause: button("Pause", pauseOrResume),
    stop: button("Stop", stop, "danger"),
  };
  const node = h("div", { class: "actions", role: "group", "aria-label": "Steer this run" }, Object.values(all));
  return {
    node,
    update(run) {
      node.hidden = OVER.has(run.state);
      const starting = run.state === "starting";
      const stopping = run.state === "stopping";
      for (const [name, each] of Object.entries(all)) each.disabled = starting ? name !== "stop" : stopping && name !== "stop" && name !== "annotate";
      all.pause.textContent = run.state === "paused" ? "Resume" : "Pause";
      all.stop.textContent = stopping ? "Stop at once" : "Stop";
    },
  };
}

// A field to choose the scenario of a run by, where it has several.
export function partField(run, hint = "") {
  const parts = run.parts ?? [];
  if (parts.length < 2) return [];
  return [{ name: "scenario", label: "Scenario", type: "select", hint, options: parts.map((part) => part.name) }];
}

const only = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

function addUsers(view) {
  openForm({
    title: "Add users",
    fields: [{ name: "count", label: "How many", type: "number", value: 10, min: 1, step: 1, required: true }, ...partField(view.run)],
    submit: "Add",
    async onSubmit(values) {
      view.changed(await send("POST", path(view.run, "/users:add"), only(values), { once: true }));
      toast(`Asked for ${values.count} more users.`);
    },
  });
}

function removeUsers(view) {
  openForm({
    title: "Remove users",
    intro: "A number of them, or those with these ids.",
    fields: [
      { name: "count", label: "How many", type: "number", value: 10, min: 1, step: 1 },
      { name: "ids", label: "Or which", placeholder: "12, 40, 41", hint: "Ids, with commas between them. Then the number above does not count." },
      { name: "force", label: "By force", type: "checkbox", hint: "Their iterations are cut off. Without it, each ends its iteration first." },
      ...partField(view.run),
    ],
    submit: "Remove",
    async onSubmit({ count, ids, force, scenario }) {
      const wanted = ids ? ids.split(/[\s,]+/).filter(Boolean).map(Number) : undefined;
      if (wanted?.some((id) => !Number.isSafeInteger(id))) throw new Error("An id is a whole number.");
      const answer = await send("POST", path(view.run, "/users:remove"), only({ count: wanted ? undefined : count, ids: wanted, force: force || undefined, scenario }), { once: true });
      view.changed(answer.run);
      const gone = answer.not_found?.length ? ` Not found: ${answer.not_found.join(", ")}.` : "";
      toast(`${answer.removed} users are leaving.${gone}`);
    },
  });
}

async function patch(view, change, revision) {
  try {
    view.changed(await send("PATCH", path(view.run), only(change), { revision }));
  } catch (error) {
    if (error.code === "stale_version") {
      await view.refresh();
      error.remedy = "Somebody changed the run since this form was opened. See what it is now, and open the form again.";
    }
    throw error;
  }
}

function changeLoad(view) {
  const { revision } = view.run;
  openForm({
    title: "Change load",
    intro: "What is left empty stays as it is.",
    fields: [
      { name: "users", label: "Users", type: "number", min: 0, step: 1, hint: "So many at a time, instead of those planned now." },
      { name: "rate", label: "Rate", placeholder: "100/s", hint: "Iterations started a second, where the load is a rate." },
      { name: "executor", label: "Another load", type: "textarea", placeholder: '{"executor": "ramping-arrival-rate", "stages": ["30s:100/s"], "users": 50}', hint: "Options of a load as JSON: users of the old one end, those of the new one begin." },
      ...partField(view.run),
    ],
    submit: "Change",
    async onSubmit({ users, rate, executor, scenario }) {
      await patch(view, { users, rate, executor: executor && json(executor, "The other load"), scenario }, revision);
      toast("The load is changed.");
    },
  });
}

function json(text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is no JSON: ${error.message}`);
  }
}

// A field for one declared setting; `value` is what it has now.
export function settingField(setting, value) {
  const bounds = [setting.minimum && `at least ${setting.minimum}`, setting.maximum && `at most ${setting.maximum}`].filter(Boolean).join(", ");
  const common = { name: setting.name, label: setting.name, hint: [setting.doc, bounds].filter(Boolean).join(" — "), required: false };
  if (setting.secret || setting.kind === "secret") return { ...common, type: "password", hint: `${common.hint} (secret: it is never shown)` };
  const given = value ?? setting.default ?? "";
  if (setting.allowed?.length) return { ...common, type: "select", options: given === "" ? [{ value: "", label: "—" }, ...setting.allowed] : setting.allowed, value: given };
  if (setting.kind === "boolean") return { ...common, type: "select", options: given === "" ? [{ value: "", label: "—" }, "true", "false"] : ["true", "false"], value: given };
  const kinds = { integer: "a whole number", number: "a number", duration: "30s, 1m30s" };
  return { ...common, value: given, placeholder: kinds[setting.kind] ?? "" };
}

async function changeSettings(view) {
  const { run } = view;
  const several = run.parts?.length > 1;
  const part = several ? await choosePart(run) : run.parts?.[0];
  if (!part) return;
  const scenario = await get(`/v1/scenarios/${encodeURIComponent(part.scenario)}`).catch(() => null);
  const live = scenario?.settings.filter((setting) => setting.live) ?? Object.keys(part.settings ?? {}).map((name) => ({ name, kind: "text" }));
  if (live.length === 0) {
    toast(`${part.scenario} declares no setting that may change during a run.`, "warn");
    return;
  }
  const before = Object.fromEntries(live.map((setting) => [setting.name, part.settings?.[setting.name] ?? setting.default ?? undefined]));
  await openForm({
    title: several ? `Settings of ${part.name}` : "Settings",
    intro: "Those that may change during a run. Users see them at their next iteration.",
    fields: live.map((setting) => settingField(setting, before[setting.name])),
    submit: "Change",
    async onSubmit(values) {
      const settings = Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== undefined && value !== before[name]));
      if (Object.keys(settings).length === 0) throw new Error("No value is another than before.");
      await patch(view, { settings, scenario: several ? part.name : undefined }, run.revision);
      toast("The settings are changed.");
    },
  });
}

async function choosePart(run) {
  let chosen;
  await openForm({ title: "Settings of which scenario?", fields: partField(run), submit: "Go on", onSubmit: ({ scenario }) => (chosen = run.parts.find((part) => part.name === scenario)) });
  return chosen;
}

const lines = (text) => (text ?? "").split("\n").map((line) => line.trim()).filter(Boolean);

function changeThresholds(view) {
  const { run } = view;
  const tags = Object.entries(run.tags ?? {}).map(([name, value]) => `${name}=${value}`);
  openForm({
    title: "Thresholds and tags",
    intro: "These take the place of those that the run has.",
    fields: [
      { name: "thresholds", label: "Thresholds", type: "textarea", rows: 4, value: (run.thresholds ?? []).join("\n"), hint: "One a line: http_req_duration:p(95)<200" },
      { name: "tags", label: "Tags", type: "textarea", value: tags.join("\n"), hint: "One a line: name=value. They are on samples from now on." },
    ],
    submit: "Change",
    async onSubmit(values) {
      const change = {};
      if (lines(values.thresholds).join("\n") !== (run.thresholds ?? []).join("\n")) change.thresholds = lines(values.thresholds);
      if (lines(values.tags).join("\n") !== tags.join("\n")) change.tags = Object.fromEntries(lines(values.tags).map(tag));
      await patch(view, change, run.revision);
      toast("Thresholds and tags are changed.");
    },
  });
}

function tag(line) {
  const at = line.indexOf("=");
  if (at < 1) throw new Error(`A tag is name=value, and this is not: ${line}`);
  return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

function changeThrottle(view) {
  openForm({
    title: "Change a throttle",
    fields: [
      { name: "name", label: "Name", required: true, hint: "As the scenario names it." },
      { name: "action", label: "What", type: "select", options: ["rate", "parallelism", "pause", "resume", "unlock"] },
      { name: "value", label: "Value", placeholder: "10/s", hint: "A rate (10/s), or how many at a time (5). Nothing for the others." },
    ],
    submit: "Change",
    async onSubmit({ name, action, value }) {
      const change = action === "rate" ? { rate: value } : action === "parallelism" ? { parallelism: Number(value) } : action;
      await patch(view, { throttles: { [name]: change } }, view.run.revision);
      toast(`Throttle ${name}: ${action} ${value ?? ""}`);
    },
  });
}

function annotate(view) {
  openForm({
    title: "Annotate",
    intro: "A remark at this moment of the run: it is marked on the charts, and kept with the results.",
    fields: [
      { name: "text", label: "Remark", required: true, placeholder: "Cache cleared" },
      { name: "tags", label: "Tags", placeholder: "deploy, cache", hint: "With commas between them." },
    ],
    submit: "Annotate",
    async onSubmit({ text, tags }) {
      const note = await send("POST", path(view.run, "/annotations"), only({ text, tags: tags?.split(",").map((each) => each.trim()).filter(Boolean) }), { once: true });
      view.annotated(note);
      // The run has another revision now: the next form begins with it.
      await view.refresh();
      toast("Noted.");
    },
  });
}

async function pauseOrResume(view) {
  const action = view.run.state === "paused" ? "resume" : "pause";
  try {
    view.changed(await send("POST", path(view.run, `/${action}`), {}));
    announce(action === "pause" ? "The run is paused." : "The run goes on.");
  } catch (error) {
    toast([error.message, error.remedy].filter(Boolean).join(" "), "bad");
  }
}

function stop(view) {
  const again = view.run.state === "stopping";
  openForm({
    title: again ? "Stop at once?" : "Stop this run?",
    intro: again ? "Iterations that still run are cut off." : "Users end their iterations and leave. The results are kept.",
    fields: again ? [] : [{ name: "force", label: "At once", type: "checkbox", hint: "Iterations that run are cut off." }],
    submit: again ? "Stop at once" : "Stop",
    danger: true,
    async onSubmit({ force }) {
      view.changed(await send("POST", path(view.run, "/stop"), { force: again || force === true }));
      announce("The run is stopping.");
    },
  });
}
