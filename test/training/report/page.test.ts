// The page's structure, read back with an HTML parser; how it looks is for eyes.
import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { type Report, renderReport } from '../../../src/training/report/page.ts';
import { evalReportOf } from '../../support/eval-reports.ts';
import { trainPoint, validationPoint } from '../../support/run-metrics.ts';
import { tinyRun } from '../../support/tiny-run.ts';

const train = Array.from({ length: 40 }, (_, i) =>
  i < 20
    ? trainPoint(i + 1, { task: i < 10 ? 'walks' : 'text' })
    : trainPoint(i + 1, { segment: 1, stage: i < 30 ? 1 : 2 }),
);

const validation = [
  validationPoint(20, 0.5, { zeroThoughtsAccuracy: 0.4, shuffledThoughtsAccuracy: 0.3 }),
  validationPoint(40, 0.91, { zeroThoughtsAccuracy: 0.5, shuffledThoughtsAccuracy: 0.4 }),
];

async function page(changes: Partial<Report> = {}) {
  const report = { name: 'a', metrics: { train, validation }, config: tinyRun(), evalReport: null };
  const text = await renderReport({ ...report, ...changes });
  return { text, document: parseHTML(text).document };
}

const texts = (nodes: Iterable<{ textContent: string | null }>) =>
  [...nodes].map((node) => (node.textContent ?? '').trim());

test('nothing is fetched and nothing runs', async () => {
  const { text, document } = await page({ evalReport: evalReportOf('a'.repeat(64)) });
  expect(text).not.toMatch(/<(script|link|img|iframe)\b|\b(src|href)=|url\(|@import/);
  expect(document.querySelectorAll('figure svg').length).toBe(8);
});

test('each chart has a title, labelled axes, and its curves in the colours of the legend', async () => {
  const { document } = await page();
  const legends = [...document.querySelectorAll('.legend')];
  expect(texts(legends[0]!.querySelectorAll('span'))).toEqual([
    'as trained',
    'no thoughts',
    "others' thoughts",
  ]);
  expect(texts(legends[1]!.querySelectorAll('span'))).toEqual([
    'walks',
    'text',
    'stage 1',
    'stage 2',
  ]);
  const figures = [...document.querySelectorAll('figure')];
  expect(figures.map((f) => f.querySelector('[aria-label="x-axis label"]')?.textContent)).toEqual([
    'wall time (seconds) →',
    ...Array(7).fill('examples →'),
  ]);
  const loss = figures.find((f) => f.textContent!.includes('Loss (nats per label)'))!;
  const drawn = new Set(
    [...loss.querySelectorAll('[aria-label=line]')].map((g) => g.getAttribute('stroke')),
  );
  const named = [...legends[1]!.querySelectorAll('line')].map((l) => l.getAttribute('stroke'));
  expect([...drawn]).toEqual(named);
});

test('the loss of the text has its own chart where thoughts add to the loss', async () => {
  const title = 'Loss of the text alone (nats per label)';
  expect((await page()).text).not.toContain(title);
  const supervised = train.map((point) => ({ ...point, loss: point.loss + 1 }));
  expect((await page({ metrics: { train: supervised, validation } })).text).toContain(title);
});

test('the tables say how far the run got', async () => {
  const { document } = await page({ evalReport: evalReportOf('a'.repeat(64)) });
  const rows = [...document.querySelectorAll('tbody tr')].map((row) => texts(row.children));
  expect(rows[0]).toEqual(['≥ 50%', '41 s', '200', '20', '50.0%']);
  expect(rows[2]).toEqual(['≥ 90%', '1 min 21 s', '400', '40', '91.0%']);
  expect(rows[3]!.slice(0, 4)).toEqual(['0', 'walks', '20 of 4', '200']);
  expect(rows[4]!.slice(0, 4)).toEqual(['1', 'stage 1 + 2', '20 of 4', '200']);
  expect(rows[5]).toEqual([
    'as trained',
    '97.0% (291 of 300)',
    '94.4% to 98.4%',
    '6.0',
    '8.3',
    '14.3',
  ]);
});

test('a run without validation, checkpoint or scores says so', async () => {
  const { document } = await page({ metrics: { train, validation: [] }, config: null });
  const said = document.body.textContent;
  expect(said).toContain('Not validated yet.');
  expect(said).toContain('The checkpoint has no eval.json.');
  expect(said).toContain('No checkpoint holds it yet.');
});

test('text in the page is escaped', async () => {
  const { text, document } = await page({ name: '<b>&' });
  expect(text).not.toContain('<b>');
  expect(document.querySelector('h1')!.textContent).toBe('<b>&');
});

test('the size of the page does not grow with the length of the run', async () => {
  const long = Array.from({ length: 20_000 }, (_, i) =>
    trainPoint(i + 1, { segment: Math.floor(i / 2000), stage: i % 5, loss: 1 + Math.sin(i) / 2 }),
  );
  const { text } = await page({ metrics: { train: long, validation } });
  expect(text.length).toBeLessThan(500_000);
});

test('no train step, no report', async () => {
  await expect(page({ metrics: { train: [], validation: [] } })).rejects.toThrow(
    'a: no train step',
  );
});
