// Charts and legends as fragments of a page.
import { html, raw } from 'hono/html';
import type { CurveStyle } from './curves.ts';
import type { Chart } from './plot-svg.ts';
import type { Html } from './tables.ts';

export const figures = (charts: readonly Chart[]): Html =>
  html`<div class="figures">${charts.map(
    ({ title, svg, legend: own }) =>
      html`<figure><figcaption>${title}</figcaption>${own ? legend(own) : ''}${raw(svg)}</figure>\n`,
  )}</div>`;

export const legend = (styles: readonly CurveStyle[]): Html =>
  html`<p class="legend">${styles.map(
    ({ name, color, dash }) =>
      html`<span><svg width="26" height="8" aria-hidden="true"><line x1="1" x2="25" y1="4" y2="4" stroke="${color}" stroke-width="3" stroke-dasharray="${dash}"/></svg> ${name}</span>\n`,
  )}</p>`;
