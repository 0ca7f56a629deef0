"use strict";
// Draws the charts of the page that are not folded away, by day, by night and on paper; keeps what a
// chart shows as SVG or CSV. Each chart is a div that holds its figure as JSON.
(function () {
  var night = window.matchMedia("(prefers-color-scheme: dark)");
  var paper = false;
  var template = document.getElementById("template").textContent;
  var drawn = new Set();
  var NARROW_PX = 600; // Below this the words beside marks would lie over each other,
  var MARK_PX = 3; // and so would larger marks.
  var AT_NIGHT = {
    "#000": "#f2f5f7", "#000000": "#f2f5f7", "#24313d": "#dfe6ec", "#2a3f5f": "#dfe6ec",
    "#fff": "#1a2128", "#ffffff": "#1a2128", "white": "#1a2128", "#0072b2": "#2f80d8",
    "#ccd5dd": "#4b5864", "#c8d4e3": "#4b5864", "#ebf0f8": "#303b45", "#dfe8f3": "#303b45",
    "#9cc6e2": "#35607e", "#f3f8fc": "#1d2b36", "#6baed6": "#2f7fb5", "#bbbbbb": "#77828c", "#e9edf0": "#39434c"
  };

  function toned(key, value) {
    return typeof value === "string" ? AT_NIGHT[value.toLowerCase()] || value : value;
  }

  function figureOf(chart, dark) {
    var tone = dark ? toned : undefined;
    var figure = JSON.parse(chart.querySelector("script").textContent, tone);
    figure.data.forEach(function (trace) {
      trace.x = timed(trace.x);
      trace.y = spelled(trace.y);
      trace.text = spelled(trace.text);
    });
    figure.layout.template = JSON.parse(template, tone);
    return figure;
  }

  function spelled(list) {
    // Long lists of few words hold each word once, and which of them stands where.
    if (!list || !list.words) { return list; }
    return Array.from(atob(list.at), function (at) { return list.words[at.charCodeAt(0)]; });
  }

  function timed(list) {
    // Times are held as milliseconds since the one before, a gap as the least that two bytes hold.
    if (!list || list.dtype !== "ms") { return list; }
    var bytes = Uint8Array.from(atob(list.bdata), function (byte) { return byte.charCodeAt(0); });
    var at = 0;
    return Float64Array.from(new Int16Array(bytes.buffer), function (step) {
      if (step === -32768) { return NaN; }
      at += step;
      return at / 1000;
    });
  }

  function draw(chart) {
    var figure = figureOf(chart, night.matches && !paper);
    if (chart.offsetWidth < NARROW_PX) {
      figure.data.forEach(function (trace) {
        if (trace.mode === "markers+text") { trace.mode = "markers"; trace.marker.size = MARK_PX; }
      });
    }
    var config = {displaylogo: false, displayModeBar: false};
    Plotly.react(chart.querySelector(".drawing"), figure.data, figure.layout, config);
    if (!drawn.has(chart)) { drawn.add(chart); offer(chart); fit.observe(chart); }
  }

  function offer(chart) {
    [["SVG", saveSvg], ["CSV", saveCsv]].forEach(function (way) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = way[0];
      button.setAttribute("aria-label", way[0] + " of " + chart.id);
      button.addEventListener("click", function () { way[1](chart); });
      chart.querySelector(".take").appendChild(button);
    });
  }

  function saveSvg(chart) {
    var plot = chart.querySelector(".drawing");
    var size = {width: plot.offsetWidth, height: plot.offsetHeight};
    Plotly.downloadImage(figureOf(chart, false), {format: "svg", filename: chart.id, ...size});
  }

  function saveCsv(chart) {
    var text = rows(chart.querySelector(".drawing")).map(function (row) {
      return row.map(cell).join(",");
    }).join("\r\n") + "\r\n";
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], {type: "text/csv"}));
    link.download = chart.id + ".csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function rows(plot) {
    var found = [["trace", "x", "y", "value", "from", "less", "more", "text"]];
    plot._fullData.forEach(function (trace) {
      var label = plot.data[trace.index].name || "";
      if (trace.type === "heatmap") {
        Array.from(trace.z).forEach(function (line, i) {
          Array.from(line).forEach(function (value, j) {
            if (value === null || value === undefined) { return; }
            var text = (trace.hovertext || trace.text || [])[i];
            found.push([label, at(trace.x, j), at(trace.y, i), value, "", "", "", at(text, j)]);
          });
        });
        return;
      }
      var error = trace.error_y || {};
      var count = Math.max((trace.x || []).length, (trace.y || []).length);
      for (var i = 0; i < count; i += 1) {
        found.push([label, at(trace.x, i), at(trace.y, i), "", at(trace.base, i),
          at(error.arrayminus || error.array, i), at(error.array, i), at(trace.hovertext, i)]);
      }
    });
    return found;
  }

  function at(values, i) {
    if (values === undefined || values === null || typeof values === "string") { return ""; }
    return values[i] === undefined || values[i] === null ? "" : values[i];
  }

  function cell(value) {
    if (typeof value !== "string") { return String(value); }
    var plain = new DOMParser().parseFromString(value, "text/html").documentElement.textContent;
    // A spreadsheet takes text that begins so for a formula; what hosts say must not be one.
    var safe = /^[=+\-@\t\r]/.test(plain) ? "'" + plain : plain;
    return "\"" + safe.replace(/"/g, "\"\"") + "\"";
  }

  var fit = new ResizeObserver(function (entries) {
    entries.forEach(function (entry) {
      var plot = entry.target.querySelector(".drawing");
      var width = entry.contentRect.width;
      if (width && Math.abs(width - plot._fullLayout.width) >= 1) { Plotly.Plots.resize(plot); }
    });
  });

  function unfolded(chart) { return !chart.closest("details:not([open])"); }

  function redraw() { drawn.forEach(draw); }

  var charts = Array.from(document.querySelectorAll(".chart"));
  function look() {
    // One at a time, so that the page can be read meanwhile.
    var next = charts.find(function (chart) { return unfolded(chart) && !drawn.has(chart); });
    if (next) { draw(next); setTimeout(look, 0); }
  }
  document.addEventListener("toggle", look, true);
  look();
  night.addEventListener("change", redraw);
  window.addEventListener("beforeprint", function () {
    paper = true;
    charts.filter(unfolded).forEach(draw);
  });
  window.addEventListener("afterprint", function () { paper = false; redraw(); });

  function unfold() {
    var target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var around = target; around; around = around.parentElement) {
      if (around.tagName === "DETAILS") { around.open = true; }
    }
    if (target) { target.scrollIntoView(); }
  }
  window.addEventListener("hashchange", unfold);
  unfold();

  document.querySelectorAll(".wide").forEach(function (box) {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "table");
  });
}());
