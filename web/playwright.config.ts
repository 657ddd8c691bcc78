import { existsSync } from 'node:fs';
import { defineConfig, devices } from '@playwright/test';

/** The machine's own Chromium: no browser is downloaded. */
const chromium = process.env['CHROMIUM'] ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
if (!chromium) throw new Error('No Chromium found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path.');

const browser = {
  launchOptions: {
    executablePath: chromium,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  },
};

/**
 * Browser tests against the real server, each at desktop and at phone size. Every wait is for something visible, never for time.
 * `screenshots` is not a test: `npm run screenshots` takes the pictures in docs/images.
 */
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  fullyParallel: false,
  workers: 2,
  // A flaky failure is a fault in the app or in the test.
  retries: 0,
  forbidOnly: Boolean(process.env['CI']),
  // These bound failures only: a passing test may take long on a busy machine.
  timeout: 600_000,
  expect: { timeout: 120_000 },
  reporter: [['list']],
  use: { ...browser, locale: 'en-US', timezoneId: 'UTC', trace: 'retain-on-failure', screenshot: 'only-on-failure' },
  projects: [
    { name: 'desktop', testIgnore: '**/*screenshots.spec.ts', use: { ...devices['Desktop Chrome'], ...browser, viewport: { width: 1280, height: 800 } } },
    {
      name: 'phone',
      testIgnore: ['**/*screenshots.spec.ts', '**/budget.spec.ts', '**/session.spec.ts'],
      use: { ...devices['Pixel 7'], ...browser },
    },
    { name: 'screenshots', testMatch: '**/*screenshots.spec.ts', use: { ...devices['Desktop Chrome'], ...browser, deviceScaleFactor: 2 } },
  ],
});
