// Observable Plot without a browser: a chart as SVG text. Colours follow the page's theme (currentColor).
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { CurveStyle } from './curves.ts';

export type Chart = {
  title: string;
  svg: string;
  /** What its colours mean, where it does not share a legend with the charts beside it. */
  legend?: readonly CurveStyle[];
};

/** Colours that tell series apart on light and dark paper. */
export const seriesColors = [250, 40, 150, 310, 90, 200].map((hue) => `oklch(0.65 0.16 ${hue})`);

export function plotSvg(title: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<html></html>');
  const svg = Plot.plot({
    document,
    width: 560,
    height: 260,
    marginLeft: 52,
    marginBottom: 44,
    ariaLabel: title,
    style: { fontSize: '12px', background: 'none' },
    ...options,
  });
  return svg.outerHTML;
}
