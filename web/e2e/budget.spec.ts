import { gzipSync } from 'node:zlib';
import { expect, test } from './fixtures';

/** The budget of each page at a first visit, in kilobytes of gzipped scripts and styles. */
const budgets = [
  { address: '/', scripts: 130, styles: 8 },
  { address: '/order', scripts: 135, styles: 8 },
  { address: '/order/create', scripts: 142, styles: 8 }, // with the payment page's script, which it preloads
  { address: '/payment', scripts: 140, styles: 8 },
  { address: '/board', scripts: 170, styles: 12 },
];

for (const { address, scripts, styles } of budgets) {
  test(`a first visit to ${address} stays within its budget, and no script blocks it`, async ({ signIn }) => {
    const { page } = await signIn('STAFF');
    const bodies = new Map<string, Promise<Buffer>>();
    page.on('response', (response) => {
      if (/\.(js|css)$/.test(response.url())) bodies.set(response.url(), response.body());
    });
    await page.goto(address);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await page.waitForLoadState('networkidle');
    const cost = async (kind: string) => {
      const sizes = await Promise.all([...bodies].filter(([url]) => url.endsWith(kind)).map(async ([, body]) => gzipSync(await body).length));
      return sizes.reduce((sum, size) => sum + size, 0) / 1000;
    };
    const [js, css] = [await cost('.js'), await cost('.css')];
    expect(js).toBeGreaterThan(0);
    expect(js, 'kB of scripts').toBeLessThan(scripts);
    expect(css, 'kB of styles').toBeLessThan(styles);
    const blocking = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as (PerformanceResourceTiming & { renderBlockingStatus: string })[])
        .filter(({ renderBlockingStatus }) => renderBlockingStatus === 'blocking')
        .map(({ name }) => name.split('.').at(-1)),
    );
    expect(blocking, 'only styles block rendering').toEqual(['css']);
  });
}
