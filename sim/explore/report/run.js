const modeColours = Object.fromEntries(page.names.map((name, i) => [name, colours[i % colours.length]]));

// One step may be wider than a pixel or many: the strip is an image of a row of modes.
function drawTimeline() {
  const layer = page.timeline[Number(byId("layer").value)], at = Number(byId("sequence").value);
  const steps = layer.sequences[at], last = page.names.length - 1;
  const x = steps.mode.map((_, i) => i);
  const scale = page.names.flatMap((name, i) => [[i / (last + 1), modeColours[name]], [(i + 1) / (last + 1), modeColours[name]]]);
  const line = (values, name, colour, axis) => ({ type: "scatter", mode: "lines", name, x, y: values, yaxis: axis,
    line: { shape: "hvh", width: 1.2, color: colour }, connectgaps: false });
  const traces = [
    { type: "heatmap", z: [steps.mode], x, y: [""], yaxis: "y3", zmin: -0.5, zmax: last + 0.5, colorscale: scale, showscale: false,
      text: [steps.mode.map((mode) => page.names[mode])], hovertemplate: "step %{x}: %{text}<extra></extra>" },
    line(steps.events_x, "columns of x", colours[5], "y"), line(steps.events_h, "columns of h", colours[1], "y"),
    line(steps.score, "score", colour("--text"), "y2"),
    // Names of the colours of the strip.
    ...page.names.map((name) => ({ type: "scatter", mode: "markers", name, x: [null], y: [null],
      marker: { symbol: "square", size: 11, color: modeColours[name] } })),
  ];
  const look = layout();
  look.xaxis.title = { text: "step" };
  look.xaxis.range = [-0.5, x.length - 0.5];
  look.yaxis = { ...look.yaxis, domain: [0.42, 1], title: { text: "columns" }, rangemode: "tozero" };
  look.yaxis2 = { ...look.yaxis, domain: [0.13, 0.38], title: { text: "score" }, range: [-0.05, 1.05] };
  look.yaxis3 = { ...look.yaxis, domain: [0, 0.1], title: { text: "" }, fixedrange: true, showgrid: false, showticklabels: false, ticks: "" };
  look.xaxis.anchor = "y3";
  look.hovermode = "x";
  Plotly.react("timeline", traces, look, settings);
  const counts = page.names.map((name, i) => [name, steps.mode.filter((mode) => mode === i).length]);
  byId("timeline-note").textContent = counts.filter(([, count]) => count).map(([name, count]) =>
    `${count.toLocaleString("en")} steps ${name}`).join(", ") + ". Drag to look at a part; a double click shows all.";
}

function chooseLayer() {
  const sequences = page.timeline[Number(byId("layer").value)].sequences;
  const numbers = sequences.map((_, i) => String(i));
  options(byId("sequence"), numbers, "0", (name) => name);
  byId("sequence").parentElement.hidden = numbers.length < 2;
  drawTimeline();
}

function bars(place, names, stacks, title) {
  const look = layout();
  look.barmode = "stack";
  look.yaxis.title = { text: title };
  const traces = stacks.map(({ name, values, colour: own }, i) => ({ type: "bar", name, x: names, y: values,
    marker: { color: own ?? colours[i % colours.length] }, hovertemplate: "%{fullData.name}: %{y:.4~g}<extra>%{x}</extra>" }));
  Plotly.react(place, traces, look, settings);
}

function table(place, head, body) {
  const row = (cells, tag) => {
    const line = document.createElement("tr");
    line.append(...cells.map((cell, i) => {
      const made = document.createElement(tag);
      made.textContent = i && tag === "td" ? shownValue(cell) : cell;
      if (!i) made.className = "text";
      return made;
    }));
    return line;
  };
  document.querySelector(`#${place} thead`).replaceChildren(row(head, "th"));
  document.querySelector(`#${place} tbody`).replaceChildren(...body.map((cells) => row(cells, "td")));
}

function drawModes() {
  const share = (values) => {
    const total = values.reduce((sum, each) => sum + each, 0);
    return values.map((each) => (total ? (100 * each) / total : 0));
  };
  const known = page.shares.map(({ name, of }) => ({ name, of: share(page.modes.map((mode) => of[mode] ?? 0)) }));
  bars("modes", known.map(({ name }) => name), page.modes.map((mode, i) => ({ name: mode,
    values: known.map(({ of }) => of[i]), colour: modeColours[mode] })), "per cent");
  table("modes-table", ["mode", ...page.shares.map(({ name }) => name)],
    page.modes.map((mode) => [mode, ...page.shares.map(({ of }) => of[mode] ?? 0)]));
}

function drawEnergy() {
  const energy = page.energy;
  byId("energy-section").hidden = !energy;
  if (!energy) return;
  bars("energy", energy.modes, energy.parts.map((part, i) => ({ name: part, values: energy.nj[i] })), "nJ");
  const sum = (values) => values.reduce((total, each) => total + each, 0);
  table("energy-table", ["part", ...energy.modes.map((mode) => `${mode}, nJ`), "all, nJ"],
    energy.parts.map((part, i) => [part, ...energy.nj[i], sum(energy.nj[i])]));
  byId("energy-note").textContent = energy.note;
}

function begin() {
  byId("summary").textContent = page.summary;
  byId("places").hidden = byId("timeline").hidden = !page.timeline;
  if (page.timeline) {
    options(byId("layer"), page.timeline.map((_, i) => String(i)), "0", (name) => page.timeline[Number(name)].name);
    byId("layer").parentElement.hidden = page.timeline.length < 2;
    byId("layer").addEventListener("change", chooseLayer);
    byId("sequence").addEventListener("change", drawTimeline);
  } else byId("timeline-note").textContent = "Modes of single steps are drawn with --trace, and the file that refrain run --trace wrote.";
  for (const name of ["figures", "machine", "about"]) describe(byId(name), page[name].map(([term, text]) => [term, shownValue(text)]));
  byId("build").textContent = page.build;
  const draw = () => { if (page.timeline) chooseLayer(); drawModes(); drawEnergy(); };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
begin();
