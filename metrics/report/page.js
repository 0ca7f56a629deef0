document.querySelectorAll("details").forEach(function (d) { d.addEventListener("toggle", function () {
  d.querySelectorAll(".plotly-graph-div").forEach(function (g) { if (g.offsetParent) { Plotly.Plots.resize(g); } }); }); });
