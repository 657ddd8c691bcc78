const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Hours, minutes and seconds in the reader's zone and manner. */
export const formatClock = (at: string): string => clock.format(new Date(at));

/** Date and time in the reader's zone and manner. */
export const formatMoment = (at: string): string => full.format(new Date(at));
