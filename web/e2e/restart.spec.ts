import { Server } from './server';
import { expect, test, timeline } from './fixtures';

// The browser itself reports the sockets and requests that fail while the server is away.
test.use({ expectedErrors: /WebSocket|ERR_CONNECTION_REFUSED/ });

const withOwnServer = test.extend({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads a fixture's needs from this pattern
  server: async ({}, provide) => {
    const server = await Server.start({ payment: '2s', delivery: '1s' });
    await provide(server);
    await server.stop();
  },
});

withOwnServer('an open page goes on by itself when the server is killed and comes back', async ({ server, shopper: { page, order } }) => {
  const subscribed: string[] = [];
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => subscribed.push(String(payload))));
  const id = await order();
  await page.goto(`/order/${id}`);
  const connection = page.getByRole('status', { name: 'Connection' });
  await expect(connection).toHaveText('Live');
  await expect(page.getByRole('listitem').filter({ hasText: 'Order created' })).toBeVisible();
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));

  await server.kill();
  await expect(connection).toHaveText('Reconnecting');
  await server.start();
  await expect(connection).toHaveText('Live');
  await expect.poll(() => timeline(page)).toEqual(['ORDER_CREATED', 'PAYMENT_PROCESSING', 'PAYMENT_CONFIRMED', 'ORDER_DELIVERED']);
  expect(await page.evaluate(() => 'sameDocument' in window), 'the page was not reloaded').toBe(true);
  const resumed = subscribed.filter((frame) => frame.includes('"subscribe"') && frame.includes(id) && /"after":"[^"]+"/.test(frame));
  expect(resumed.length, 'it subscribed again after its last cursor').toBeGreaterThan(0);
});
