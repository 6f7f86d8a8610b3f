// The report's style sheet; light or dark as the reader's system is.

export const pageStyle = `
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #fff; --quiet: #656b73; --line: #dcdfe3; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e6e9; --paper: #15171a; --quiet: #989fa8; --line: #33383e; }
}
body { margin: 0 auto; max-width: 1160px; padding: 24px 20px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 12px; }
h2 { font-size: 18px; margin: 36px 0 8px; padding-top: 12px; border-top: 1px solid var(--line); }
dl { display: flex; flex-wrap: wrap; gap: 10px 32px; margin: 0; }
dt { color: var(--quiet); font-size: 13px; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 12px 28px; }
h3 { font-size: 15px; margin: 22px 0 6px; }
figure { margin: 0; }
figcaption { font-weight: 600; font-size: 14px; }
figure > svg { width: 100%; max-width: 640px; height: auto; overflow: visible; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 0 0 10px; font-size: 14px; }
.legend svg { vertical-align: middle; }
details { margin: 8px 0; }
summary { cursor: pointer; font-weight: 600; font-size: 14px; }
.question { max-width: 90ch; font-size: 14px; }
ul { margin: 8px 0; padding-left: 20px; max-width: 100ch; }
.note { color: var(--quiet); font-size: 13px; margin: 8px 0; }
.scroll { overflow-x: auto; margin: 12px 0 0; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 400; }
thead th { color: var(--quiet); }
th:first-child { text-align: left; }
pre { overflow-x: auto; font-size: 13px; }
`;
