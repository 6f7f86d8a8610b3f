// What a browser makes of a page of charts: its sections, marks, legends, text on text, and text that its
// background swallows. Plain data, so that a test can say what it expects.
import type { Page } from 'playwright-core';

export type PageSurvey = {
  sections: string[];
  /** Charts, by title, without a single mark drawn in them. */
  empty: string[];
  /** Legend entries whose colour no chart up to the next heading draws. */
  unused: string[];
  /** Two labels of one chart that cover each other by more than a third of the smaller. */
  overlaps: string[];
  /** Text below the contrast of 4.5 to 1 that WCAG asks for. */
  faint: string[];
};

// Runs in the page, as text: it knows the document, and the tests do not.
const survey = `(() => {
  for (const fold of document.querySelectorAll('details')) fold.open = true;
  const all = (root, selector) => [...root.querySelectorAll(selector)];
  const text = (node) => node.textContent.trim();
  const figures = all(document, 'figure');
  const chartOf = (figure) => figure.querySelector(':scope > svg');
  const titleOf = (figure) => text(figure.querySelector('figcaption'));

  const isMark = (node) => !node.closest('[aria-label*="axis"], [aria-label*="grid"]');
  const marks = (figure) =>
    all(chartOf(figure), 'path, circle, rect, line').filter((node) => isMark(node) && node.getBoundingClientRect().width + node.getBoundingClientRect().height > 0);
  const empty = figures.filter((figure) => marks(figure).length === 0).map(titleOf);

  const paints = (figure) => new Set(marks(figure).flatMap((node) => {
    const { stroke, fill } = getComputedStyle(node);
    return [stroke, fill];
  }));
  const flow = all(document, 'h1, h2, h3, .legend, figure');
  const unused = all(document, '.legend').flatMap((legend) => {
    const at = flow.indexOf(legend);
    const next = flow.findIndex((node, i) => i > at && (/^H/.test(node.tagName) || (node.matches('.legend') && !node.closest('figure'))));
    const own = legend.closest('figure');
    const charts = own ? [own] : flow.slice(at, next < 0 ? undefined : next).filter((node) => node.matches('figure'));
    const drawn = new Set(charts.flatMap((figure) => [...paints(figure)]));
    return all(legend, 'span').filter((entry) => !drawn.has(getComputedStyle(entry.querySelector('line')).stroke)).map(text);
  });

  const overlaps = figures.flatMap((figure) => {
    const labels = all(chartOf(figure), 'text').filter((node) => text(node) !== '');
    const boxes = labels.map((node) => node.getBoundingClientRect());
    return labels.flatMap((node, i) => labels.slice(i + 1).flatMap((other, j) => {
      const [a, b] = [boxes[i], boxes[i + 1 + j]];
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      const smaller = Math.min(a.width * a.height, b.width * b.height);
      const covered = width > 0 && height > 0 ? width * height / smaller : 0;
      return covered > 1 / 3 ? [titleOf(figure) + ': ' + text(node) + ' on ' + text(other)] : [];
    }));
  });

  // Any CSS colour as the screen shows it over another.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const shown = (...colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const [color, opacity] of colors) {
      canvas.globalAlpha = opacity;
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = [getComputedStyle(document.body).backgroundColor, 1];
  const background = luminance(shown(paper));
  const contrast = (color, opacity) => {
    const ink = luminance(shown(paper, [color, opacity]));
    return (Math.max(ink, background) + 0.05) / (Math.min(ink, background) + 0.05);
  };
  const written = all(document.body, 'h1, h2, h3, p, li, dt, dd, th, td, figcaption, summary, pre, span, svg text');
  const faint = written.filter((node) => text(node) !== '').filter((node) => {
    const style = getComputedStyle(node);
    const isDrawn = node.tagName === 'text';
    const opacity = isDrawn ? style.fillOpacity : 1;
    return contrast(isDrawn ? style.fill : style.color, Number(opacity)) < 4.5;
  }).map(text);

  return { sections: all(document, 'h2').map(text), empty, unused, overlaps, faint: [...new Set(faint)] };
})()`;

export const surveyPage = (page: Page): Promise<PageSurvey> => page.evaluate<PageSurvey>(survey);
