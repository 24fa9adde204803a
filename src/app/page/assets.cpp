#include "app/page/page.hpp"

namespace stibee_sync::app {

std::string status_style() {
  return R"(:root{color-scheme:light dark;
--ground:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#535b66;--line:#d5dae1;--link:#0550ae;
--ok:#13632b;--busy:#0b57b0;--rest:#4b5563;--bad:#a4201a;--badground:#fdf0ef;--calmground:#eef3fa;--on:#fff;--bar:#3b74bd;--bar2:#4f7d5a;--bar3:#96690f}
@media (prefers-color-scheme:dark){:root{
--ground:#14171b;--card:#1d2126;--ink:#e8eaed;--soft:#a9b1bb;--line:#3a414a;--link:#8ab8ff;
--ok:#7ddc95;--busy:#8ab8ff;--rest:#b8c0ca;--bad:#ffa198;--badground:#33201f;--calmground:#1f2833;--on:#14171b;--bar:#6fa3e8;--bar2:#7cb98b;--bar3:#d9a441}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;font:16px/1.5 system-ui,"Apple SD Gothic Neo","Noto Sans KR","NanumGothic",sans-serif;background:var(--ground);color:var(--ink);word-break:keep-all;overflow-wrap:anywhere}
header,main,footer{max-width:60rem;margin:0 auto;padding:0 1rem}
header{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1rem;padding-top:1rem}
h1{font-size:1.35rem;margin:0}
.verdict{margin:0}
.verdict span::first-letter{text-transform:uppercase}
nav{margin-left:auto;display:flex;gap:.25rem}
nav a{padding:.3rem .6rem;border-radius:.4rem}
nav a[aria-current]{color:var(--ink);text-decoration:none;font-weight:600;background:var(--card);border:1px solid var(--line)}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
main:focus{outline:none}
.skip{position:absolute;left:-999rem;padding:.5rem 1rem;background:var(--card)}
.skip:focus{left:.5rem;top:.5rem}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.25rem;margin:1rem 0}
h2{font-size:1.15rem;margin:0 0 .75rem}
h3{font-size:1rem;margin:1.4rem 0 .4rem}
h4{font-size:.9rem;margin:0 0 .3rem;color:var(--soft)}
h2 .list{font-size:.9rem;font-weight:400;color:var(--soft)}
p{margin:.35rem 0}
.state{display:inline-block;font-size:.85rem;font-weight:600;line-height:1.4;padding:.1rem .65rem;border-radius:1rem;background:var(--bad);color:var(--on)}
.stale .state,.stale progress{filter:grayscale(1)}
.state.ok{background:var(--ok)}.state.importing{background:var(--busy)}.state.paused,.state.standby{background:var(--rest)}
#silent,.hold,.problems li{border-left:.3rem solid var(--bad);background:var(--badground);padding:.5rem .75rem;border-radius:.3rem;margin:.5rem 0}
#silent{font-weight:600}
#silent[hidden]{display:none}
.problems{list-style:none;margin:.5rem 0;padding:0}
.problems li::first-letter{text-transform:uppercase}
.problems li.calm{border-color:var(--busy);background:var(--calmground)}
.detail,.help,.note{color:var(--soft)}
.when{color:var(--soft);font-size:.9em}
code{font:.9em ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
code.command{user-select:all;background:var(--ground);border:1px solid var(--line);border-radius:.3rem;padding:.05rem .35rem;color:var(--ink)}
dl{margin:0}
dl>div{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;padding:.2rem 0;border-bottom:1px solid var(--line)}
dl>div:last-child{border-bottom:0}
dt{color:var(--soft)}dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
dl.times>div{justify-content:flex-start;flex-wrap:nowrap}dl.times dt{flex:0 0 11rem}dl.times dd{flex:1 1 0;min-width:0;text-align:left}
.sides{display:grid;grid-template-columns:1fr 1fr;gap:.75rem}
.sides>div{border:1px solid var(--line);border-radius:.4rem;padding:.6rem .8rem}
.sides dl>div{flex-wrap:nowrap}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;font-weight:400;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:first-child th{color:var(--soft);font-size:.9rem}
tr:last-child th,tr:last-child td{border-bottom:0}
th.number,td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td:last-child,th:last-child{padding-right:0}
.progress{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem .75rem;margin:.6rem 0}
progress{flex:1 1 12rem;height:.9rem;accent-color:var(--busy)}
figure{margin:.6rem 0 0}
figcaption{display:flex;justify-content:space-between;gap:1rem;font-size:.9rem;color:var(--soft)}
figcaption b{color:var(--ink);font-weight:600;white-space:nowrap}
svg{display:block;width:100%;height:3rem}
.axis{stroke:var(--line);stroke-width:2;fill:none}
.changes rect{fill:var(--bar)}.calls rect{fill:var(--bar2)}.waits rect{fill:var(--bar3)}
.ends{display:flex;justify-content:space-between;font-size:.85rem;color:var(--soft);margin:.1rem 0}
details{margin:.3rem 0}summary{cursor:pointer;color:var(--link)}
.happened{list-style:none;margin:0;padding:0}
.happened li{padding:.25rem 0;border-bottom:1px solid var(--line)}
.happened li:last-child{border-bottom:0}
footer{color:var(--soft);font-size:.9rem;padding-bottom:2rem}
footer dl>div{display:inline-flex;gap:.4rem;border:0;margin-right:1.25rem}
@media (max-width:40rem){section{padding:.8rem .9rem}.sides{grid-template-columns:1fr}
dl.times>div{display:block}
.parked tr{display:grid;grid-template-columns:1fr auto}.parked tr:first-child{display:none}
.parked td:last-child{grid-column:1/-1}.parked th,.parked td.number{border-bottom:0}}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
)";
}

std::string status_script() {
  return R"JS("use strict";
// Asks for the page anew and puts what differs in its place, so that focus, scrolling, selected text and open
// parts stay. When the daemon does not answer, the page says so and what it shows stays as it was.
(() => {
  const pause = 2000;
  const silence = () => document.getElementById("silent");

  // By this, a part that appears or goes does not make its neighbours others.
  const kind = (node) => node.nodeName + "." + (node.classList ? node.classList[0] : "");

  function takeAttributes(old, fresh) {
    for (const {name} of [...old.attributes])
      if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const {name, value} of fresh.attributes)
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }

  function take(old, fresh) {
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    takeAttributes(old, fresh);
    const there = [...old.childNodes];
    let next = 0;
    for (const node of [...fresh.childNodes]) {
      const found = there.findIndex((each, i) => i >= next && kind(each) === kind(node));
      if (found < 0) {
        old.insertBefore(document.importNode(node, true), there[next] ?? null);
        continue;
      }
      for (; next < found; ++next) there[next].remove();
      take(there[next++], node);
    }
    for (; next < there.length; ++next) there[next].remove();
  }

  async function look() {
    const answer = await fetch(location.href, {headers: {Accept: "text/html"}, cache: "no-store",
                                               signal: AbortSignal.timeout(5000)});
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of ["header", "main", "footer"])
      take(document.querySelector(part), fresh.querySelector(part));
    document.title = fresh.title;
  }

  async function refresh() {
    if (!document.hidden) {
      try {
        await look();
        document.body.classList.remove("stale");
      } catch {
        document.body.classList.add("stale");
        silence().hidden = false;
      }
    }
    setTimeout(refresh, pause);
  }

  setTimeout(refresh, pause);
})();
)JS";
}

std::string status_icon() {
  return R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#0b57b0"/><path d="M4 7h7L9 5M12 9H5l2 2" fill="none" stroke="#fff" stroke-width="1.4"/></svg>
)";
}

}  // namespace stibee_sync::app
