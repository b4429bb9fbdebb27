import { InputError } from "../../errors.ts";

/** One member of an `ar` archive; `bytes` is a view, not a copy. */
export interface ArMember {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const magic = "!<arch>\n";
const headerSize = 60;

/** Reads the common form of `ar` that Debian packages have, manual page deb(5). Throws `INVALID_TAR`. */
export function readAr(archive: Buffer, source: string): readonly ArMember[] {
  if (archive.toString("latin1", 0, magic.length) !== magic) throw invalid(source, "the magic of an ar archive");
  const members: ArMember[] = [];
  let at = magic.length;
  while (at + headerSize <= archive.length) {
    const header = archive.toString("latin1", at, at + headerSize);
    const size = /^(\d+) *`\n$/.exec(header.slice(48))?.[1];
    if (size === undefined) throw invalid(source, `a member's header at byte ${at}`);
    const start = at + headerSize;
    const end = start + Number(size);
    if (end > archive.length) throw invalid(source, `${size} bytes after byte ${start}`);
    members.push({ name: header.slice(0, 16).trimEnd().replace(/\/$/, ""), bytes: archive.subarray(start, end) });
    at = end + (end % 2);
  }
  return members;
}

function invalid(source: string, expected: string): InputError {
  const issue = { source, path: "", expected, got: "something else" };
  return new InputError("INVALID_TAR", `${source} is not a Debian package`, [issue]);
}
