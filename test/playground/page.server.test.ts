// The playground in a real browser, on a server of its own with the bundled checkpoints. Skipped where
// there is no Chromium.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { hasChromium, openPage, overflowOf } from '../support/browser.ts';
import { startServer } from '../support/server-process.ts';

const samples = JSON.parse(readFileSync('playground/samples.json', 'utf8'));
/** One that prosqa-coconut answers right, and gets wrong without thoughts. */
const { question, answer } = samples['prosqa_valid.json'][0];

const { cot_baseline: baseline } = JSON.parse(
  readFileSync('models/prosqa-coconut/eval.json', 'utf8'),
);

const environment = { MODEL: 'prosqa-coconut', THREADS: '1', LOG_LEVEL: 'info' };
const timeout = 240_000;

async function openPlayground(
  given: Record<string, string>,
  options: Parameters<typeof openPage>[1] = {},
) {
  const { url } = await startServer({ ...environment, ...given });
  return { url, ...(await openPage(`${url}/playground`, options)) };
}

async function ask(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Ask' }).click();
  // Enabled again once the last answer came.
  await page.locator('#ask:enabled').waitFor({ timeout });
}

const choose = (page: Page, model: string) => page.getByLabel('Model').selectOption(model);
/** A colour of the system, as the page's colour scheme has it. */
const colorOf = (name: string) => `(() => {
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = '${name}';
  return getComputedStyle(probe).color;
})()`;
const card = (page: Page, title: string) => page.locator('article').filter({ hasText: title });

describe.skipIf(!hasChromium)('the playground in Chromium', () => {
  it('shows thoughts as words, the controls beside the answer, and what each took', async () => {
    const { page, complaints, elsewhere } = await openPlayground({ ALLOW_LATENT_CONTROL: 'true' });
    await choose(page, 'prosqa-coconut');
    await page.getByLabel('Question').fill(question);
    for (const name of ['without thoughts', 'numbers shuffled', 'prosqa-cot, reasoning in text'])
      await page.getByLabel(name).check();
    await ask(page);
    expect(await page.locator('article h3').allInnerTexts()).toEqual([
      'prosqa-coconut, 3 thoughts',
      'prosqa-coconut, no thoughts',
      'prosqa-coconut, 3 thoughts, numbers shuffled',
      'prosqa-cot, reasoning in text',
    ]);
    const own = page.locator('article').first();
    expect(await own.locator('.answer').innerText()).toBe(answer);
    expect(await own.locator('.right').innerText()).toBe('right');
    expect(await own.locator('.thoughts > li').count()).toBe(3);
    expect(await own.locator('.words meter').count()).toBe(3 * 8);
    const probabilities = await own.locator('.words').first().locator('span').allInnerTexts();
    expect(probabilities.map(Number)).toEqual(probabilities.map(Number).sort((a, b) => b - a));
    expect(await own.locator('.thoughts').innerText()).toMatch(/Thought 2.*norm \d.*cosine/);
    const without = card(page, 'no thoughts');
    expect(await without.locator('.wrong').innerText()).toContain(`expected “${answer}”`);
    expect(await without.locator('.thoughts').count()).toBe(0);

    const rows = (await page.locator('#token-rows tr').allInnerTexts()).map((row) =>
      row.split('\t'),
    );
    const mean: number = baseline.mean_text_tokens;
    const saved = (mean - 9).toFixed(1);
    expect(rows[0]!.slice(1, 6)).toEqual(['right', '3', '6', '9', saved]);
    expect(rows.map((row) => row[5])).toEqual([saved, '–', expect.anything(), '–']);
    const told = `${mean.toFixed(1)} tokens of ${baseline.checkpoint}`;
    expect(await page.locator('#baseline').innerText()).toContain(told);

    await own.getByText('Events as they came').click();
    expect(await own.locator('pre').innerText()).toContain('"latent_trace":[');
    expect(complaints).toEqual([]);
    expect(elsewhere).toEqual([]);
  }, 300_000);

  it('tells what the server refuses, and keeps a key in its field only', async () => {
    const { page, elsewhere } = await openPlayground({ API_KEYS: 'secret', PLAYGROUND: 'public' });
    const problem = page.getByRole('alert');
    expect(await problem.innerText()).toMatch(/^401: .*invalid_api_key/);
    await page.getByLabel('API key').fill('wrong');
    await page.getByLabel('API key').press('Tab');
    await expect.poll(() => problem.innerText()).toMatch(/^401: .*invalid_api_key/);
    await page.getByLabel('API key').fill('secret');
    await page.getByLabel('API key').press('Tab');
    await problem.waitFor({ state: 'hidden' });
    await choose(page, 'prosqa-coconut');
    await page.getByLabel('without thoughts').uncheck();
    await page.getByLabel('numbers shuffled').check();
    await page.getByLabel('Question').press('Control+Enter');
    const refused = card(page, 'numbers shuffled').locator('.problem');
    expect(await refused.innerText()).toMatch(/^400: .*latent_control/);
    const stored = '[localStorage.length, sessionStorage.length, document.cookie]';
    expect(await page.evaluate(stored)).toEqual([0, 0, '']);
    expect(await page.locator('body').innerText()).not.toContain('secret');
    await page.reload();
    expect(await page.getByLabel('API key').inputValue()).toBe('');
    expect(elsewhere).toEqual([]);
  }, 300_000);

  it('fits a narrow screen, says how many thoughts a model takes, and shows code that runs', async () => {
    const viewport = { width: 360, height: 700 };
    const { page, complaints } = await openPlayground({}, { viewport, colorScheme: 'dark' });
    await choose(page, 'prosqa-cot');
    const thoughts = page.getByRole('slider', { name: 'Thoughts' });
    expect(await thoughts.isDisabled()).toBe(true);
    await choose(page, 'prosqa-coconut');
    await thoughts.fill('2');
    expect(await page.locator('#thoughts-said').innerText()).toBe('2');
    await page.getByRole('button', { name: 'Draw a question' }).click();
    expect(await page.locator('#drawn').innerText()).toMatch(/^Its answer: \w+ is a \w+\.$/);
    await ask(page);
    const said = await page.locator('.answer').first().innerText();
    expect(await overflowOf(page)).toBe(0);
    // Chromium's own dark canvas: the page follows the system, and its text with it.
    expect(await page.evaluate(colorOf('Canvas'))).toBe('rgb(18, 18, 18)');

    await page.getByText('openai SDK').click();
    const code = await page.locator('#sdk').innerText();
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', code],
      { timeout },
    );
    expect(stdout).toContain(said);
    expect(stdout).toContain('reasoning_tokens: 2');
    expect(complaints).toEqual([]);
  }, 300_000);

  it('stops when told to', async () => {
    const { page } = await openPlayground({});
    await choose(page, 'prosqa-coconut');
    // Held until the stop, as a busy server's answer would be.
    await page.route('**/v1/chat/completions', () => {});
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('#ask:enabled').waitFor();
    const states = await page.locator('article .problem').allInnerTexts();
    expect(states).toEqual(['stopped', 'stopped']);
  }, 300_000);
});
