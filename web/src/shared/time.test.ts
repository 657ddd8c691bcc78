import { describe, expect, it } from 'vitest';
import { formatTime, formatDeadline, formatDuration, timeLeft } from './time';

const now = new Date(2026, 10, 22, 12, 0, 0);
const today = new Date(2026, 10, 22, 9, 5, 7).toISOString();
const before = new Date(2026, 10, 19, 9, 5, 7).toISOString();

describe('formatTime', () => {
  it('has the date if it is not today', () => {
    expect(formatTime(today, now)).toMatch(/^9:05:07\sAM$/);
    expect(formatTime(before, now)).toMatch(/^Nov 19.*9:05:07\sAM$/);
  });
});

describe('formatDeadline', () => {
  it('is to the minute', () => {
    expect(formatDeadline(today, now)).toMatch(/^9:05\sAM$/);
    expect(formatDeadline(before, now)).toMatch(/^Nov 19, 2026.*9:05\sAM$/);
  });
});

describe('timeLeft', () => {
  it.each([
    [0, 'the time is over'],
    [59_999, 'less than a minute left'],
    [60_000, '1 minute left'],
    [3_599_999, '59 minutes left'],
    [47 * 3_600_000 + 1, '47 hours left'],
    [48 * 3_600_000, '2 days left'],
    [7 * 86_400_000 - 1, '6 days left'],
  ])('%i ms', (ms, text) => {
    expect(timeLeft(new Date(now.getTime() + ms).toISOString(), now.getTime())).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([[850, '850 ms'], [3240, '3.2 s'], [240_000, '4 min'], [7_200_000, '2 h']])('%i ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
