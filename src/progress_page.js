// Shows how far the reader has come, on a page that `cargo run` serves. Only a page that somebody
// looks at asks, and only one that shows exercises.
(async () => {
  const sections = [...document.querySelectorAll("section.exercise[data-exercise]")];
  if (sections.length === 0) return;
  let shown = "0";
  const pause = () => new Promise(done => setTimeout(done, 1000));
  // What is already there is not written again: it would be read out again, and lose its selection.
  const write = (place, html) => {
    if (!place || place.dataset.shown === html) return;
    place.dataset.shown = html;
    place.innerHTML = html;
    place.hidden = html === "";
  };
  const show = news => {
    const of = id => news.exercises[id] ?? news.untried;
    let solved = 0;
    for (const section of sections) {
      const { state, diagnosis, solved: passed } = of(section.dataset.exercise);
      solved += passed;
      write(section.querySelector(".exercise-state"), state);
      write(section.querySelector(".exercise-diagnosis"),
        diagnosis && `<p>The last diagnosis:</p><pre>${diagnosis}</pre>`);
    }
    for (const tick of document.querySelectorAll(".exercise-tick[data-exercise]")) {
      write(tick, "· " + of(tick.dataset.exercise).tick);
    }
    write(document.querySelector(".exercise-count"), `${solved} of ${sections.length} solved`);
  };
  for (;;) {
    if (document.hidden) {
      await new Promise(done => document.addEventListener("visibilitychange", done, { once: true }));
      continue;
    }
    try {
      const answer = await fetch("/__progress/" + shown, { cache: "no-store" });
      if (!answer.ok) { await pause(); continue; }
      const news = await answer.json();
      if (news.version !== shown) { show(news); shown = news.version; }
    } catch { await pause(); }
  }
})();
