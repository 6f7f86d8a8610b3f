// A page in a real Chromium, with what it complained of and what it asked of other servers. Debian's package
// `chromium` brings it; closed when its test ends.
import { existsSync } from 'node:fs';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const executablePath = '/usr/bin/chromium';

export const hasChromium = existsSync(executablePath);
if (!hasChromium) console.warn(`skipped: no ${executablePath} (Debian: apt-get install chromium)`);

export type OpenedPage = {
  page: Page;
  /** Script errors, and what the console calls an error: a policy's refusals, failed requests. */
  complaints: string[];
  /** Addresses asked for outside the page's own origin. */
  elsewhere: string[];
};

/** @param url http or file; a file's origin is that file */
export async function openPage(
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  onTestFinished(() => browser.close());
  const page = await browser.newPage(options);
  const [complaints, elsewhere]: [string[], string[]] = [[], []];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // The browser asks for an icon by itself.
    if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico'))
      complaints.push(message.text());
  });
  const home = url.startsWith('file:') ? url : new URL(url).origin;
  page.on('request', (request) => {
    if (!request.url().startsWith(home)) elsewhere.push(request.url());
  });
  await page.goto(url);
  return { page, complaints, elsewhere };
}

/** Pixels by which the page is wider than its window. */
export const overflowOf = (page: Page): Promise<number> =>
  page.locator('html').evaluate((root) => root.scrollWidth - root.clientWidth);
