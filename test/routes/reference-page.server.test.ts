// The reference page in a real browser: its own policy lets its style through and nothing else, and it
// fits a narrow screen. Skipped where there is no Chromium.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../src/http-server.ts';
import { openApiPath } from '../../src/routes/openapi.ts';
import { apiRoutes } from '../../src/routes/route-table.ts';
import { FakeEngine, fakeApp, fakeModel } from '../support/fake-engine.ts';

const executablePath = '/usr/bin/chromium';
const hasChromium = existsSync(executablePath);
if (!hasChromium) console.warn(`skipped: no ${executablePath} (Debian: apt-get install chromium)`);

describe.skipIf(!hasChromium)('the reference page in Chromium', () => {
  it('shows every route, styled, without a complaint or a request elsewhere', async () => {
    const { app } = fakeApp([fakeModel(new FakeEngine())]);
    const server = await listen(app, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.destroy());
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    onTestFinished(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    const complaints: string[] = [];
    const elsewhere: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // The browser asks for an icon by itself.
      if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico'))
        complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url)) elsewhere.push(request.url());
    });
    await page.goto(`${server.url}/docs`);
    // Only what is rendered counts, so not textContent.
    const text = await page.evaluate<string>('document.body.innerText');
    for (const { path } of apiRoutes) expect(text).toContain(openApiPath(path));
    const family = await page.evaluate('getComputedStyle(document.body).fontFamily');
    expect(family).not.toMatch(/^"?(Times|serif)/i);
    const overflow = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    expect(overflow).toBe(0);
    expect(complaints).toEqual([]);
    expect(elsewhere).toEqual([]);
  });
});
