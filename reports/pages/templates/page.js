"use strict";
(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const status = one("#status");

  const copied = async (pre, button) => {
    const text = pre.textContent;
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {
      const range = document.createRange();
      range.selectNodeContents(pre);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "copied" : "select it";
    if (status) status.textContent = done ? "The command was copied." : "It could not be copied; it is selected.";
    setTimeout(() => { button.textContent = "copy"; }, 2000);
  };
  for (const box of all(".cmd")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "copy";
    button.setAttribute("aria-label", "copy this command");
    button.addEventListener("click", () => copied(box.querySelector("pre"), button));
    box.append(button);
  }

  const form = one("#filter");
  if (!form) return;
  const rows = all(".row");
  const chapters = all(".chapter");
  const shown = one("#shown");
  let index = null;
  const indexed = () => {
    index ??= rows.map((row) => ({
      row,
      chapter: row.parentElement,
      datacenters: ` ${row.dataset.d} `,
      outcome: row.dataset.o,
      text: row.textContent.toLowerCase().replace(/\s+/g, " "),
      hidden: false,
    }));
    return index;
  };
  const filter = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const datacenter = form.elements.datacenter.value && ` ${form.elements.datacenter.value} `;
    const chapter = form.elements.chapter.value;
    const outcome = form.elements.outcome.value;
    const counts = new Map(chapters.map((each) => [each, 0]));
    let left = 0;
    for (const each of indexed()) {
      const fits = (!datacenter || each.datacenters.includes(datacenter))
        && (!chapter || each.chapter.dataset.chapter === chapter)
        && (!outcome || each.outcome === outcome || (outcome === "failed" && each.outcome === "cause"))
        && words.every((word) => each.text.includes(word));
      if (fits) {
        left += 1;
        counts.set(each.chapter, counts.get(each.chapter) + 1);
      }
      if (each.hidden === fits) {
        each.hidden = !fits;
        each.row.hidden = !fits;
      }
    }
    for (const [each, count] of counts) each.hidden = !count;
    shown.textContent = `${left} of ${rows.length} are shown`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));

  const arrive = () => {
    const there = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!there) return;
    if (there.hidden || there.closest("[hidden]")) {
      form.reset();
      filter();
    }
    for (let each = there; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
    there.scrollIntoView();
    if (there.tagName === "DETAILS") there.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", arrive);
  filter();
  arrive();
})();
