import { TomlDate, type TomlDateKind } from "./value.ts";

const form =
  /^(?:(\d{4})-(\d{2})-(\d{2}))?(?:(?<=\d)[Tt ])?(?:(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?)?(?:([Zz])|([+-]\d{2}:\d{2}))?$/;

/**
 * The date or time in `text`, spelled as RFC 3339 has it and as Go prints it again: `T` and `Z` in
 * upper case, seconds present, no zeros at the end of a fraction, at most nine digits of it.
 * `undefined` when there is no such day or time.
 */
export function parseDate(text: string): TomlDate | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = "00", fraction = "", utc, offset] = match;
  if (year !== undefined && !dayExists(Number(year), Number(month), Number(day))) return undefined;
  if (hour !== undefined && (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)) return undefined;
  const date = year === undefined ? "" : `${year}-${month ?? ""}-${day ?? ""}`;
  const time = hour === undefined ? "" : `${hour}:${minute ?? ""}:${second}${shortFraction(fraction)}`;
  const zone = utc === undefined && offset === undefined ? "" : zoneOf(offset);
  if (date === "" && time === "") return undefined;
  if (zone !== "" && (date === "" || time === "")) return undefined;
  if (time === "") return new TomlDate("local-date", date);
  if (date === "") return new TomlDate("local-time", time);
  return new TomlDate(zone === "" ? "local-date-time" : "offset-date-time", `${date}T${time}${zone}`);
}

function dayExists(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return day <= (days[month - 1] ?? 0);
}

function shortFraction(digits: string): string {
  const short = digits.slice(0, 9).replace(/0+$/, "");
  return short === "" ? "" : `.${short}`;
}

function zoneOf(offset: string | undefined): string {
  return offset === undefined || /^[+-]00:00$/.test(offset) ? "Z" : offset;
}

const missingInJson: Readonly<Record<TomlDateKind, readonly [before: string, after: string]>> = {
  "offset-date-time": ["", ""],
  "local-date-time": ["", "Z"],
  "local-date": ["", "T00:00:00Z"],
  "local-time": ["0000-01-01T", "Z"],
};

/** How a date reads in JSON written by Go: always a whole date, time and zone. */
export function dateToJson(date: TomlDate): string {
  const [before, after] = missingInJson[date.kind];
  return before + date.text + after;
}
