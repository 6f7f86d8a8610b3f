// The report pages in a real browser, light and dark: of this repository's own figures and of a bundled
// run. Skipped where there is no Chromium.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { writeOverview } from '../../../src/training/overview.ts';
import { writeReport } from '../../../src/training/report.ts';
import { hasChromium, openPage, overflowOf } from '../../support/browser.ts';
import { surveyPage } from '../../support/page-survey.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const pages = {
  'the page on all checkpoints': {
    write: () =>
      writeOverview({
        docs: 'docs',
        models: 'models',
        runs: 'runs',
        out: join(temporaryDirectory(), 'report.html'),
      }),
    sections: ['prosqa: prosqa_valid.json, 300 items', 'Inside', 'Training'],
    charts: 20,
  },
  'the report of a run': {
    write: () => {
      const directory = temporaryDirectory();
      copyFileSync('models/prosqa-coconut/metrics.jsonl', join(directory, 'metrics.jsonl'));
      return writeReport(directory);
    },
    sections: ['Validation', 'Training', 'Segments', 'Evaluation', 'Run file'],
    charts: 9,
  },
};

it('what was seen in other weights than the measured ones is left out, and said', async () => {
  const docs = temporaryDirectory();
  copyFileSync('docs/comparison.json', join(docs, 'comparison.json'));
  const [first, ...others] = JSON.parse(readFileSync('docs/inspection.json', 'utf8'));
  const kept = [{ ...first, sha256: 'f'.repeat(64) }, ...others];
  writeFileSync(join(docs, 'inspection.json'), JSON.stringify(kept));
  const warned = vi.spyOn(console, 'warn').mockReturnValue();
  const out = join(docs, 'report.html');
  const page = readFileSync(
    await writeOverview({ docs, models: 'models', runs: 'runs', out }),
    'utf8',
  );
  expect(page).not.toContain(`${first.checkpoint}: item`);
  for (const { checkpoint } of others) expect(page).toContain(`${checkpoint}: item`);
  expect(warned.mock.calls).toEqual([[expect.stringMatching(/^prosqa-coconut: .*other weights/)]]);
});

it('shows the logs of adapters beside those of checkpoints', async () => {
  const models = temporaryDirectory();
  for (const name of ['adapters/tuned', 'whole']) {
    mkdirSync(join(models, name), { recursive: true });
    copyFileSync('models/prosqa-cot/metrics.jsonl', join(models, name, 'metrics.jsonl'));
  }
  writeFileSync(join(models, 'adapters/tuned/adapter_config.json'), '{}');
  const out = join(models, 'report.html');
  const page = readFileSync(
    await writeOverview({ docs: 'docs', models, runs: 'runs', out }),
    'utf8',
  );
  expect(page).toMatch(/<h3[^>]*>whole/);
  expect(page).toMatch(/<h3[^>]*>tuned/);
});

describe.skipIf(!hasChromium).each(Object.entries(pages))(
  '%s',
  (_, { write, sections, charts }) => {
    it.each(['light', 'dark'] as const)('is whole and legible, %s', async (colorScheme) => {
      const url = pathToFileURL(await write()).href;
      const { page, complaints, elsewhere } = await openPage(url, { colorScheme });
      const survey = await surveyPage(page);
      expect(survey.sections).toEqual(expect.arrayContaining(sections));
      expect(await page.locator('figure > svg').count()).toBeGreaterThanOrEqual(charts);
      const { empty, unused, overlaps, faint } = survey;
      expect({ empty, unused, overlaps, faint }).toEqual({
        empty: [],
        unused: [],
        overlaps: [],
        faint: [],
      });
      expect(await overflowOf(page)).toBe(0);
      expect(complaints).toEqual([]);
      expect(elsewhere).toEqual([]);
    });

    it('fits a narrow screen', async () => {
      const url = pathToFileURL(await write()).href;
      const { page } = await openPage(url, { viewport: { width: 390, height: 800 } });
      expect(await overflowOf(page)).toBe(0);
    });
  },
);
