// Forms from descriptions of their fields, with what the host refuses shown beside the field it refuses.
import { h } from "lt/dom.js";

let numbered = 0;

// One field: `{name, label, type, value, hint, options, required, min, max, step, placeholder}`. Gives its element, `value()`
// (undefined when empty) and `refuse(text)`.
export function field(about) {
  const id = `field-${(numbered += 1)}`;
  const hint = h("div", { class: "hint", id: `${id}-hint` }, about.hint ?? "");
  const error = h("div", { class: "error", id: `${id}-error`, role: "alert" });
  const input = control(about, id);
  input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  const label = h("label", { for: id }, about.label, about.required ? h("span", { class: "required", "aria-hidden": "true" }, " *") : null);
  const check = about.type === "checkbox";
  const node = h("div", { class: `field ${check ? "check" : ""}`, data: { field: about.name } }, check ? [input, label] : [label, input], hint, error);
  const refuse = (text) => {
    error.textContent = text ?? "";
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  // What was refused is not what stands there now.
  input.addEventListener("input", () => refuse());
  return { about, node, input, value: () => read(about, input), refuse };
}

function control(about, id) {
  const common = { id, name: about.name, required: about.required ?? false, autocomplete: "off" };
  if (about.type === "select") {
    const options = about.options.map((option) => {
      const { value, label } = typeof option === "object" ? option : { value: option, label: option };
      return h("option", { value, selected: value === about.value }, label);
    });
    return h("select", common, options);
  }
  if (about.type === "checkbox") return h("input", { id, name: about.name, type: "checkbox", checked: about.value ?? false });
  if (about.type === "textarea") return h("textarea", { ...common, rows: about.rows ?? 3, value: about.value ?? "", placeholder: about.placeholder ?? "" });
  const input = h("input", { ...common, type: about.type ?? "text", placeholder: about.placeholder ?? "" });
  for (const name of ["min", "max", "step", "accept"]) if (about[name] !== undefined) input.setAttribute(name, about[name]);
  if (about.value !== undefined && about.type !== "file") input.value = about.value;
  return input;
}

function read(about, input) {
  if (about.type === "checkbox") return input.checked;
  if (about.type === "file") return input.files[0];
  const text = input.value;
  if (text.trim() === "") return undefined;
  return about.type === "number" ? Number(text) : text;
}

// Where a refusal is told, whole: message, remedy, and every problem that belongs to none of the fields.
export function notice() {
  const node = h("div", { class: "refusal", role: "alert", hidden: true });
  return {
    node,
    show(refusal, fields = []) {
      for (const each of fields) each.refuse();
      const rest = (refusal.problems ?? []).filter((problem) => !beside(problem, fields));
      node.replaceChildren(
        ...[
          h("strong", null, refusal.message),
          refusal.remedy && h("div", null, refusal.remedy),
          rest.length > 0 && h("ul", null, rest.map((problem) => h("li", null, h("code", null, problem.field), " ", told(problem)))),
        ].filter(Boolean),
      );
      node.hidden = false;
      const first = fields.find((each) => each.input.getAttribute("aria-invalid"));
      first?.input.focus();
    },
    clear(fields = []) {
      node.hidden = true;
      for (const each of fields) each.refuse();
    },
  };
}

const told = (problem) => [problem.message, problem.remedy].filter(Boolean).join(" ");

function beside(problem, fields) {
  const name = String(problem.field ?? "");
  const found = fields.find((each) => name === each.about.name || name.endsWith(`.${each.about.name}`) || name.startsWith(`${each.about.name}[`));
  found?.refuse(told(problem));
  return found !== undefined;
}

// A dialog with a form. Resolves to true once `onSubmit(values, fields)` went well, to false when it is closed. What `onSubmit` throws is
// shown in the dialog, which stays.
export function openForm({ title, intro, fields = [], submit, danger = false, extra, onSubmit }) {
  return new Promise((resolve) => {
    const made = fields.map(field);
    const refused = notice();
    const heading = h("h2", { id: `dialog-${(numbered += 1)}` }, title);
    const go = h("button", { type: "submit", class: danger ? "danger" : "primary" }, submit);
    const close = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const form = h(
      "form",
      { noValidate: true, onsubmit: work },
      heading,
      intro && h("p", { class: "muted" }, intro),
      made.map((each) => each.node),
      extra,
      refused.node,
      h("div", { class: "buttons" }, close, go),
    );
    const dialog = h("dialog", { "aria-labelledby": heading.id }, form);
    let done = false;
    async function work(event) {
      event.preventDefault();
      if (missing(made)) return;
      refused.clear(made);
      go.disabled = true;
      try {
        await onSubmit(Object.fromEntries(made.map((each) => [each.about.name, each.value()])), made);
        done = true;
        dialog.close();
      } catch (error) {
        refused.show(error, made);
      } finally {
        go.disabled = false;
      }
    }
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    document.body.append(dialog);
    dialog.showModal();
    (made[0]?.input ?? go).focus();
  });
}

// Marks what must be filled in and is not, in words of this page and not of the browser.
export function missing(fields) {
  let first;
  for (const each of fields) {
    const gap = each.about.required && each.about.type !== "checkbox" && each.value() === undefined;
    const wrong = each.about.type === "number" && each.input.validity.badInput;
    each.refuse(wrong ? "This is no number." : gap ? "This is needed." : undefined);
    if (gap || wrong) first ??= each;
  }
  first?.input.focus();
  return first !== undefined;
}
