"use strict";
// What pages of sweeps and of runs share.
const page = JSON.parse(document.getElementById("data").textContent);
const byId = (name) => document.getElementById(name);
const colours = ["#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#64748b", "#be185d"];

const shownValue = (found) => {
  if (found === null || found === undefined) return "–";
  if (typeof found !== "number" || Number.isInteger(found)) {
    return typeof found === "number" ? found.toLocaleString("en") : String(found);
  }
  return Math.abs(found) >= 1000 ? Math.round(found).toLocaleString("en") : String(Number(found.toPrecision(4)));
};

function options(select, names, chosen, text) {
  select.replaceChildren(...names.map((name) => new Option(text(name), name, false, name === chosen)));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
function layout() {
  const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
  return { paper_bgcolor: colour("--back"), plot_bgcolor: colour("--back"), font: { color: colour("--text"), size: 13 },
    margin: { t: 10, r: 10, l: 60, b: 50 }, xaxis: { ...axis }, yaxis: { ...axis }, hovermode: "closest",
    legend: { orientation: "h", yanchor: "bottom", y: 1.02, x: 0 } };
}
const narrow = matchMedia("(max-width: 40rem)").matches;
const settings = { responsive: true, displayModeBar: narrow ? false : "hover", displaylogo: false,
  modeBarButtons: [["zoom2d", "pan2d", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]] };

function describe(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, text]) => {
    const term = document.createElement("dt"), said = document.createElement("dd");
    term.textContent = name; said.textContent = text;
    return [term, said];
  }));
}
