// Other code for a run: of a stored scenario, or of a file that is uploaded first.
import { get, send, upload } from "lt/api.js";
import { h, toast } from "lt/dom.js";
import { openForm } from "lt/form.js";

// A name that the host takes, from that of a file.
export function nameOf(file) {
  const name = file.name.replace(/\.wasm$/i, "").toLowerCase().replace(/[^a-z0-9_-]+/g, "-").replace(/^[-_]+/, "");
  return name.slice(0, 64) || "scenario";
}

// Asks what to upload a file as, and uploads it; gives the scenario that is stored then, or nothing.
export async function askUpload(file, name = nameOf(file)) {
  let stored;
  const progress = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Upload" });
  await openForm({
    title: "Upload a scenario",
    intro: `${file.name}, ${Math.ceil(file.size / 1000).toLocaleString("en")} kB. It becomes the current version of its name; runs are not touched.`,
    fields: [{ name: "name", label: "Name", value: name, required: true, hint: "Small letters, digits, - and _." }],
    submit: "Upload",
    extra: progress,
    async onSubmit(values) {
      progress.hidden = false;
      progress.value = 0;
      try {
        stored = await upload(`/v1/scenarios/${encodeURIComponent(values.name)}`, file, (share) => (progress.value = share));
      } finally {
        progress.hidden = true;
      }
      toast(`${stored.name} ${stored.version} is stored.`);
    },
  });
  return stored;
}

// Asks which version the users of a run are to take, and how. `file` is one that was dropped onto the run.
export async function askSwap(view, file) {
  const { run } = view;
  const parts = run.parts ?? [];
  if (file) {
    const stored = await askUpload(file, parts.length === 1 ? parts[0].scenario : undefined);
    if (!stored) return;
    view.stored?.();
    return askWhich(view, [stored], parts.find((part) => part.scenario === stored.name));
  }
  const { scenarios } = await get("/v1/scenarios").catch(() => ({ scenarios: [] }));
  const names = new Set([...parts.map((part) => part.scenario), ...scenarios.map((scenario) => scenario.name)]);
  const all = await Promise.all([...names].map((name) => get(`/v1/scenarios/${encodeURIComponent(name)}`).catch(() => null)));
  return askWhich(view, all.filter(Boolean), parts[0]);
}

function askWhich(view, scenarios, part) {
  const { run } = view;
  const parts = run.parts ?? [];
  const runs = new Set(parts.flatMap((each) => (each.versions ?? []).filter((version) => version.current).map((version) => version.digest)));
  const choices = scenarios.flatMap((scenario) => scenario.versions.map((version) => ({
    value: `${scenario.name} ${version.digest}`,
    label: `${scenario.name} ${version.version}+${version.digest.slice(0, 8)}${version.current ? ", current" : ""}${runs.has(version.digest) ? " (new users run it)" : ""}`,
    fresh: !runs.has(version.digest),
  })));
  const first = choices.find((choice) => choice.fresh) ?? choices[0];
  const back = parts.some((each) => (each.versions ?? []).length > 1);
  return openForm({
    title: "Swap the code",
    intro: "New users take the other version at once, running ones at their next iteration. Drop a .wasm on the run to swap to a file.",
    fields: [
      { name: "version", label: "Version", type: "select", options: choices, value: first?.value },
      ...(parts.length > 1 ? [{ name: "part", label: "Of which part", type: "select", options: parts.map((each) => each.name), value: part?.name }] : []),
      { name: "share", label: "Share of the users, in percent", type: "number", value: 100, min: 1, max: 100, step: "any", hint: "Less than 100 is a canary: swap again with 100 to go on." },
      { name: "failures", label: "Roll back at", placeholder: "5% or 20", hint: "Failures of the new version: a share of its iterations, or a number. Empty: never by itself." },
      { name: "after", label: "… but not before", type: "number", min: 1, step: 1, placeholder: "20", hint: "iterations of the new version" },
      { name: "drain", label: "Running users change too", type: "checkbox", value: true, hint: "Otherwise they keep their code until they end." },
      { name: "settings", label: "New settings", type: "textarea", rows: 2, hint: "One a line: name=value. Empty: as they are." },
    ],
    extra: back ? h("button", { type: "button", class: "quiet", onclick: (event) => rollBack(view, event.target.closest("dialog"), part) }, "Roll back to the version before") : null,
    submit: "Swap",
    async onSubmit(values) {
      if (!values.version) throw new Error("No version is stored: drop a .wasm on the run, or upload one first.");
      const [scenario, digest] = values.version.split(" ");
      const body = { scenario, digest, share: (values.share ?? 100) / 100, drain: values.drain };
      if (values.part) body.part = values.part;
      if (values.failures) body.rollback = { failures: /^\d+$/.test(values.failures.trim()) ? Number(values.failures) : values.failures.trim(), ...(values.after ? { after: values.after } : {}) };
      if (values.settings) body.settings = Object.fromEntries(values.settings.split("\n").filter((line) => line.includes("=")).map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()]));
      view.changed(await send("POST", `/v1/runs/${encodeURIComponent(run.id)}/swap`, body, { once: true }));
      toast("The swap has begun.");
    },
  });
}

async function rollBack(view, dialog, part) {
  dialog.close();
  try {
    const several = (view.run.parts ?? []).length > 1;
    view.changed(await send("POST", `/v1/runs/${encodeURIComponent(view.run.id)}/swap/rollback`, several && part ? { part: part.name } : {}));
    toast("Users go back to the version before.");
  } catch (error) {
    toast([error.message, error.remedy].filter(Boolean).join(" "), "bad");
  }
}
