import { expect, test, timeline, withServer } from './fixtures';

// The browser reports failed sockets and requests while the server is down.
test.use({ expectedErrors: /WebSocket|ERR_CONNECTION_REFUSED/ });

const withOwnServer = withServer({ payment: '2s', delivery: '1s' });

withOwnServer('an open page continues by itself when the server is killed and restarted', async ({ server, shopper: { page, order } }) => {
  const subscribed: string[] = [];
  const received: string[] = [];
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => subscribed.push(String(payload)));
    socket.on('framereceived', ({ payload }) => received.push(String(payload)));
  });
  const id = await order();
  await page.goto(`/order/${id}`);
  const connection = page.getByRole('status', { name: 'Connection' });
  await expect(connection).toHaveText('Live');
  await expect(page.getByRole('listitem').filter({ hasText: 'Order created' })).toBeVisible();
  await expect.poll(() => received.some((frame) => frame.includes('"orderEvents"')), 'it has a cursor to resume from').toBe(true);
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
