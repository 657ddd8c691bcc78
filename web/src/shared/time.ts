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

const units = [[86_400_000, 'day'], [3_600_000, 'hour'], [60_000, 'minute']] as const;

/** Says how long it is until a deadline: 6 days left, 47 hours left, 12 minutes left. Days are counted from two on. */
export function timeLeft(at: string, now = Date.now()): string {
  const left = Date.parse(at) - now;
  if (left <= 0) return 'the time is over';
  const [length, name] = units.find(([unit]) => left >= (unit === 86_400_000 ? 2 * unit : unit)) ?? [60_000, 'minute'];
  const count = Math.floor(left / length);
  if (count === 0) return 'less than a minute left';
  return `${count} ${name}${count === 1 ? '' : 's'} left`;
}

/** Formats a duration: 850 ms, 3.2 s, 4 min, 2 h. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 6000) / 10} min`;
  return `${Math.round(ms / 360_000) / 10} h`;
}
