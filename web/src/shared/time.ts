const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Hours, minutes and seconds in the reader's zone and manner. */
export const formatClock = (at: string): string => clock.format(new Date(at));

/** Date and time in the reader's zone and manner. */
export const formatMoment = (at: string): string => full.format(new Date(at));

/** How long something took: 850 ms, 3.2 s, 4 min, 2 h. */
export function formatTook(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 6000) / 10} min`;
  return `${Math.round(ms / 360_000) / 10} h`;
}
