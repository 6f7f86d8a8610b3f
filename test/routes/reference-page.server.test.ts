// The reference page in a real browser: its own policy lets its style through and nothing else, and it
// fits a narrow screen. Skipped where there is no Chromium.
import { describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../src/http-server.ts';
import { openApiPath } from '../../src/routes/openapi.ts';
import { apiRoutes } from '../../src/routes/route-table.ts';
import { hasChromium, openPage, overflowOf } from '../support/browser.ts';
import { FakeEngine, fakeApp, fakeModel } from '../support/fake-engine.ts';

describe.skipIf(!hasChromium)('the reference page in Chromium', () => {
  it('shows every route, styled, without a complaint or a request elsewhere', async () => {
    const { app } = fakeApp([fakeModel(new FakeEngine())]);
    const server = await listen(app, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.destroy());
    const viewport = { width: 390, height: 800 };
    const { page, complaints, elsewhere } = await openPage(`${server.url}/docs`, { viewport });
    // Only what is rendered counts, so not textContent.
    const text = await page.locator('body').innerText();
    for (const { path } of apiRoutes) expect(text).toContain(openApiPath(path));
    const family = await page.evaluate('getComputedStyle(document.body).fontFamily');
    expect(family).not.toMatch(/^"?(Times|serif)/i);
    expect(await overflowOf(page)).toBe(0);
    expect(complaints).toEqual([]);
    expect(elsewhere).toEqual([]);
  });
});
