import { posix } from "node:path";
import { TspackError } from "../../errors.ts";
import { byteString, type ByteString } from "./byte-string.ts";

/** The body of a PAX extended header: `<length> <key>=<value>\n`, sorted by key. POSIX pax. */
export function encodeRecords(records: ReadonlyMap<string, ByteString>): Buffer {
  const sorted = [...records].sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(sorted.map(([key, value]) => encodeRecord(byteString(key), value)).join(""), "latin1");
}

function encodeRecord(key: ByteString, value: ByteString): string {
  const bare = key.length + value.length + 3;
  let length = bare + String(bare).length;
  // The length counts its own digits, and adding them may add one more.
  if (bare + String(length).length !== length) length = bare + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** The name of the entry that carries an entry's PAX records. */
export function paxEntryName(name: string): string {
  const slash = name.lastIndexOf("/") + 1;
  return posix.join(name.slice(0, slash), "PaxHeaders.0", name.slice(slash));
}

/** Reads the body of a PAX extended header. Throws `INVALID_TAR`. */
export function decodeRecords(body: Uint8Array): Map<string, ByteString> {
  const records = new Map<string, ByteString>();
  let rest: string = byteString(body);
  while (rest !== "") {
    const length = Number(/^([0-9]{1,10}) /.exec(rest)?.[1] ?? 0);
    const record = rest.slice(0, length);
    const start = record.indexOf(" ") + 1;
    const equals = record.indexOf("=");
    if (record.length !== length || !record.endsWith("\n") || start === 0 || equals <= start) {
      throw new TspackError("INVALID_TAR", "the tar has a malformed PAX record");
    }
    const key = Buffer.from(record.slice(start, equals), "latin1").toString();
    records.set(key, record.slice(equals + 1, -1) as ByteString);
    rest = rest.slice(length);
  }
  return records;
}

/** A PAX time in its one canonical form: at most nine decimals, no trailing zeros. Undefined when it is none. */
export function canonicalTime(text: string): string | undefined {
  const match = /^(-?\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const seconds = String(BigInt(match[1] ?? "0"));
  const fraction = (match[2] ?? "").slice(0, 9).replace(/0+$/, "");
  return fraction === "" ? seconds : `${seconds}.${fraction}`;
}
