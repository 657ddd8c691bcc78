import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import web from '../package.json' with { type: 'json' };
import { Server } from '../e2e/server';
import { walk } from './shop';

const examples = fileURLToPath(new URL('../../examples/node/', import.meta.url));
const results = fileURLToPath(new URL('../test-results/', import.meta.url));

let server: Server;

beforeAll(async () => void (server = await Server.start({ payment: '200ms', delivery: '200ms' })));
afterAll(async () => server.stop());

test('examples/node/watch.mjs prints the events of an order', async () => {
  // Run from this folder, where its packages are installed.
  mkdirSync(results, { recursive: true });
  const folder = mkdtempSync(path.join(results, 'example-'));
  copyFileSync(path.join(examples, 'watch.mjs'), path.join(folder, 'watch.mjs'));
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(folder, 'watch.mjs'), server.url]);
  rmSync(folder, { recursive: true });
  const [ordered, snapshot, ...events] = stdout.trim().split('\n');
  expect(ordered).toMatch(/^ordered order_/);
  expect(snapshot).toMatch(/^\d SNAPSHOT CREATED$/);
  expect(events.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(walk.slice(Number(snapshot![0])));
});

test('examples/node depends on the versions that the tests run with', () => {
  const { dependencies } = JSON.parse(readFileSync(path.join(examples, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const ours: Record<string, string> = { ...web.dependencies, ...web.devDependencies };
  for (const [name, version] of Object.entries(dependencies)) expect({ name, version: ours[name] }).toEqual({ name, version });
});
