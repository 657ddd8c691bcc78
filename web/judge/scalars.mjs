/**
 * A second implementation of the schema's custom scalars, from their descriptions and RFCs; tests compare the server's with it. Each
 * returns the given value or throws.
 */
import { GraphQLError, Kind } from 'graphql';

const only = (name, fits) => {
  const parseValue = (value) => {
    if (!fits(value)) throw new GraphQLError(`${name} cannot represent this value.`);
    return value;
  };
  const parseLiteral = ({ kind, value }) => {
    if (kind === Kind.STRING) return parseValue(value);
    parseValue(kind === Kind.INT && name === 'Int64' ? value : undefined);
    return Number(value);
  };
  return { parseValue, parseLiteral };
};

const isInt64 = (value) => {
  if (typeof value === 'number' ? !Number.isInteger(value) : typeof value !== 'string' || !/^(0|-?[1-9]\d{0,30})$/.test(value)) return false;
  const n = BigInt(value);
  return n >= -(2n ** 63n) && n < 2n ** 63n;
};

const daysOf = (year, month) => (month === 2 ? ((year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);

/** RFC 3339, sections 5.6 and 5.7: a leap second is the last second of a month in UTC. */
const isDateTime = (value) => {
  const parts = typeof value === 'string' && /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/i.exec(value);
  if (!parts) return false;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number);
  const [offsetHour, offsetMinute] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59) return false;
  if (second < 60) return true;
  const next = new Date(0);
  next.setUTCFullYear(year, month - 1, day);
  next.setUTCHours(hour, minute - (parts[8] === '-' ? -1 : 1) * (offsetHour * 60 + offsetMinute) + 1, 0);
  return next.getUTCDate() === 1 && next.getUTCHours() === 0 && next.getUTCMinutes() === 0;
};

export const scalars = {
  Int64: only('Int64', isInt64),
  DateTime: only('DateTime', isDateTime),
  CurrencyCode: only('CurrencyCode', (value) => typeof value === 'string' && /^[A-Z]{3}$/.test(value)),
  EventCursor: only('EventCursor', (value) => typeof value === 'string'),
  Decimal: only('Decimal', (value) => typeof value === 'string' && value.length <= 40 && /^-?\d+(\.\d+)?$/.test(value)),
};
