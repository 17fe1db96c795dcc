const columns = page.columns, rows = page.rows;
const place = Object.fromEntries(columns.map((column, i) => [column.name, i]));
const value = (row, name) => rows[row][place[name]];
const numbers = columns.filter((column) => column.kind === "number").map((column) => column.name);
const rowHeight = 28, svgBars = 1500, printed = 300, lines = 1500;
const state = { x: page.start.x, y: page.start.y, colour: page.start.colour, subject: page.subjects[0],
  sort: null, down: false, filters: {}, chosen: null, current: null, shown: [] };

// A browser without WebGL draws the same in SVG.
const webgl = (() => {
  try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
})();
const label = (name) => {
  const column = columns[place[name]];
  return name.replaceAll("_", " ") + (column.unit ? ` (${column.unit})` : "");
};
function test(filter, found) {
  const text = filter.trim();
  if (!text) return true;
  const compared = text.match(/^(<=|>=|<|>|=)\s*(-?[\d.]+(?:e-?\d+)?)$/i);
  const range = text.match(/^(-?[\d.]+)\s*\.\.\s*(-?[\d.]+)$/);
  if (compared) {
    if (typeof found !== "number") return false;
    const limit = Number(compared[2]);
    return { "<": found < limit, "<=": found <= limit, ">": found > limit, ">=": found >= limit,
      "=": found === limit }[compared[1]];
  }
  if (range) return typeof found === "number" && found >= Number(range[1]) && found <= Number(range[2]);
  return String(found ?? "").toLowerCase().includes(text.toLowerCase());
}

const better = () => (rows.length && value(own()[0] ?? 0, "lower_is_better") ? -1 : 1);
const sign = (name) => (name === "score" ? better() : name === "steps_per_s" || name.endsWith("_share") ? 1 : -1);
function own() {
  const found = [];
  for (let row = 0; row < rows.length; row++) if (value(row, "subject") === state.subject) found.push(row);
  return found;
}

// The front of two figures, and what is no worse within the standard error of the score.
function fronts(known) {
  const { x, y } = state, up = sign(y), right = sign(x), front = [], near = new Set();
  const order = known.filter((row) => value(row, x) !== null && value(row, y) !== null);
  order.sort((a, b) => right * (value(b, x) - value(a, x)) || up * (value(b, y) - value(a, y)));
  for (const row of order) {
    const best = front.at(-1);
    if (best === undefined || up * value(row, y) > up * value(best, y)) front.push(row);
    const against = front.at(-1), error = y === "score" ? value(against, "standard_error") ?? 0 : 0;
    if (up * (value(against, y) - value(row, y)) <= error) near.add(row);
  }
  return { front, near };
}

function hover(row) {
  const shown = page.hover.map((name) => `${name.replaceAll("_", " ")}: ${shownValue(value(row, name))}`);
  return `<b>${label(state.y)}: ${shownValue(value(row, state.y))}</b><br>` + shown.join("<br>");
}

function drawFront() {
  const visible = new Set(matching(true)), known = own().filter((row) => visible.has(row));
  state.marks = fronts(known);
  const groups = new Map();
  for (const row of known) {
    const name = String(value(row, state.colour));
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  const type = webgl && known.length > svgBars ? "scattergl" : "scatter";
  const bars = state.y === "score" && (type === "scattergl" ? known.length <= 20000 : known.length <= svgBars);
  const traces = [...groups].map(([name, members], i) => ({
    type, mode: "markers", name: `${state.colour.replaceAll("_", " ")} ${name}`, customdata: members,
    x: members.map((row) => value(row, state.x)), y: members.map((row) => value(row, state.y)),
    text: members.map(hover), hovertemplate: "%{text}<extra></extra>",
    marker: { color: colours[i % colours.length], size: 8,
      opacity: members.map((row) => (state.marks.near.has(row) ? 1 : 0.35)) },
    ...(bars ? { error_y: { type: "data", array: members.map((row) => value(row, "standard_error") ?? 0),
      thickness: 0.8, width: 0, color: colours[i % colours.length] } } : {}),
  }));
  traces.push({ type: "scatter", mode: "lines", name: "front", hoverinfo: "skip",
    line: { shape: sign(state.x) < 0 ? "hv" : "vh", color: colour("--text"), width: 1.5 },
    x: state.marks.front.map((row) => value(row, state.x)), y: state.marks.front.map((row) => value(row, state.y)) });
  const look = layout();
  look.xaxis.title = { text: label(state.x) };
  look.yaxis.title = { text: label(state.y) };
  look.dragmode = "select";
  look.showlegend = groups.size <= colours.length;
  Plotly.react("front", traces, look, settings);
  const near = state.marks.near.size - state.marks.front.length;
  byId("front-note").textContent = `${state.marks.front.length} points are on the front; ${near} others, drawn ` +
    "solid, are no worse than it within the standard error. Drag over points to see them alone in the table.";
}

function drawParallel() {
  const names = page.parallel.filter((name) => byId(`dim-${name}`).checked);
  const all = state.shown, step = Math.max(1, Math.ceil(all.length / lines));
  const chosen = all.filter((row, i) => i % step === 0 || state.marks.near.has(row));
  const levels = names.map((name) => {
    const found = [...new Set(rows.map((row) => row[place[name]]))];
    if (numbers.includes(name)) {
      const known = found.filter((each) => each !== null);
      const low = Math.min(...known), high = Math.max(...known);
      return { low: shownValue(low), high: shownValue(high),
        at: (each) => (each === null ? null : high > low ? (each - low) / (high - low) : 0.5) };
    }
    const order = found.map(String).sort();
    return { low: order[0], high: order.at(-1),
      at: (each) => (order.length > 1 ? order.indexOf(String(each)) / (order.length - 1) : 0.5) };
  });
  const trace = (name, members, look) => {
    const x = [], y = [];
    for (const row of members) {
      names.forEach((column, i) => { x.push(i); y.push(levels[i].at(value(row, column))); });
      x.push(null); y.push(null);
    }
    return { type: "scatter", mode: "lines", name, x, y, hoverinfo: "skip", ...look };
  };
  const near = chosen.filter((row) => state.marks.near.has(row));
  const others = chosen.filter((row) => !state.marks.near.has(row));
  const traces = [trace("others", others, { line: { width: 1, color: colour("--faint") }, opacity: 0.25 }),
    trace("front, and no worse", near, { line: { width: 1.6, color: colours[1] }, opacity: 0.9 })];
  if (state.current !== null) traces.push(trace("chosen row", [state.current], { line: { width: 4, color: colours[0] } }));
  const look = layout();
  look.xaxis = { ...look.xaxis, tickvals: names.map((_, i) => i), range: [-0.3, Math.max(names.length - 0.7, 0.7)],
    ticktext: names.map((name, i) => `${name.replaceAll("_", " ")}<br>${levels[i].low} … ${levels[i].high}`) };
  look.yaxis = { ...look.yaxis, showticklabels: false, range: [-0.05, 1.05] };
  Plotly.react("parallel", traces, look, { ...settings, displayModeBar: false });
  byId("parallel-note").textContent = (step > 1 ? `Of ${all.length} points every ${step}th is drawn. ` : "") +
    "Each axis runs from its least value to its greatest; the table's filters leave lines out.";
}

// Rows that the filters let through; for the chart its own selection does not count.
function matching(forChart) {
  const filters = Object.entries(state.filters).filter(([, text]) => text.trim());
  const found = [];
  for (let row = 0; row < rows.length; row++) {
    if (!forChart && state.chosen && !state.chosen.has(row)) continue;
    if (filters.every(([name, text]) => test(text, value(row, name)))) found.push(row);
  }
  return found;
}

function update(charts) {
  if (charts) drawFront();
  let shown = matching(false);
  if (byId("only-front").checked || byId("only-near").checked) {
    const front = new Set(state.marks.front), wanted = byId("only-near").checked ? state.marks.near : front;
    shown = shown.filter((row) => wanted.has(row));
  }
  if (state.sort) {
    const at = place[state.sort], turn = state.down ? -1 : 1;
    shown.sort((a, b) => {
      const one = rows[a][at], other = rows[b][at];
      if (one === other) return a - b;
      if (one === null) return 1;
      if (other === null) return -1;
      return (one < other ? -1 : 1) * turn;
    });
  }
  state.shown = shown;
  byId("count").textContent = `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} points`;
  drawRows();
  drawParallel();
}

function drawHead() {
  const head = document.createElement("tr");
  for (const column of columns.filter((each) => each.table)) {
    const cell = document.createElement("th"), button = document.createElement("button");
    cell.scope = "col";
    cell.className = column.kind;
    button.type = "button";
    button.textContent = column.name.replaceAll("_", " ");
    button.title = column.text;
    button.dataset.column = column.name;
    button.addEventListener("click", () => {
      state.down = state.sort === column.name ? !state.down : false;
      state.sort = column.name;
      for (const each of document.querySelectorAll("thead th")) each.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      update(false);
    });
    const input = document.createElement("input");
    input.type = "search";
    input.setAttribute("aria-label", `filter ${column.name}`);
    input.dataset.filter = column.name;
    let waiting = 0;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { state.filters[column.name] = input.value; update(true); }, 120);
    });
    cell.append(button, document.createElement("br"), input);
    head.append(cell);
  }
  document.querySelector("#table thead").replaceChildren(head);
}

// Only rows in view are in the document, so that ten thousand cost no more than forty.
function drawRows(all) {
  const box = byId("table-box"), body = document.querySelector("#table tbody");
  const first = all ? 0 : Math.max(0, Math.floor(box.scrollTop / rowHeight) - 5);
  const last = all ? Math.min(state.shown.length, printed) : Math.min(state.shown.length, first + 45);
  const spacer = (height) => {
    const row = document.createElement("tr");
    row.setAttribute("aria-hidden", "true");
    row.style.height = `${height}px`;
    return row;
  };
  const made = state.shown.slice(first, last).map((row) => {
    const line = document.createElement("tr");
    line.dataset.row = row;
    line.setAttribute("aria-selected", String(row === state.current));
    if (state.marks.front.includes(row)) line.className = "front";
    for (const column of columns.filter((each) => each.table)) {
      const cell = document.createElement("td");
      cell.className = column.kind;
      cell.textContent = shownValue(value(row, column.name));
      line.append(cell);
    }
    return line;
  });
  body.replaceChildren(spacer(first * rowHeight), ...made, spacer(all ? 0 : (state.shown.length - last) * rowHeight));
}

// A word as a shell takes it.
const word = (text) => (/^[\w.,:\/=+-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);

function commands(row) {
  const named = value(row, "config"), base = named in page.bases ? named : "edge", changes = [];
  for (const name of page.machine) {
    const wanted = name === "name" ? named : value(row, name);
    if (wanted !== page.bases[base][name]) changes.push(`--set ${word(`${name}=${wanted}`)}`);
  }
  const machine = changes.join(" "), mode = value(row, "mode"), options = [`--mode ${mode}`];
  const set = (name, option) => { if (value(row, name)) options.push(`--${option} ${word(value(row, name))}`); };
  if (mode === "delta" || mode === "auto") { set("x_threshold", "threshold-x"); set("h_threshold", "threshold-h"); }
  if (mode === "skip" || mode === "auto") { set("skip_threshold", "skip-threshold"); set("max_skips", "max-skips"); }
  if (mode === "auto") set("delta_threshold", "delta-threshold");
  if (mode !== "normal") { set("normal_every", "normal-every"); options.push("--zero-skip"); }
  if (mode === "delta" || mode === "reduced") set("level", "level");
  const bits = value(row, "network_bits") !== value(row, "weight_bits") ? ` --network-bits ${value(row, "network_bits")}` : "";
  return [
    ["Verilog", `refrain verilog ${base} ${machine} -o build/${named}`.replace("  ", " ")],
    ["Run", `refrain run NETWORK --input X.npy --config ${base} ${machine} ${options.join(" ")}${bits}`.replace("  ", " ")],
  ];
}

function choose(row) {
  state.current = row;
  drawRows();
  drawParallel();
  const box = document.createElement("div");
  const add = (tag, text, parent = box) => {
    const made = document.createElement(tag);
    made.textContent = text;
    parent.append(made);
    return made;
  };
  for (const [what, line] of commands(row)) {
    add("h3", what);
    const code = add("pre", line);
    const button = add("button", "Copy");
    button.type = "button";
    button.addEventListener("click", () => {
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
      button.textContent = "Copied";
    });
  }
  const part = page.parts[value(row, "part")];
  if (part) {
    add("h3", `On ${value(row, "part")}`);
    const list = add("dl", "");
    for (const [name, limit] of Object.entries(part)) {
      const used = value(row, name), source = value(row, "cells_from") === "Yosys" ? "counted by Yosys" : "estimated";
      add("dt", name.toUpperCase(), list);
      const cell = add("dd", "", list), meter = document.createElement("meter");
      meter.max = limit; meter.high = limit * 0.8; meter.value = Math.min(used, limit);
      cell.append(meter, ` ${shownValue(used)} of ${shownValue(limit)}, ${source}`);
      if (used > limit) { cell.className = "bad"; cell.append(": does not fit"); }
    }
  }
  add("h3", "All figures");
  const list = add("dl", "");
  for (const column of columns) {
    add("dt", label(column.name), list);
    add("dd", shownValue(value(row, column.name)), list);
  }
  byId("detail").replaceChildren(box);
}

function begin() {
  byId("summary").textContent = page.summary;
  const subjects = page.subjects;
  options(byId("x-axis"), numbers, state.x, label);
  options(byId("y-axis"), numbers, state.y, label);
  options(byId("colour"), page.groups, state.colour, (name) => name.replaceAll("_", " "));
  options(byId("subject"), subjects, state.subject, (name) => name);
  byId("subject").parentElement.hidden = subjects.length < 2;
  for (const [name, key] of [["x-axis", "x"], ["y-axis", "y"], ["colour", "colour"], ["subject", "subject"]]) {
    byId(name).addEventListener("change", () => { state[key] = byId(name).value; state.chosen = null; update(true); });
  }
  byId("parallel-axes").replaceChildren(...page.parallel.map((name, i) => {
    const box = document.createElement("label"), input = document.createElement("input");
    input.type = "checkbox"; input.id = `dim-${name}`; input.checked = i < (narrow ? 4 : page.dims);
    input.addEventListener("change", drawParallel);
    box.append(input, name.replaceAll("_", " "));
    return box;
  }));
  drawHead();
  for (const name of ["only-front", "only-near"]) byId(name).addEventListener("change", () => update(false));
  byId("reset").addEventListener("click", () => {
    state.filters = {}; state.chosen = null;
    for (const input of document.querySelectorAll("thead input")) input.value = "";
    for (const name of ["only-front", "only-near"]) byId(name).checked = false;
    update(true);
  });
  byId("table-box").addEventListener("scroll", () => requestAnimationFrame(() => drawRows()));
  document.querySelector("#table tbody").addEventListener("click", (event) => {
    const line = event.target.closest("tr[data-row]");
    if (line) choose(Number(line.dataset.row));
  });
  byId("table-box").addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" || !["ArrowDown", "ArrowUp"].includes(event.key) || !state.shown.length) return;
    event.preventDefault();
    const at = state.shown.indexOf(state.current), step = event.key === "ArrowDown" ? 1 : -1;
    const next = Math.min(Math.max(at + step, 0), state.shown.length - 1), box = byId("table-box");
    const top = next * rowHeight;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 4 * rowHeight) box.scrollTop = top;
    choose(state.shown[next]);
  });
  update(true);
  const chart = byId("front");
  chart.on("plotly_selected", (event) => {
    state.chosen = event && event.points.length ? new Set(event.points.map((point) => point.customdata)) : null;
    update(false);
  });
  chart.on("plotly_deselect", () => { state.chosen = null; update(false); });
  chart.on("plotly_click", (event) => {
    const row = event.points[0].customdata;
    if (row !== undefined) choose(row);
  });
  byId("failed-section").hidden = !page.failed.length;
  byId("failed").replaceChildren(...page.failed.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  describe(byId("about"), page.about);
  describe(byId("columns"), columns.map((column) => [label(column.name), column.text]));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => update(true));
  addEventListener("beforeprint", () => drawRows(true));
  addEventListener("afterprint", () => drawRows());
}
begin();
