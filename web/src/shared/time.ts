const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const short = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const dated = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit', second: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

const sameDay = (one: Date, other: Date) => one.toDateString() === other.toDateString();

/** Formats a time to the second in the reader's zone and locale, with the date if it is not today. */
export function formatTime(at: string, now = new Date()): string {
  const date = new Date(at);
  return (sameDay(date, now) ? clock : dated).format(date);
}

/** Formats a deadline to the minute, with the date if it is not today. */
export function formatDeadline(at: string, now = new Date()): string {
  const date = new Date(at);
  return (sameDay(date, now) ? short : full).format(date);
}

/** Formats date and time in the reader's zone and locale. */
export const formatDateTime = (at: string): string => full.format(new Date(at));

/** Formats a duration: 850 ms, 3.2 s, 4 min, 2 h. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 6000) / 10} min`;
  return `${Math.round(ms / 360_000) / 10} h`;
}
